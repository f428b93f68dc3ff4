"""A study file: what it may say, and what is said of one that asks for what doesn't exist."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurochip import study
from neurochip.errors import ConfigError
from neurochip.study import presets, read
from neurochip.study.knobs import Range, parse
from neurochip.study.search import propose
from neurochip.study.spec import differences, make
from tests.study.small import SMALL, small, url

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def refused(told: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        make(told, "s")
    return str(caught.value)


def test_a_grid_is_every_combination_the_last_knob_fastest() -> None:
    assert small().grid() == [
        {"weight_bits": 4, "trace_bits": 4},
        {"weight_bits": 4, "trace_bits": 6},
        {"weight_bits": 8, "trace_bits": 4},
        {"weight_bits": 8, "trace_bits": 6},
    ]
    assert small().trials == 4


def test_a_setting_of_a_grid_is_found_without_the_others() -> None:
    spec = small(knobs={"weight_bits": [4, 8], "lam": {"low": 0.1, "high": 0.3, "step": 0.1}})
    proposed = [propose(spec, [], [number])[0].setting for number in range(spec.trials)]
    assert proposed == spec.grid()
    assert proposed[4] == {"weight_bits": 8, "lam": 0.2}


def test_a_range_of_whole_numbers_has_all_of_them() -> None:
    spec = small(knobs={"weight_bits": {"low": 3, "high": 8}})
    assert [setting["weight_bits"] for setting in spec.grid()] == [3, 4, 5, 6, 7, 8]


@given(st.integers(1, 50), st.integers(0, 40), st.integers(1, 7))
def test_the_values_of_a_stepped_range_are_the_decimals_that_one_would_write(
    low: int, steps: int, step: int
) -> None:
    knob = parse(
        "lam", {"low": low / 10, "high": (low + steps * step) / 10, "step": step / 10}, "s"
    )
    assert isinstance(knob, Range)
    assert knob.count == steps + 1
    assert [knob.value(n) for n in range(steps + 1)] == [
        (low + n * step) / 10 for n in range(steps + 1)
    ]


@pytest.mark.parametrize("step", [0.1, 0.05, 0.025])
def test_every_value_of_a_stepped_range_can_be_stored(step: float, tmp_path: Path) -> None:
    spec = small(knobs={"lam": {"low": 0.1, "high": 0.7, "step": step}})
    with study.open_store(spec, url(tmp_path)) as store:
        added = [trial.setting for trial in store.add(list(range(spec.trials)))]
        assert added == [trial.setting for trial in store.trials()] == spec.grid()
    assert added[-1] == {"lam": 0.7}


def test_a_run_gets_its_setting_its_seed_and_the_holdout() -> None:
    config = small().config({"weight_bits": 4, "trace_bits": 6}, 7)
    assert (config.weight_bits, config.trace_bits, config.seed) == (4, 6, 7)
    assert (config.holdout, config.epochs, config.hidden) == (0.2, 1, (8,))
    assert not config.count_saturations
    counted = small(objectives=["saturation_rate"]).config({}, 0)
    assert counted.count_saturations


@pytest.mark.parametrize("name", presets())
def test_presets_are_studies(name: str) -> None:
    spec = read(name)
    assert spec.name == name
    assert len(spec.seeds) >= 3


def test_another_data_set_may_take_the_place_of_the_files() -> None:
    spec, other = read("bits"), read("bits", data="mnist.npz")
    assert (spec.run["data"], other.run["data"]) == ("digits", "mnist.npz")
    assert differences(spec.told, other.told) == ["run.data was 'digits', now 'mnist.npz'"]


def test_a_study_as_toml_is_the_same_study(tmp_path: Path) -> None:
    spec = small(search="random", trials=5, title='a "quoted" title')
    path = tmp_path / "small.toml"
    path.write_text(spec.to_toml())
    assert read(path) == spec
    assert tomllib.loads(spec.to_toml())["knobs"] == SMALL["knobs"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"knobs": {"weigth_bits": [4]}},
            "study 's': knob 'weigth_bits' is unknown (did you mean 'weight_bits'?); the knobs "
            "are ",
        ),
        (
            {"run": {"epoch": 3}},
            "study 's': option 'epoch' is unknown (did you mean 'epochs'?); the options are ",
        ),
        (
            {"epochs": 3},
            "study 's': key 'epochs' is unknown (options of a run belong under [run]); the keys "
            "are title, workflow, search, trials, batch, search_seed, seeds, objectives, holdout, "
            "run, knobs",
        ),
        (
            {"objectives": ["enegry"]},
            "study 's': objective 'enegry' doesn't exist for workflow 'chip' (did you mean "
            "'energy'?); the objectives are ",
        ),
        (
            {"workflow": "ptq", "objectives": ["saturation_rate"]},
            "study 's': objective 'saturation_rate' doesn't exist for workflow 'ptq'; the "
            "objectives are accuracy, memory_bits, synaptic_operations, spikes, energy, latency, "
            "memory_traffic, firing_drift",
        ),
        ({"knobs": {}}, "study 's' has no knobs; name one or more under [knobs]"),
        (
            {"knobs": {"weight_bits": []}},
            "study 's': knob 'weight_bits' has no values; give one or more",
        ),
        (
            {"knobs": {"weight_bits": [4, 4]}},
            "study 's': knob 'weight_bits' has the value 4 twice; leave one out",
        ),
        (
            {"knobs": {"weight_bits": {"low": 8, "high": 4}}},
            "study 's': knob 'weight_bits' has the empty range 8 to 4; exchange its ends",
        ),
        (
            {"knobs": {"weight_bits": {"from": 8}}},
            "study 's': knob 'weight_bits' is {'from': 8}; a range has low and high, and perhaps "
            "step or log",
        ),
        (
            {"knobs": {"lam": {"low": 0.1, "high": 0.5}}},
            "study 's': knob 'lam' has a range without steps, of which a grid can't try all "
            "values; give a list or a step, or search 'random', 'tpe' or 'nsga2'",
        ),
        (
            {"knobs": {"lam": {"low": 0.1, "high": 0.5, "step": 0}}},
            "study 's': knob 'lam' has the step 0; give a step above 0, or log, or neither",
        ),
        (
            {"knobs": {"lam": {"low": 0.1, "high": 0.75, "step": 0.1}}},
            "study 's': knob 'lam' has the range 0.1 to 0.75, at whose end no step of 0.1 arrives; "
            "end it at 0.7, or choose another step",
        ),
        (
            {"knobs": {"weight_bits": {"low": 3, "high": 8, "step": 2}}},
            "study 's': knob 'weight_bits' has the range 3 to 8, at whose end no step of 2 "
            "arrives; end it at 7, or choose another step",
        ),
        (
            {"knobs": {"weight_bits": {"low": 4, "high": 8, "step": 0.5}}},
            "study 's': knob 'weight_bits' has the step 0.5 between whole numbers; give a whole "
            "step, or ends with a point, such as 4.0",
        ),
        (
            {"knobs": {"lam": {"low": 0.1, "high": 0.5, "step": 1e-8}}},
            "study 's': knob 'lam' has the step 1e-08, which is below a millionth of its ends 0.1 "
            "and 0.5; widen it, or leave it out",
        ),
        (
            {"knobs": {"lam": {"low": -1e308, "high": 1e308}}},
            "study 's': knob 'lam' is {'low': -1e+308, 'high': 1e+308}; its ends and its step must "
            "be numbers, up to 1e+100 either way",
        ),
        (
            {"knobs": {"lam": {"low": 0.1, "high": 0.5, "log": "no"}}},
            "study 's': knob 'lam' has log = 'no'; it must be true or false",
        ),
        (
            {"knobs": {"fault_seed": {"low": 0, "high": 1 << 60}}, "search": "random", "trials": 2},
            "study 's': knob 'fault_seed' has the range 0 to 1152921504606846976; whole numbers "
            "must be up to 2^53 = 9007199254740992 either way",
        ),
        (
            {"knobs": {"weight_bits": [date(1979, 5, 27)]}},
            "study 's': knob 'weight_bits' has the value 1979-05-27; it must be a number, a text, "
            "true or false, or a list of these",
        ),
        (
            {"knobs": {"lam": [float("nan")]}},
            "study 's': knob 'lam' has the value nan; it must be a number, a text, true or false, "
            "or a list of these",
        ),
        (
            {"knobs": {"fault_seed": {"low": 0, "high": 10**10}, "weight_bits": [4, 8]}},
            "study 's': its grid has 20000000002 settings, of which a study tries up to 100000; "
            "give fewer values, or search 'random', 'tpe' or 'nsga2'",
        ),
        (
            {"knobs": {"lam": {"low": 0, "high": 0.5, "log": True}}},
            "study 's': knob 'lam' has a log range from 0; start it above 0",
        ),
        (
            {"knobs": {"lam": 0.5}},
            "study 's': knob 'lam' is 0.5; it must be a list of values, such as [4, 6, 8], or a "
            "range, such as { low = 4, high = 8 }",
        ),
        (
            {"knobs": {"epochs": [1, 2]}},
            "study 's': 'epochs' is under [run] and under [knobs]; leave one of them out",
        ),
        (
            {"knobs": {"seed": [1, 2]}},
            "study 's': knob 'seed' is the study's own; list seeds",
        ),
        (
            {"run": {"test_samples": 5}},
            "study 's': option 'test_samples' is the study's own; leave it out, because a study "
            "never looks at the test set",
        ),
        (
            {"knobs": {"rounding": ["up"]}},
            "study 's': rounding is 'up'; it must be 'floor', 'toward_zero', 'nearest' or "
            "'stochastic'",
        ),
        (
            {"workflow": "ptq", "knobs": {"scales": ["best"]}},
            "study 's': scales is 'best'; it must be one of max, percentile, mse",
        ),
        (
            {"workflow": "qat", "knobs": {"scale_per": ["layer", "channel"]}},
            "study 's': scale_per is 'channel', but in this workflow weights change while they are "
            "rounded, and the weights of a layer share one exponent on the chip; use 'layer', or "
            "workflow 'ptq'",
        ),
        (
            {"workflow": "adapt", "run": {"scale_per": "channel"}},
            "study 's': scale_per is 'channel', but in this workflow weights change while they are "
            "rounded, and the weights of a layer share one exponent on the chip; use 'layer', or "
            "workflow 'ptq'",
        ),
        (
            {"workflow": "qat", "run": {"scale_per": "row"}},
            "study 's': scale_per is 'row'; it must be one of layer, channel",
        ),
        (
            {"workflow": "ptq", "knobs": {"percentile": [101]}},
            "study 's': percentile is 101; it must be 0.0 to 100.0",
        ),
        (
            {"knobs": {"scales": ["mse"]}},
            "study 's': knob 'scales' isn't one of workflow 'chip' but of ptq, qat, adapt; choose "
            "one of those workflows, or leave it out",
        ),
        (
            {"knobs": {"workflow": ["chip", "ptq"], "scales": ["mse", "max"]}},
            "study 's': knob 'scales' isn't one of workflow 'chip', which the study tries too; put "
            "it under [run], or leave 'chip' out",
        ),
        (
            {"knobs": {"workflow": ["chip", "ptc"]}},
            "study 's': knob 'workflow' has the value 'ptc' (did you mean 'ptq'?); the workflows "
            "are ",
        ),
        (
            {"workflow": "ptq", "knobs": {"workflow": ["chip", "ptq"]}},
            "study 's': 'workflow' is a key and under [knobs]; leave one of them out",
        ),
        (
            {"objectives": ["weight_updates"], "knobs": {"workflow": ["chip", "ptq"]}},
            "study 's': objective 'weight_updates' doesn't exist for workflow 'ptq'; the "
            "objectives are accuracy, memory_bits, synaptic_operations, spikes, energy, latency, "
            "memory_traffic, firing_drift",
        ),
        (
            {"workflow": "adapt", "knobs": {"stength": [10.0]}},
            "study 's': knob 'stength' is unknown (did you mean 'strength'?); the knobs are ",
        ),
        (
            {"workflow": "adapt", "objectives": ["recoverd"]},
            "study 's': objective 'recoverd' doesn't exist for workflow 'adapt' (did you mean "
            "'recovered'?); the objectives are ",
        ),
        ({"seeds": []}, "study 's': seeds is empty; list one or more"),
        ({"seeds": [1, 1]}, "study 's': seeds is [1, 1]; list each seed once"),
        (
            {"seeds": [0, -1]},
            "study 's': seeds is [0, -1]; each must be 0 to 9223372036854775807",
        ),
        (
            {"search": "random", "trials": 2, "search_seed": -1},
            "study 's': search_seed is -1; it must be 0 to 9223372036854775807",
        ),
        ({"batch": 10**18}, f"study 's': batch is {10**18}; it must be 2 to 100000"),
        (
            {"search": "tpe", "trials": 10**18},
            f"study 's': trials is {10**18}; search 'tpe' needs a number of settings to try, 1 to "
            f"100000",
        ),
        ({"knobs": 3}, "study 's': knobs is 3; it must be a table"),
        ({"title": 3}, "study 's': title is 3; it must be a text"),
        ({"batch": "many"}, "study 's': batch is 'many'; it must be a whole number"),
        ({"holdout": "some"}, "study 's': holdout is 'some'; it must be a number"),
        (
            {"knobs": {"workflow": {"low": 1, "high": 3}}},
            "study 's': knob 'workflow' is a range; it must be a list of names, such as "
            '["chip", "ptq"]',
        ),
        ({"seeds": 3}, "study 's': seeds is 3; it must be a list of whole numbers"),
        (
            {"holdout": 0.0},
            "study 's': holdout is 0.0; it must be above 0 and below 1, because settings are "
            "judged on samples held out of the training set, never on the test set",
        ),
        (
            {"trials": 5},
            "study 's': trials is 5, but a grid tries every setting; leave trials out, or search "
            "'random', 'tpe' or 'nsga2'",
        ),
        (
            {"search": "tpe"},
            "study 's': trials is not given; search 'tpe' needs a number of settings to try, 1 to "
            "100000",
        ),
        (
            {"search": "nsga2", "trials": 4, "objectives": ["accuracy"]},
            "study 's': search 'nsga2' looks for a front between two or more objectives, but "
            "there is one; add another, or search 'tpe'",
        ),
        (
            {"search": "best"},
            "study 's': search is 'best'; it must be 'grid', 'random', 'tpe' or 'nsga2'",
        ),
    ],
)
def test_what_does_not_exist_is_refused(change: dict[str, Any], sentence: str) -> None:
    said = refused({**SMALL, **change})
    assert said.startswith(sentence) if sentence.endswith("are ") else said == sentence


def test_a_study_may_turn_the_workflow(tmp_path: Path) -> None:
    run = {**SMALL["run"], "scales": "mse"}
    spec = small(run=run, knobs={"workflow": ["chip", "ptq"]}, objectives=["accuracy"])
    assert spec.workflows == ("chip", "ptq")
    on_chip, after = spec.grid()
    assert (spec.workflow_of(on_chip), spec.workflow_of(after)) == ("chip", "ptq")
    assert (spec.own_options(on_chip), spec.own_options(after)) == ({}, {"scales": "mse"})
    assert spec.config(on_chip, 0) == spec.config(after, 0)
    path = tmp_path / "small.toml"
    path.write_text(spec.to_toml())
    assert read(path) == spec


def test_an_unknown_study_is_refused(tmp_path: Path) -> None:
    names = ", ".join(presets())
    sentence = (
        f"study 'bitz' is neither a file nor a preset (did you mean 'bits'?); the presets are "
        f"{names}"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        read("bitz")


def test_what_changed_is_named() -> None:
    before = small().told
    after = small(seeds=[0, 1, 2], run={**SMALL["run"], "epochs": 2}, title="other words").told
    assert differences(before, before) == []
    assert differences(before, after) == [
        "seeds was [0, 1], now [0, 1, 2]",
        "run.epochs was 1, now 2",
    ]


def test_more_trials_are_no_change_but_fewer_are() -> None:
    few, many = (small(search="random", trials=n).told for n in (3, 5))
    assert differences(few, many) == []
    assert differences(many, few) == ["trials was 5, now 3"]
