"""What Lava once held (tests/vectors/lava.npz), on a Python that Lava may not run on."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.deploy import lava as export
from neurochip.deploy.lava.plan import plan
from neurochip.deploy.recording import record

from ...vectors.make_lava_vectors import FILE, vectors_of
from .networks import GOLDEN, naive_run


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(FILE) as arrays:
        return dict(arrays)


def arrays_of(golden, name):
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): array for key, array in golden.items() if key.startswith(prefix)
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_chip_and_twin_hold_what_lava_held(golden, name):
    case, arrays = GOLDEN[name], arrays_of(golden, name)
    chip = case.chip()
    network = plan(chip)
    for number, layer in enumerate(network.layers):
        assert np.array_equal(layer.weights, arrays[f"weights{number}"])
        assert np.array_equal(layer.bias, arrays[f"bias{number}"])
    inputs = arrays["inputs"]
    for found in (record(chip, inputs), naive_run(network, inputs)):
        for number, layer_states in enumerate(found.layers):
            for state, values in layer_states.states.items():
                assert np.array_equal(values, arrays[f"{state}{number}"]), (number, state)


def test_the_vectors_have_what_is_hard(golden):
    assert arrays_of(golden, "hard")["s0"].any()
    assert arrays_of(golden, "soft")["s1"].any()
    wrapped = arrays_of(golden, "wraps")
    fed = wrapped["inputs"].sum(axis=2) > 0
    assert (np.sign(wrapped["u0"][fed]) == -np.sign(wrapped["weights0"][:, 0])).all()
    saturated = arrays_of(golden, "saturates")
    assert saturated["v0"].min() == -(2**23) + 1


@pytest.mark.skipif(not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10")
@pytest.mark.parametrize("name", GOLDEN)
def test_lava_still_holds_that(golden, name):
    arrays = arrays_of(golden, name)
    made = vectors_of(GOLDEN[name])
    assert made.keys() == arrays.keys()
    assert all(np.array_equal(made[key], arrays[key]) for key in made)
