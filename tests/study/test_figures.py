"""Which figures a study has, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurochip import study
from neurochip.plot.study import Drawn, Findings
from neurochip.plot.study_figures import draw
from neurochip.study.conduct import Desk, conduct
from neurochip.study.page import findings
from neurochip.study.work import Unit
from tests.study.small import Invented, small, url


def found(folder: Path, **other: Any) -> Findings:
    spec = small(**other)

    def values(unit: Unit) -> tuple[float, ...] | str:
        bits = unit.setting.get("weight_bits", 8)
        shifts = unit.setting.get("rate_shifts", [4, 4])
        if unit.setting.get("lam") == 0.99:
            return "a trace is too narrow"
        accuracy = 0.9 - 0.1 / bits + 0.001 * unit.seed - 0.01 * (shifts[0] + 2 * shifts[-1])
        numbers = {"accuracy": accuracy, "memory_bits": 100.0 * bits, "spikes": 5.0}
        return tuple(numbers[name] for name in spec.objectives)

    with study.open_store(spec, url(folder)) as store:
        conduct(Desk(spec, store), Invented(spec, values), 1)
        return findings(study.table_of(store))


def names(drawn: list[Drawn]) -> list[str]:
    return [entry.name for entry in drawn]


def texts(drawn: Drawn) -> list[str]:
    return [text.get_text() for axes in drawn.figure.axes for text in axes.texts]


def test_two_knobs_have_a_map_of_each_objective_that_differs(tmp_path: Path) -> None:
    drawn = draw(found(tmp_path, objectives=["accuracy", "memory_bits", "spikes"]))
    assert names(drawn) == [
        "heat_weight_bits_trace_bits",
        "heat_memory_weight_bits_trace_bits",
        "against_weight_bits",
        "against_trace_bits",
        "front",
    ]
    assert texts(drawn[1]) == ["400", "400", "800", "800"]


def test_a_third_knob_with_few_values_gives_panels(tmp_path: Path) -> None:
    knobs = {"weight_bits": [4, 6, 8], "trace_bits": [4, 6, 8], "lam": [0.5, 0.99]}
    heat = draw(found(tmp_path, knobs=knobs))[0]
    assert [axes.get_title("left") for axes in heat.figure.axes] == ["lam 0.5", "lam 0.99"]
    assert sum(text == "×" for text in texts(heat)) == 9
    assert heat.hints["trial-1"].endswith("; failed: a trace is too narrow")


def test_with_too_many_panels_each_pair_has_a_map_of_means(tmp_path: Path) -> None:
    turned = ("weight_bits", "trace_bits", "error_bits", "delta_bits", "membrane_bits")
    knobs = {name: [8, 12] for name in turned}
    drawn = draw(found(tmp_path, knobs=knobs, seeds=[0], objectives=["accuracy"]))
    assert names(drawn)[:6] == [
        *(f"heat_weight_bits_{other}" for other in turned[1:]),
        "heat_trace_bits_error_bits",
        "heat_trace_bits_delta_bits",
    ]
    assert drawn[0].hints["cell-0-0"] == (
        "weight_bits 8, trace_bits 8: 8 settings, mean 76.75 %"  # .9 - .0125 - .12
    )


def test_layers_that_are_turned_alone_have_a_figure(tmp_path: Path) -> None:
    knobs = {"rate_shifts": [[4, 4], [6, 4], [8, 4], [4, 6], [4, 8], [6, 6]], "trace_bits": [4, 8]}
    drawn = {entry.name: entry for entry in draw(found(tmp_path, knobs=knobs))}
    layers = drawn["layers_rate_shifts"]
    assert layers.caption == (
        "Accuracy with its 95 % interval when one layer alone differs from rate_shifts 4,4 "
        "(dashed), with trace_bits 4."
    )
    (axes,) = layers.figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["layer 0", "read-out"]
    lines = [line for line in axes.lines if line.get_label() in ("layer 0", "read-out")]
    assert [len(line.get_xdata()) for line in lines] == [3, 3]  # type: ignore[arg-type]


def test_layers_that_are_turned_together_have_none(tmp_path: Path) -> None:
    drawn = draw(found(tmp_path, knobs={"rate_shifts": [[4, 4], [5, 5], [6, 6]]}))
    assert names(drawn) == ["against_rate_shifts"]


@pytest.mark.parametrize("log", [False, True])
def test_a_range_is_an_axis_of_numbers(log: bool, tmp_path: Path) -> None:
    knobs = {"lam": {"low": 0.01, "high": 0.9, "log": log}}
    (drawn,) = draw(found(tmp_path, search="random", trials=9, knobs=knobs))
    assert drawn.figure.axes[0].get_xscale() == ("log" if log else "linear")
    assert len(drawn.hints) == 9


def test_more_lines_than_can_be_told_apart_are_dots_and_a_mean(tmp_path: Path) -> None:
    knobs = {"weight_bits": [4, 8], "trace_bits": [2, 3, 4, 5, 6, 7, 8]}
    drawn = {entry.name: entry for entry in draw(found(tmp_path, knobs=knobs))}
    assert drawn["against_weight_bits"].caption.endswith(
        "black is the mean of all settings with a value."
    )
    assert drawn["against_trace_bits"].caption.endswith("a line for each weight_bits.")


def test_a_knob_with_one_value_is_no_difference_between_lines(tmp_path: Path) -> None:
    alone = draw(found(tmp_path, name="one", knobs={"weight_bits": [4, 8], "lam": [0.5]}))[0]
    assert alone.caption == "Mean over the seeds and its 95 % interval (Student's t)."
    knobs = {"weight_bits": [4, 8], "lam": [0.5], "rounding": ["nearest", "stochastic"]}
    drawn = {entry.name: entry for entry in draw(found(tmp_path, name="two", knobs=knobs))}
    lines = drawn["against_weight_bits"]
    assert lines.caption.endswith(", a line for each rounding.")
    legend = lines.figure.axes[0].get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "rounding"
    assert [text.get_text() for text in legend.get_texts()] == ["nearest", "stochastic"]


def test_words_are_joined_by_no_line(tmp_path: Path) -> None:
    knobs = {"weight_bits": [4, 8], "rounding": ["nearest", "stochastic"]}
    drawn = {entry.name: entry for entry in draw(found(tmp_path, knobs=knobs))}
    assert drawn["against_rounding"].caption.endswith("a colour for each weight_bits.")
    assert drawn["against_weight_bits"].caption.endswith("a line for each rounding.")


def test_the_front_labels_its_points_in_full_or_by_trial(tmp_path: Path) -> None:
    drawn = draw(found(tmp_path, knobs={"weight_bits": [4, 6, 8]}))
    assert texts(drawn[-1]) == ["0: 4", "1: 6", "2: 8"]
    many = {"weight_bits": [2, 3, 4, 5, 6, 7, 8], "trace_bits": [3, 4, 5, 6, 7, 8]}
    labels = texts(draw(found(tmp_path, knobs=many, name="many"))[-1])
    assert len(labels) == len(set(labels)) == 7  # one of those that are equal
