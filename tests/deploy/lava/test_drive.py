"""Lava's own process models: their integers, and the chip's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurochip import data
from neurochip.chip import Chip
from neurochip.deploy import lava as export
from neurochip.deploy import states
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.recording import predictions, record
from neurochip.errors import ExportError, ParityError
from neurochip.network import LIF, AvgPool, Network

from ...naive import lava as naive
from .networks import (
    Case,
    ImageCase,
    Stage,
    cases,
    image_cases,
    naive_run,
    wrapping_cases,
    wrapping_image_cases,
)

pytestmark = pytest.mark.skipif(
    not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)

BITS24 = 2**23


# Lava against an independent model of it: what the golden vectors and the other Pythons rely on


@st.composite
def dense_cases(draw):
    n_in, n_out = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    ints = st.integers(-300, 300)
    return {
        "weights": draw(
            st.lists(st.lists(ints, min_size=n_in, max_size=n_in), min_size=n_out, max_size=n_out)
        ),
        "weight_exp": draw(st.integers(-8, 7)),
        "num_weight_bits": draw(st.integers(1, 8)),
        "sign_mode": draw(st.sampled_from([naive.MIXED, naive.EXCITATORY, naive.INHIBITORY])),
        "graded": draw(st.booleans()),
        "inputs": draw(
            st.lists(
                st.lists(st.integers(0, 255), min_size=n_in, max_size=n_in), min_size=1, max_size=5
            )
        ),
    }


@given(case=dense_cases())
def test_dense_is_what_the_twin_says(case):
    from lava.proc.dense.process import Dense
    from lava.proc.io.source import RingBuffer
    from lava.proc.lif.process import LIF
    from lava.utils.weightutils import SignMode

    from neurochip.deploy.lava.drive import step_models

    inputs = np.array(case["inputs"], np.int32)
    source = RingBuffer(data=inputs.T.copy())
    dense = Dense(
        weights=np.array(case["weights"], np.int32),
        weight_exp=case["weight_exp"],
        num_weight_bits=case["num_weight_bits"],
        sign_mode=SignMode[case["sign_mode"].upper()],
        num_message_bits=8 if case["graded"] else 0,
    )
    # A neuron that forgets shows in u, shifted by 6, what the synapses sent.
    probe = LIF(shape=(len(case["weights"]),), du=4095, dv=0, vth=131071)
    source.s_out.connect(dense.s_in)
    dense.a_out.connect(probe.a_in)
    found = step_models((source, dense, probe), (probe,), len(inputs))[0]["u"]
    twin = naive.Dense(
        case["weights"],
        case["weight_exp"],
        case["num_weight_bits"],
        case["sign_mode"],
        case["graded"],
    )
    sent = np.array([twin.step(row) for row in case["inputs"]])
    assume((abs(sent) < BITS24 >> 6).all())
    assert found.tolist() == (sent << 6).tolist()


@st.composite
def conv_cases(draw):
    shape = tuple(draw(st.integers(1, 4)) for _ in range(3))
    padding = draw(st.integers(0, 2))
    side = draw(st.integers(1, min(3, min(shape[1:]) + 2 * padding)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reach = draw(st.sampled_from([3, 300, 2**22]))
    kernels = rng.integers(-reach, reach, (draw(st.integers(1, 3)), shape[0], side, side))
    return {
        "kernels": kernels,
        "shape": shape,
        "stride": draw(st.integers(1, 3)),
        "padding": padding,
        "graded": draw(st.booleans()),
        "inputs": rng.integers(0, 5, (3, *shape)),
    }


@given(case=conv_cases())
@settings(max_examples=60)
def test_convolutions_are_what_the_twin_says(case):
    """Lava's axes are (width, height, channels), and its kernels turned round."""
    from lava.proc.conv.process import Conv
    from lava.proc.io.source import RingBuffer

    from neurochip.deploy.lava.drive import make_models

    inputs = case.pop("inputs")
    twin = naive.Conv(**{**case, "kernels": case["kernels"].tolist()})
    source = RingBuffer(data=inputs.transpose(3, 2, 1, 0).astype(np.int32))
    conv = Conv(
        weight=case["kernels"][:, :, ::-1, ::-1].transpose(0, 3, 2, 1).astype(np.int32),
        input_shape=case["shape"][::-1],
        stride=case["stride"],
        padding=case["padding"],
        num_message_bits=3 if case["graded"] else 0,
    )
    source.s_out.connect(conv.s_in)
    models = make_models((source, conv))
    for step, row in enumerate(inputs, start=1):
        for model in models.values():
            model.time_step = step
            model.run_spk()
        sent = models[conv.id].a_out.last
        assert sent.transpose(2, 1, 0).ravel().tolist() == twin.step(row.ravel().tolist())


@st.composite
def lif_cases(draw):
    n = draw(st.integers(1, 4))
    activation = st.integers(-(2**18), 2**18)
    return {
        "n": n,
        "du": draw(st.one_of(st.sampled_from([0, 4095]), st.integers(0, 4095))),
        "dv": draw(st.integers(0, 4095)),
        "bias_mant": draw(st.lists(st.integers(-4096, 4095), min_size=n, max_size=n)),
        "bias_exp": draw(st.integers(-3, 7)),
        "vth": draw(st.integers(0, 131071)),
        "interval": draw(st.integers(0, 4)),
        "offset": draw(st.integers(0, 4)),
        "soft": draw(st.booleans()),
        "inputs": draw(
            st.lists(st.lists(activation, min_size=n, max_size=n), min_size=1, max_size=12)
        ),
    }


@given(case=lif_cases())
def test_neurons_are_what_the_twin_says(case):
    from lava.proc.io.source import RingBuffer
    from lava.proc.lif.process import LIF, LIFReset

    from neurochip.deploy.lava.drive import step_models
    from neurochip.deploy.lava.player.processes.soft_lif import SoftLIF

    inputs = case.pop("inputs")
    twin = naive.LIF(**{**case, "soft": case["soft"] and case["interval"] > 0})
    source = RingBuffer(data=np.array(inputs, np.int32).T.copy())
    options = {name: case[name] for name in ("du", "dv", "bias_exp", "vth")}
    options |= {"shape": (case["n"],), "bias_mant": np.array(case["bias_mant"])}
    if case["interval"]:
        kind = SoftLIF if case["soft"] else LIFReset
        neurons = kind(**options, reset_interval=case["interval"], reset_offset=case["offset"])
    else:
        neurons = LIF(**options)
    source.s_out.connect(neurons.a_in)
    found = step_models((source, neurons), (neurons,), len(inputs))[0]
    for step, row in enumerate(inputs):
        spikes = twin.step(row)
        assert found["s"][step].tolist() == spikes
        assert found["u"][step].tolist() == twin.u
        assert found["v"][step].tolist() == twin.v


# The chip against Lava


def differing(case: Case) -> list[states.Verdict]:
    chip = case.chip()
    try:
        return [v for v in export.compare(chip, case.samples()) if v.mismatches]
    except ExportError as refusal:
        assume("the read-out can reach" not in str(refusal))
        raise


@given(case=cases())
@settings(max_examples=100)
def test_a_chip_equals_lava(case):
    assert differing(case) == []


@given(case=wrapping_cases())
@settings(max_examples=25)
def test_wrapped_currents_equal_lavas(case):
    assert differing(case) == []


@given(case=image_cases())
@settings(max_examples=60)
def test_a_chip_of_convolutions_and_pools_equals_lava(case):
    assert differing(case) == []


@given(case=wrapping_image_cases())
@settings(max_examples=15)
def test_wrapped_currents_of_convolutions_equal_lavas(case):
    assert differing(case) == []


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_two_hundred_steps_of_convolutions_of_every_weight_width(bits, reset):
    case = ImageCase(
        sizes=(4,),
        shape=(2, 6, 5),
        stages=(Stage(4, 3, 1, 1), Stage(3, 2, 2, 1, AvgPool(2))),
        weight_bits=bits,
        timesteps=220,
        threshold=1 << (bits - 2),
        reset=reset,
        readout="spiking",
    )
    chip, samples = case.chip(), case.samples(1)
    assert record(chip, samples).layers[1].states["s"].any()
    verdicts = export.compare(chip, samples)
    assert [(v.layer, v.state, v.steps, v.mismatches) for v in verdicts] == [
        (layer, state, 220, 0)
        for layer in ("layer 0", "layer 1", "read-out")
        for state in ("u", "v", "s")
    ]


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_two_hundred_steps_of_every_weight_width(bits, reset):
    case = Case(
        sizes=(20, 30, 10, 4),
        weight_bits=bits,
        timesteps=220,
        threshold=1 << (bits - 2),
        reset=reset,
        readout="spiking",
    )
    verdicts = export.compare(case.chip(), case.samples())
    assert [(v.layer, v.state, v.steps, v.mismatches) for v in verdicts] == [
        (layer, state, 440, 0)
        for layer in ("layer 0", "layer 1", "read-out")
        for state in ("u", "v", "s")
    ]


@pytest.mark.parametrize("exponent", range(8))
def test_two_hundred_steps_of_every_exponent(exponent):
    case = Case(
        sizes=(20, 30, 10, 4),
        exponent=exponent,
        timesteps=220,
        threshold=100 << exponent,
        lam=0.9,
        readout="spiking",
    )
    chip, samples = case.chip(), case.samples(1)
    assert [layer.exponent for layer in plan(chip).layers] == [exponent] * 3
    assert record(chip, samples).layers[2].states["s"].any()
    assert_equal_for(220, chip, samples)


DENSE_EXTREME = Case(
    sizes=(150, 8, 2), exponent=3, timesteps=220, threshold=131071, lam=0.99, extreme=True
)
CONV_EXTREME = ImageCase(
    sizes=(2,),
    shape=(8, 6, 5),
    stages=(Stage(4, 5, 1, 1),),
    exponent=3,
    timesteps=220,
    threshold=131071,
    lam=0.99,
    extreme=True,
)


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("base", [DENSE_EXTREME, CONV_EXTREME], ids=["dense", "conv"])
def test_two_hundred_steps_of_membranes_at_their_ends(base, reset):
    case = replace(base, reset=reset, density=0.5)
    chip, samples = case.chip(), case.samples(1)
    layer = record(chip, samples).layers[0].states
    assert (layer["v"] == 1 - BITS24).sum() > 20
    if reset == "soft":
        # What a full membrane has left when the threshold is taken off.
        assert (layer["v"] == BITS24 - 1 - (131071 << 6)).sum() > 20
    assert_equal_for(220, chip, samples)


@pytest.mark.parametrize("current_lam", [0.0, 0.7])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("base", [DENSE_EXTREME, CONV_EXTREME], ids=["dense", "conv"])
def test_two_hundred_steps_of_currents_that_turn_around(base, reset, current_lam):
    case = replace(base, reset=reset, threshold=5000, current_lam=current_lam, density=0.9)
    chip, samples = case.chip(), case.samples(1)
    u = record(chip, samples).layers[0].states["u"]
    weights = plan(chip).layers[0].weights
    # All weights of a neuron have one sign, so that its current has the other only by a turn.
    signs = np.sign(weights.reshape(len(weights), -1)[:, 0]).repeat(u.shape[2] // len(weights))
    assert (u * signs < 0).mean() > 0.1
    assert_equal_for(220, chip, samples)


def assert_equal_for(steps: int, chip: Chip, samples: np.ndarray) -> None:
    """u, v and s of every layer, in every step."""
    verdicts = export.compare(chip, samples)
    assert len(verdicts) == 3 * len(chip.network.weight_layers)
    assert {(v.steps, v.mismatches) for v in verdicts} == {(steps, 0)}


def test_the_twin_of_lava_runs_whole_networks_as_lava_does():
    from neurochip.deploy.lava.drive import drive

    case = Case(sizes=(6, 5, 4, 3), timesteps=7, lam=0.8)
    network, inputs = plan(case.chip()), case.samples(3)
    verdicts = states.compare(naive_run(network, inputs).layers, drive(network, inputs).layers)
    assert [v for v in verdicts if v.mismatches] == []


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_digits_are_recognised_as_well_in_lava(kind):
    from neurochip.deploy.lava.drive import drive

    digits = data.load("digits")
    networks = {
        "mlp": Network.mlp([64, 32, 10], timesteps=8, reset="hard", fires=">"),
        "conv": Network.conv("8C3-P2-32", (1, 8, 8), 10, 8, neuron=LIF(reset="hard", fires=">")),
    }
    network = networks[kind]
    chip = Chip(network, "loihi", encoding="rate")
    chip.learn(digits.train, epochs=3)
    inputs = record(chip, digits.test.x).inputs
    classes = predictions("linear", drive(plan(chip), inputs).layers[-1])
    result = chip.evaluate(digits.test)
    assert np.mean(classes == digits.test.y) == result.accuracy > 0.6
    assert np.array_equal(classes, result.predictions)


def test_check_raises_at_the_first_difference(monkeypatch):
    from neurochip.deploy.lava import drive

    case = Case(sizes=(5, 4, 3))
    chip, samples = case.chip(), case.samples()
    export.check(chip, samples)
    honest = drive.drive

    def lying(network, inputs):
        result = honest(network, inputs)
        result.layers[0].states["v"][1, 2, 3] += 5
        return result

    monkeypatch.setattr(drive, "drive", lying)
    v = int(record(chip, samples).layers[0].states["v"][1, 2, 3])
    with pytest.raises(ParityError) as caught:
        export.check(chip, samples)
    assert str(caught.value) == (
        f"v of layer 0 differs from Lava's in 1 places, first in sample 1, step 2, neuron 3: {v} "
        f"on the chip, {v + 5} in Lava; report it as a bug"
    )
