"""Parity (a): with wide registers, the chip's forward pass equals dyadic vectors as numbers.

A file counts as dyadic where its configuration says so. Which registers are wide enough follows
from its numbers; what no register can hold is skipped with the reason. A few more vectors, of
other neurons and inputs, come from the naive float twin.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import hardware
from neurochip.chip import SATURATED_REGISTERS, Chip, Observation
from neurochip.errors import LimitError
from neurochip.mapping import Projection, plan_of
from neurochip.rules import OTTT
from tests.reference.golden import FOLDER, OTTTVectors, files
from tests.vectors import make_vectors

WEIGHT_BITS, BIAS_BITS, TRACE_BITS, MEMBRANE_BITS = 16, 16, 16, 32
DECAY_BITS = 12
MOST_FRACTION = 30


def fraction_of(values: Any) -> int:
    """Binary digits after the point that hold every one of some float64 exactly."""
    reals = np.unique(np.asarray(values, dtype=np.float64))
    return max((fraction_digits(float(x)) for x in reals), default=0)


def fraction_digits(x: float) -> int:
    """A float64 is a whole number over a power of two."""
    return Fraction(x).denominator.bit_length() - 1


@dataclass(frozen=True)
class Needs:
    """Fractions that a file's numbers need."""

    lam: int
    weight: int
    membrane: int
    trace: int


def needs_of(vectors: OTTTVectors) -> Needs:
    config, arrays = vectors.config, vectors.arrays
    lam = fraction_digits(1.0 - 1.0 / config["tau"])
    weight = fraction_of(np.concatenate([w.ravel() for w in vectors.params.weights]))
    bias = fraction_of(np.concatenate([b.ravel() for b in vectors.params.biases]))
    levels = [config["v_th"], config["v_reset"] or 0.0]
    grown = lam * (config["T"] - 1)
    membranes = [arrays[f"u{j}"] for j in vectors.numbers[:-1]]
    return Needs(
        lam=lam,
        weight=weight,
        membrane=max(weight, bias, fraction_of(levels), *map(fraction_of, membranes)),
        trace=grown,
    )


def why_not(vectors: OTTTVectors) -> str | None:
    """Why no chip can equal a file; None if one can."""
    try:
        plan_of(vectors.network)
    except LimitError as error:
        return str(error)
    if not np.isin(vectors.x, (0.0, 1.0)).all():
        return "its inputs aren't spikes"
    need, largest = (
        needs_of(vectors),
        max(np.abs(vectors.arrays[name]).max() for name in arrays_of_membranes(vectors)),
    )
    if need.lam > DECAY_BITS:
        return f"its decay 1 - 1/{vectors.config['tau']} needs {need.lam} bits"
    if need.membrane > MOST_FRACTION or largest * 2.0**need.membrane >= 2 ** (MEMBRANE_BITS - 1):
        return f"its membranes need {need.membrane} fraction bits and reach {largest}"
    return None


def arrays_of_membranes(vectors: OTTTVectors) -> list[str]:
    return ["out", *(f"{kind}{j}" for j in vectors.numbers[:-1] for kind in "uv")]


def chip_of(vectors: OTTTVectors) -> Chip:
    """A chip whose registers lose nothing."""
    wide = hardware.load("neurochip").with_values(
        {
            "registers.weight.bits": WEIGHT_BITS,
            "registers.weight.headroom": 1.0,
            "registers.bias.bits": BIAS_BITS,
            "registers.bias.max_exponent": 15,
            "registers.accumulator.bits": 32,
            "registers.membrane.bits": MEMBRANE_BITS,
            "registers.membrane.fraction": needs_of(vectors).membrane,
            "registers.trace.bits": TRACE_BITS,
            "registers.gradient.bits": 32,
        }
    )
    rule = OTTT(trace_input=bool(vectors.config.get("trace_input", False)))
    return Chip(vectors.network, wide, rule, encoding="spikes", parameters=vectors.params)


def is_dyadic(path: Path) -> bool:
    return "dyadic" in OTTTVectors.load(path).config


OTHERS: dict[str, dict[str, Any]] = {
    "hard reset": {"v_reset": 0.0},
    "hard reset below 0": {"v_reset": -0.25, "v_th": 0.75, "sizes": [9, 7, 5, 3]},
    "slow decay": {"tau": 4.0, "T": 7},
    "three quarters lost": {"tau": 4.0 / 3.0, "T": 7, "v_th": 0.5},
    "static input": {"input": "static", "T": 9, "sizes": [20, 15, 4]},
    "traced input": {"trace_input": True, "B": 5},
    "one step": {"T": 1, "dyadic": 7},
    "four hidden layers": {"sizes": [12, 14, 13, 12, 11, 5], "dyadic": 3, "T": 8},
}


def made(name: str) -> OTTTVectors:
    """OTTTVectors of the naive float twin."""
    config = {**make_vectors.config_of("ottt_dyadic_small_mlp3"), **OTHERS[name]}
    sizes = config.pop("sizes", [12, 10, 8, 4])
    spec: list[dict[str, Any]] = []
    for n_in, n_out in pairwise(sizes):
        spec += [{"op": "linear", "n_in": n_in, "n_out": n_out}, {"op": "lif"}]
    config = {**config, "spec": spec[:-1], "n_cls": sizes[-1], "in_shape": [sizes[0]]}
    arrays = make_vectors.draw(config, sizes)
    arrays["x"] = np.round(arrays["x"])
    return OTTTVectors(config, arrays | make_vectors.accumulated(config, sizes, arrays))


DYADIC = {path.stem: path for path in files("ottt") if is_dyadic(path)}


def vectors_of(name: str) -> OTTTVectors:
    return OTTTVectors.load(DYADIC[name]) if name in DYADIC else made(name)


@dataclass(frozen=True)
class Case:
    """A file, a chip with its weights, and what the chip did with its samples."""

    vectors: OTTTVectors
    chip: Chip
    seen: list[Observation]

    def stacked(self, kind: str, number: int) -> Any:
        """Registers over (T, B, n)."""
        return np.stack([getattr(shot, kind)[number] for shot in self.seen], axis=1)


@cache
def run(name: str) -> Case:
    vectors = vectors_of(name)
    chip = chip_of(vectors)
    shown = zip(vectors.x.swapaxes(0, 1), vectors.y, strict=True)
    return Case(vectors, chip, [chip.observe(x, int(y), b) for b, (x, y) in enumerate(shown)])


@pytest.fixture(params=[*DYADIC, *OTHERS])
def case(request: pytest.FixtureRequest) -> Case:
    reason = why_not(vectors_of(request.param))
    if reason is not None:
        assert request.param in DYADIC
        pytest.skip(f"{request.param}: {reason}")
    return run(request.param)


def equal(integers: Any, fraction: int, wanted: Any) -> None:
    """As numbers: an integer times a power of two is exact in float64."""
    np.testing.assert_array_equal(integers * 2.0**-fraction, wanted.reshape(integers.shape))


def test_there_is_a_file_to_compare_with() -> None:
    assert any(why_not(vectors_of(name)) is None for name in DYADIC), f"none in {FOLDER}"


def test_parameters(case: Case) -> None:
    held, wanted = case.chip.parameters, case.vectors.params
    for ours, theirs in zip(
        held.weights + held.biases, wanted.weights + wanted.biases, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_membranes_before_the_reset(case: Case) -> None:
    for j in case.vectors.numbers[:-1]:
        fraction = case.chip.formats.layers[j - 1].membrane
        equal(case.stacked("v_pre", j - 1), fraction, case.vectors.arrays[f"u{j}"])


def test_membranes_after_the_reset(case: Case) -> None:
    for j in case.vectors.numbers[:-1]:
        fraction = case.chip.formats.layers[j - 1].membrane
        equal(case.stacked("v", j - 1), fraction, case.vectors.arrays[f"v{j}"])


def test_spikes(case: Case) -> None:
    for j in case.vectors.numbers[:-1]:
        equal(case.stacked("signal", j), 0, case.vectors.arrays[f"s{j}"])


def test_traces(case: Case) -> None:
    need = needs_of(case.vectors).trace
    names = [f"tr{j}" for j in range(len(case.vectors.numbers))]
    for name, entry in zip(names, case.chip.formats.layers, strict=True):
        if name not in case.vectors.arrays:
            assert name == "tr0"
            continue
        number = names.index(name)
        projection = plan_of(case.vectors.network)[number]
        if need + projection.signal_fraction > entry.factor:
            pytest.skip(f"traces need {need} fraction bits, and {entry.factor} are there")
        wanted = pooled(projection, case.vectors.arrays[name])
        equal(case.stacked("factor", number), entry.factor, wanted)


def pooled(projection: Projection, values: Any) -> Any:
    """What average pools leave of (T, B, ...) on the way to a weight layer."""
    for side in projection.pools:
        *batch, height, width = values.shape
        whole = values[..., : height - height % side, : width - width % side]
        squares = whole.reshape(*batch, height // side, side, width // side, side)
        values = squares.mean(axis=(-3, -1))
    return values


def test_outputs_and_predictions(case: Case) -> None:
    outputs = np.stack([shot.outputs for shot in case.seen], axis=1)
    equal(outputs, case.chip.formats.layers[-1].membrane, case.vectors.arrays["out"])
    predicted = case.chip.predict(case.vectors.x.swapaxes(0, 1))
    np.testing.assert_array_equal(predicted, case.vectors.arrays["out"].sum(axis=0).argmax(axis=1))


def test_nothing_saturates_in_the_forward_pass(case: Case) -> None:
    for name in ("accumulator", "current", "membrane", "trace"):
        which = SATURATED_REGISTERS.index(name)
        assert not any(shot.saturations[..., which].any() for shot in case.seen), name
