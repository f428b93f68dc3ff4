"""Comparing what two executions held: the first difference, and what can't be compared."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.deploy.states import Difference, LayerStates, Verdict, compare, rows


def layer(**states: np.ndarray) -> LayerStates:
    return LayerStates("layer 0", states)


def held() -> np.ndarray:
    return np.arange(2 * 3 * 4).reshape(2, 3, 4)


def test_the_first_difference_is_told():
    other = held()
    other[1, 0, 2], other[1, 2, 1] = 99, 98
    verdicts = compare([layer(u=held(), v=held())], [layer(v=other, u=held())])
    assert verdicts == (
        Verdict("layer 0", "u", 6, 0, None),
        Verdict("layer 0", "v", 6, 2, Difference(1, 0, 2, 14, 99)),
    )
    assert rows(verdicts)[2][-1] == "sample 1, step 0, neuron 2: 14 expected, 99 found"


@pytest.mark.parametrize(
    "found",
    [held()[:1], held()[:, :1], held()[..., :1], held()[:, :2]],
    ids=["one sample", "one step", "one neuron", "fewer steps"],
)
def test_registers_of_other_shapes_are_not_compared(found):
    for expected, given in ((held(), found), (found, held())):
        with pytest.raises(ValueError, match="of layer 0 can't be compared: ") as caught:
            compare([layer(u=expected)], [layer(u=given)])
        assert str(caught.value) == (
            f"registers of layer 0 can't be compared: {{'u': {expected.shape}}} are expected, "
            f"{{'u': {given.shape}}} found"
        )


def test_a_register_that_one_side_lacks_is_not_passed_over():
    both, one = layer(u=held(), v=held()), layer(u=held())
    for expected, found in ((both, one), (one, both)):
        with pytest.raises(ValueError, match="registers of layer 0 can't be compared"):
            compare([expected], [found])


def test_as_many_layers_are_needed():
    with pytest.raises(ValueError, match="zip"):
        compare([layer(u=held())], [])
