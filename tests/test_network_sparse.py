"""Listed synapses as part of a network's description."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.errors import NetworkError
from neurochip.network import LIF, Dense, Feedback, Network, Parameters, Sparse, initialise
from neurochip.reference import record
from neurochip.rules import OTTT


def test_synapses_may_be_given_in_any_order():
    layer = Sparse.between([2, 0, 2], [1, 3, 0], 3, 4)
    assert layer.offsets.tolist() == [0, 1, 1, 3]
    assert layer.targets.tolist() == [3, 0, 1]
    assert layer.sources.tolist() == [0, 2, 2]
    assert layer.fan_out.tolist() == [1, 0, 2]
    assert (layer.n_synapses, layer.fan_in, layer.weight_shape) == (3, 1, (3,))


def test_no_synapse_at_all():
    layer = Sparse.between([], [], 2, 3)
    assert (layer.n_synapses, layer.fan_in) == (0, 0)
    assert initialise(Network((layer,), 1), 0).weights[0].shape == (0,)


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_description_leads_back(n_in, n_out, density, seed):
    layer = Sparse.random(n_in, n_out, density, seed, bias=False)
    back = Sparse.random(n_out, n_out, density, seed, bias=False)
    network = Network((layer, LIF(), Dense(n_out, 2)), 3, feedback=(Feedback(1, 0, (back,)),))
    again = Network.from_dict(network.to_dict())
    assert again == network
    assert hash(again.layers[0]) == hash(layer)
    assert network.in_shape == (n_in,)


def test_other_synapses_make_another_layer():
    layer = Sparse.between([0, 1], [1, 0], 2, 2)
    assert layer != Sparse.between([0, 1], [1, 1], 2, 2)
    assert layer != Sparse.between([0, 1], [1, 0], 2, 2, bias=False)
    assert layer != Dense(2, 2)


def test_float_currents_are_those_of_a_dense_with_zeros():
    rng = np.random.default_rng(0)
    sparse = Sparse.random(6, 5, 0.4, 1)
    back = Sparse.random(5, 5, 0.4, 2, bias=False)
    full = (Dense(6, 5), Dense(5, 5, bias=False))
    tail = (LIF(v_th=0.5), Dense(5, 2))
    nets = [
        Network((layer, *tail), 4, feedback=(Feedback(1, 0, (loop,)),))
        for layer, loop in ((sparse, back), full)
    ]
    w, r = rng.normal(size=sparse.n_synapses), rng.normal(size=back.n_synapses)
    outputs = []
    dense = np.zeros((5, 6)), np.zeros((5, 5))
    dense[0][sparse.targets, sparse.sources] = w
    dense[1][back.targets, back.sources] = r
    top, zero = rng.normal(size=(2, 5)), np.zeros(5)
    x = rng.random((3, 6))
    for network, (first, loop) in zip(nets, ((w, r), dense), strict=True):
        parameters = Parameters((first, top, loop), (zero, np.zeros(2), zero))
        recording = record(network, parameters, x, np.zeros(3, int), OTTT())
        outputs.append(recording.out)
    assert outputs[0].any()
    assert np.array_equal(outputs[0], outputs[1])


def rows(n_in: int, n_out: int, offsets: list[int], targets: list[float]) -> Sparse:
    return Sparse(n_in, n_out, np.array(offsets), np.array(targets))


REFUSED = {
    "offsets": (
        lambda: rows(2, 2, [0, 1], [0]),
        "Sparse has 2 offsets for 2 inputs; give one more than inputs.",
    ),
    "the end": (
        lambda: rows(2, 2, [0, 1, 3], [0, 1]),
        "Sparse offsets must rise from 0 to the number of targets, 2; they go from 0 to 3.",
    ),
    "falling offsets": (
        lambda: rows(3, 2, [0, 2, 1, 2], [0, 1]),
        "Sparse offsets must rise from 0 to the number of targets, 2; they go from 0 to 2 or fall.",
    ),
    "a target": (
        lambda: rows(1, 2, [0, 1], [2]),
        "Sparse targets go from 2 to 2; they must be 0 to 1.",
    ),
    "a target twice": (
        lambda: Sparse.between([0, 1, 1], [1, 0, 0], 2, 2),
        "Sparse input 1 lists the target 0 after 0; list each once, ascending.",
    ),
    "a source": (
        lambda: Sparse.between([2], [0], 2, 2),
        "Sparse sources go from 2 to 2; they must be 0 to 1.",
    ),
    "as many": (
        lambda: Sparse.between([0, 1], [0], 2, 2),
        "Sparse has 2 sources and 1 targets; give one of each per synapse.",
    ),
    "fractions": (
        lambda: rows(1, 2, [0, 1], [0.5]),
        "Sparse targets are float64 of shape (1,); give whole numbers in a row.",
    ),
    "a density": (
        lambda: Sparse.random(2, 2, 1.5, 0),
        "Sparse density is 1.5; it must be a number from 0 to 1.",
    ),
    "a shape": (
        lambda: Sparse.random(2, 2, 1, 0).out_shape((3,)),
        "Sparse needs the shape (2,) but (3,) comes in; make the layer below fit or change this "
        "one.",
    ),
}


@pytest.mark.parametrize(("make", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(make, sentence):
    with pytest.raises(NetworkError, match=f"^{re.escape(sentence)}$"):
        make()
