"""What comes out of a study: table, best run, page."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment, study
from neurochip.chip import Chip, Result
from neurochip.config import make as make_config
from neurochip.data import Split
from neurochip.errors import ConfigError, OutputError, StudyError
from neurochip.parity import compare_with_float
from neurochip.study.conduct import Desk, conduct
from neurochip.study.page import findings
from neurochip.study.spec import Spec, make
from neurochip.study.store import Store, Trial
from neurochip.study.table import Table, best_of, markdown, pareto_front
from neurochip.study.work import Bench, Outcome, Unit
from tests.study.small import FAILING, Alone, small, url


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database of a finished study with one failing trial."""
    place = url(tmp_path_factory.mktemp("output"))
    spec = make(FAILING, "failing")
    with study.open_store(spec, place) as store:
        conduct(Desk(spec, store), Alone(spec), 1)
    return place


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with study.open_existing(where) as opened:
        yield opened


@pytest.fixture
def table(store: Store) -> Table:
    return study.table_of(store)


def trial(number: int, *values: float) -> Trial:
    return Trial(number, {"weight_bits": number}, {0: Outcome(values, 1.0)}, "complete")


def test_the_best_is_by_the_first_objective_then_by_the_next() -> None:
    spec = small(seeds=[0])
    assert best_of(spec, [trial(0, 0.9, 5), trial(1, 0.95, 9), trial(2, 0.95, 7)]) == trial(
        2, 0.95, 7
    )
    assert best_of(spec, [Trial(0, {})]) is None


def test_the_front_holds_what_nothing_beats() -> None:
    spec = small(seeds=[0])
    trials = [trial(0, 0.9, 5), trial(1, 0.8, 6), trial(2, 0.95, 9), trial(3, 0.9, 5)]
    assert pareto_front(spec, trials) == (0, 2, 3)
    trials[3].setting = trials[0].setting
    assert pareto_front(spec, trials) == (0, 2)


def test_csv_has_a_row_a_trial(table: Table, tmp_path: Path) -> None:
    study.write_table(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["complete", "failed", "complete", "complete"]
    accuracies = [o.values[0] for o in table.trials[0].outcomes.values()]
    assert float(rows[0]["accuracy"]) == pytest.approx(np.mean(accuracies))
    assert float(rows[0]["accuracy_deviation"]) == pytest.approx(np.std(accuracies, ddof=1))
    assert rows[1]["accuracy"] == ""
    assert "widen trace_bits" in rows[1]["reason"]


def test_markdown_marks_the_best_and_says_why_trials_failed(table: Table) -> None:
    lines = markdown(table).splitlines()
    assert lines[0] == "| trial | trace_bits | lam | accuracy | deviation | memory | deviation |  |"
    assert len(lines) == 2 + 4
    assert "failed: the trace that feeds" in lines[3]
    assert sum("best" in line for line in lines) == 1
    assert " ± " in lines[2]


def test_without_pyarrow_there_is_no_parquet(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "t.parquet"
    with pytest.raises(OutputError) as caught:
        study.write_table(table, path)
    assert str(caught.value) == (
        f"{path} can't be written because Parquet needs pyarrow, which isn't installed; install it "
        "with pip install pyarrow, or write .csv"
    )


def test_parquet_has_a_row_a_trial_and_a_kind_a_column(table: Table, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    study.write_table(table, path)
    read = parquet.read_table(path)
    assert read.column_names == list(table.header)
    assert [tuple(row.values()) for row in read.to_pylist()] == table.rows()
    kinds = {field.name: str(field.type) for field in read.schema}
    assert (kinds["trace_bits"], kinds["lam"], kinds["accuracy"], kinds["reason"]) == (
        *("int64", "double", "double", "string"),
    )


def test_a_table_of_another_ending_is_refused(table: Table, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has the ending '\.txt'; give one of \.csv, \.md,"):
        study.write_table(table, tmp_path / "t.txt")


def test_the_best_run_is_the_trial_bit_for_bit(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "best.h5"
    best = study.table_of(store).best
    assert best is not None
    study.write_best(store, out, seed=1)
    run = experiment.load_run(out)
    trained = Bench(store.spec).chip_of(Unit(best.setting, 1))
    for a, b in zip(run.chip.integers.weights, trained.chip.integers.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert trained.judged.accuracy == best.outcomes[1].values[0]
    # and it is a run like any other: its options alone lead to the same weights
    again = experiment.build(run.config, data := experiment.load_data(run.config))
    experiment.learn(again, data, run.config.epochs, None)
    np.testing.assert_array_equal(again.chip.integers.weights[0], trained.chip.integers.weights[0])
    assert run.history[-1].test_accuracy == again.history[-1].test_accuracy


def test_trials_that_cannot_be_written_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(
        StudyError, match="trial 1 of study 'failing' is not complete; the complete"
    ):
        study.write_best(store, tmp_path / "x.h5", 1)
    with pytest.raises(
        ConfigError, match="seed 9 is not one of study 'failing'; choose among 0, 1"
    ):
        study.write_best(store, tmp_path / "x.h5", seed=9)
    with pytest.raises(StudyError, match="has no complete trial yet, of 0"):
        study.chosen(store.spec, [], None)


class Page(HTMLParser):
    """What a reader without scripts gets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.hints: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.script = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        given = dict(attributes)
        self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        for key in ("src", "href", "xlink:href"):
            if key in given and not given[key].startswith("#"):
                self.loaded.append(given[key])

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.script += data
        if self.open and self.open[-1] == "title":
            self.hints.append(data)
            self.open.append("")


def test_the_page_needs_nothing_else(table: Table, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    written = study.write_report(table, out, tmp_path / "figures")
    text = out.read_text()
    page = Page(text)
    assert page.loaded == []
    assert not re.search(r"(src|href)=|url\(|fetch|import", page.script)
    assert len(page.ids) == len(set(page.ids))
    assert any(
        re.fullmatch(r"trial 0: trace_bits 4, lam 0.5; accuracy .* %; memory .*", hint)
        for hint in page.hints
    )
    assert any("trial 1" in hint and "failed: the trace" in hint for hint in page.hints)
    for piece in (
        "Failed trials",
        "widen trace_bits",
        "neurochip study run failing.toml",
        "[knobs]",
        "<code>failing.toml</code>",
    ):
        assert piece in text
    names = {path.name for path in written}
    assert {"heat_trace_bits_lam.svg", "against_lam.pdf", "front.png"} <= names


@pytest.mark.parametrize(
    ("storage", "options", "kept"),
    [
        ("sqlite:////tmp/x/failing.db", "", "failing.db"),
        ("", "", "failing.db"),
        ("sqlite:///x/other.db", " --storage other.db", "other.db --name failing"),
        (
            "postgresql://me:***@host/db",
            " --storage 'postgresql://me:***@host/db'",
            "'postgresql://me:***@host/db' --name failing",
        ),
    ],
)
def test_the_page_repeats_a_study_from_where_it_was_stored(
    table: Table, storage: str, options: str, kept: str, tmp_path: Path
) -> None:
    study.write_report(replace(table, storage=storage), tmp_path / "r.html")
    (lines,) = re.findall(r"<pre>(neurochip .*?)</pre>", (tmp_path / "r.html").read_text(), re.S)
    assert unescape(lines).splitlines() == [
        f"neurochip study run failing.toml{options}",
        f"neurochip study show {kept}",
        f"neurochip report {kept} --out report.html",
    ]


def test_the_same_study_gives_the_same_page(table: Table, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("a.html", "b.html")]
    for page in pages:
        study.write_report(table, page)
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_study_with_nothing_done_has_a_page(tmp_path: Path) -> None:
    with study.open_store(small(), url(tmp_path)) as store:
        study.write_report(study.table_of(store), tmp_path / "r.html")
    assert "No setting is complete yet." in (tmp_path / "r.html").read_text()


def test_figures_know_every_trial(table: Table) -> None:
    found = findings(table)
    assert found.knobs == ("trace_bits", "lam")
    assert found.values == (("4", "8"), ("0.5", "0.99"))
    assert [point.reason is None for point in found.points] == [True, False, True, True]


def ptq(**run: Any) -> Spec:
    options = {"epochs": 2, "train_samples": 200, "hidden": [16], "timesteps": 4, **run}
    knobs = {"weight_bits": [2, 8], "scales": ["max", "mse"]}
    return small("ptq", workflow="ptq", run=options, knobs=knobs, seeds=[0])


def test_ptq_is_judged_without_learning_on_the_chip(tmp_path: Path) -> None:
    spec = ptq()
    with study.open_store(spec, url(tmp_path)) as store:
        conduct(Desk(spec, store), Alone(spec), 1)
        trials = store.trials()
        run = study.write_best(store, tmp_path / "best.h5")
    assert [t.state for t in trials] == ["complete"] * 4
    best = best_of(spec, trials)
    assert best is not None
    assert best.setting["weight_bits"] == 8
    loaded = experiment.load_run(tmp_path / "best.h5")
    assert loaded.history == []
    np.testing.assert_array_equal(loaded.chip.integers.weights[0], run.chip.integers.weights[0])
    data = experiment.load_data(loaded.config)
    assert compare_with_float(loaded.chip, data.test, 20).samples == 20


def test_the_test_set_is_never_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Split] = []
    spec = small()
    bench = Bench(spec)
    config = spec.config({"weight_bits": 8, "trace_bits": 6}, 0)
    data = bench.data(config)
    whole = experiment.load_data(make_config({"train_samples": 80}))
    parts = np.concatenate([data.train.x, data.test.x])
    assert len(data.test) == 16
    assert sorted(map(bytes, parts)) == sorted(map(bytes, whole.train.x))
    evaluate = Chip.evaluate

    def watched(chip: Chip, split: Split) -> Result:
        seen.append(split)
        return evaluate(chip, split)

    monkeypatch.setattr("neurochip.chip.Chip.evaluate", watched)
    bench.chip_of(Unit({"weight_bits": 8, "trace_bits": 6}, 0))
    assert seen == [data.test]
