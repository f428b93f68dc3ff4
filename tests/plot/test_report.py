"""The report: one page that parses, needs nothing else, is the same each time, and says no well."""

from __future__ import annotations

import base64
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from neurochip import plot
from neurochip.config import RunConfig, make
from neurochip.data import from_arrays
from neurochip.errors import ConfigError, OutputError
from neurochip.plot import expense, figures, page
from tests.plot.runs import Case, learned

#: They draw whole reports.
pytestmark = pytest.mark.slow

VOID = {"meta", "img"}
MAX_BYTES = 3_000_000
EVERY_FIGURE = [
    "learning_curve",
    "weights",
    "firing_rates",
    "events",
    "saturations",
    "spikes",
    "membranes",
    "readout",
    "costs_by_layer",
    "time_by_core",
    "mesh_load",
    "utilisation",
]


class Page(HTMLParser):
    """Checks that elements nest, and keeps what a page loads, says and shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.links += [str(values[key]) for key in ("src", "href") if key in values]
        if tag == "img":
            self.images.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_page_holds_everything(written: list[Path]) -> None:
    text = written[0].read_text(encoding="utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(text) < MAX_BYTES
    seen = Page(text)
    assert len(seen.images) == len(EVERY_FIGURE)
    assert all(link.startswith("data:image/") for link in seen.links)
    assert all(image["alt"] for image in seen.images)
    assert not {"script", "link", "iframe", "object"} & set(seen.tags)
    assert "http" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "@media print" in text
    assert seen.tags.count("h1") == 1


def test_page_says_what_was_run(case: Case, written: list[Path]) -> None:
    seen = Page(written[0].read_text(encoding="utf-8")).text
    accuracy = case.run.history[-1].test_accuracy
    for expected in (
        "64–24–10 spiking network on chip neurochip",
        "It learned 160 samples of digits for 2 epochs, with the rule OTTT (online updates) "
        "and seed 0.",
        f"{100 * accuracy:.2f} %",
        "1,776 of 8 bit",
        "weight 8 bit max bits 16 bit, rounding stochastic, headroom 2.0, random words separable "
        "assumed",
        "Test sample 3 of digits",
        "neurochip learn --train-samples 160 --test-samples 40 --epochs 2 --hidden 24 "
        "--count-saturations --out run.h5",
        "neurochip report run.h5 --out report.html --sample 3",
    ):
        assert expected in seen


def test_images_are_images(written: list[Path]) -> None:
    starts = {"png": b"\x89PNG", "svg+xml": b"<?xml"}
    for image in Page(written[0].read_text(encoding="utf-8")).images:
        match = re.fullmatch(r"data:image/(.+);base64,(.+)", str(image["src"]))
        assert match is not None
        assert base64.b64decode(match[2], validate=True).startswith(starts[match[1]])


def test_same_run_same_bytes(case: Case, written: list[Path], tmp_path: Path) -> None:
    again = plot.report(
        case.run,
        case.data,
        tmp_path / "again.html",
        sample=3,
        figures=tmp_path,
        formats=("png", "svg", "pdf"),
    )
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in written]


def test_reporting_changes_nothing(case: Case, written: list[Path]) -> None:
    other = learned(2, count_saturations=True)
    before, after = other.run.chip.integers, case.run.chip.integers
    for a, b in zip(before.weights, after.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_figures_folder(written: list[Path]) -> None:
    folder = written[0].parent / "new" / "figures"
    expected = [folder / f"{n}.{f}" for n in EVERY_FIGURE for f in ("png", "svg", "pdf")]
    assert written[1:] == expected
    assert sorted(folder.iterdir()) == sorted(expected)
    assert all(path.stat().st_size > 1000 for path in expected)


@pytest.mark.parametrize(
    "options",
    [
        {"timesteps": 1},
        {"hidden": (12, 11, 10), "readout": "leaky", "reset": "hard"},
        {"hidden": (12,), "readout": "spiking", "encoding": "bernoulli"},
        {"weight_bits": 4, "shadow_bits": 12, "update": "accumulate", "rounding": "nearest"},
    ],
)
def test_other_runs(options: dict[str, object], tmp_path: Path) -> None:
    other = learned(1, **options)
    plot.report(other.run, other.data, tmp_path / "r.html")
    Page((tmp_path / "r.html").read_text(encoding="utf-8"))


def test_large_figures_keep_the_page_small(tmp_path: Path) -> None:
    large = learned(1, hidden=(800,), timesteps=60, train_samples=2, test_samples=2)
    plot.report(large.run, large.data, tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert len(text) < MAX_BYTES
    assert "data:image/png" in text


def test_nothing_learned_yet(tmp_path: Path) -> None:
    fresh = learned(0)
    plot.report(fresh.run, fresh.data, tmp_path / "r.html")
    seen = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "It has learned nothing yet" in seen.text
    assert "Test accuracy unknown" in seen.text
    assert len(seen.images) == 8


def spent_by(case: Case) -> expense.Expense:
    return expense.look(case.run, case.data)


def test_saturations_not_counted() -> None:
    uncounted = learned(1)
    text = page.page(uncounted.run, uncounted.data, [], spent_by(uncounted), 0, None)
    assert "were not counted in this run" in text


def test_texts_are_escaped(case: Case) -> None:
    nasty = "<script>alert(1)</script>&$x$"
    test = case.data.test
    data = from_arrays(test.x, test.y, test.x, test.y, name=nasty)
    text = page.page(case.run, data, [], spent_by(case), 0, None)
    assert "<script" not in text
    assert nasty in Page(text).text


def test_other_data_have_no_claim_on_the_accuracy(case: Case, tmp_path: Path) -> None:
    test = case.data.test
    data = from_arrays(test.x, test.y, test.x, test.y)
    assert figures.n_tested(case.run, data) is None
    assert figures.n_tested(case.run, case.data) == 40


def test_chosen_neurons(case: Case) -> None:
    plates = {p.name: p for p in figures.draw(case.run, case.data, 0, (5, 23, 5))}
    titles = [axes.get_title(loc="left") for axes in plates["membranes"].figure.axes]
    assert [title.split(":")[0] for title in titles if title] == [
        "hidden 1, neuron 5",
        "hidden 1, neuron 23",
    ]


def test_no_neurons(case: Case) -> None:
    assert "membranes" not in {p.name for p in figures.draw(case.run, case.data, 0, ())}


def test_neurons_are_numbered_through_hidden_layers() -> None:
    deep = learned(0, hidden=(6, 5, 4))
    chip, data = deep.run.chip, deep.data
    seen = chip.observe(data.test.x[0], int(data.test.y[0]))
    neurons = [figures._neuron(chip, seen, number) for number in (5, 6, 14)]
    assert [neuron.name for neuron in neurons] == [
        "hidden 1, neuron 5",
        "hidden 2, neuron 0 (number 6)",
        "hidden 3, neuron 3 (number 14)",
    ]
    fraction = chip.formats.layers[1].membrane
    np.testing.assert_array_equal(neurons[1].u, seen.v_pre[1][:, 0] / 2.0**fraction)
    np.testing.assert_array_equal(neurons[2].spikes, seen.signal[3][:, 3])


def test_typical_neurons(case: Case) -> None:
    seen = case.run.chip.observe(case.data.test.x[0], int(case.data.test.y[0]))
    counts = seen.signal[1].sum(axis=0)
    chosen = [int(counts[neuron]) for neuron in figures.typical(seen)]
    assert len(chosen) == 3
    assert chosen[0] == counts.max()
    assert chosen[-1] == counts[counts > 0].min()
    assert chosen == sorted(chosen, reverse=True)


def test_rates_are_those_of_the_counters(case: Case) -> None:
    entry = case.run.history[-1]
    rates = figures._rates_of(case.run.chip, entry)
    spikes = entry.record.counters[:, 0, 1]
    np.testing.assert_allclose(rates[:, 1], spikes / (160 * 24))
    assert rates.shape == (8, 2)


@pytest.mark.parametrize("update", ["online", "accumulate"])
def test_commands_repeat_the_configuration(update: str) -> None:
    config = make(
        {
            "hidden": (7, 5),
            "bias": False,
            "trace_input": True,
            "data": "my data.npz",
            "lam": 0.75,
            "update": update,
            "rate_shifts": (3, 4, 5),
        }
    )
    flags = page._flags(config)
    assert "--no-bias" in flags
    assert "--trace-input" in flags
    assert shlex.join(flags).startswith("--data 'my data.npz' --hidden 7,5")
    assert read_back(flags) == config


def read_back(flags: list[str]) -> RunConfig:
    """What the flags say, read without the program's own parser."""
    values: dict[str, object] = {}
    entries = iter(flags)
    for flag in entries:
        name = flag.removeprefix("--").replace("-", "_")
        if name.removeprefix("no_") in ("bias", "trace_input"):
            values[name.removeprefix("no_")] = not name.startswith("no_")
            continue
        text = next(entries)
        if name in ("hidden", "rate_shifts"):
            values[name] = tuple(int(part) for part in text.split(","))
        else:
            values[name] = float(text) if name == "lam" else text
    return make(values)


@pytest.mark.parametrize("sample", [-1, 40])
def test_sample_out_of_range(case: Case, tmp_path: Path, sample: int) -> None:
    with pytest.raises(ConfigError) as caught:
        plot.report(case.run, case.data, tmp_path / "r.html", sample=sample)
    assert str(caught.value) == (
        f"sample {sample} is out of range, because the test set of digits has 40 samples; "
        f"choose one of 0 to 39"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("neuron", [-1, 24])
def test_neuron_out_of_range(case: Case, tmp_path: Path, neuron: int) -> None:
    with pytest.raises(ConfigError) as caught:
        plot.report(case.run, case.data, tmp_path / "r.html", neurons=(0, neuron))
    assert str(caught.value) == (
        f"neuron {neuron} is out of range, because the network has 24 hidden neurons (numbered "
        f"through all hidden layers); choose one of 0 to 23"
    )


def test_too_many_neurons(tmp_path: Path) -> None:
    wide = learned(0, hidden=(30,))
    with pytest.raises(ConfigError) as caught:
        plot.report(wide.run, wide.data, tmp_path / "r.html", neurons=range(25))
    assert str(caught.value) == "25 neurons are too many for one figure; choose up to 24"


def test_no_hidden_neurons(tmp_path: Path) -> None:
    flat = learned(1, hidden=())
    assert len(figures.draw(flat.run, flat.data)) == 6
    with pytest.raises(ConfigError) as caught:
        plot.report(flat.run, flat.data, tmp_path / "r.html", neurons=(0,))
    assert str(caught.value) == (
        "neuron 0 does not exist, because the network has no hidden neurons; ask for none"
    )


def test_unknown_format(case: Case, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plot.report(case.run, case.data, tmp_path / "r.html", formats=("gif",))
    assert str(caught.value) == "figure format 'gif' is unknown; choose among png, svg, pdf"


def test_unwritable_page(case: Case, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        plot.report(case.run, case.data, tmp_path / "none" / "r.html")
    assert str(caught.value) == (
        f"{tmp_path}/none/r.html can't be written because the directory {tmp_path}/none does not "
        f"exist; make it first or choose another path"
    )


def test_unwritable_figures(case: Case, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError) as caught:
        plot.report(case.run, case.data, tmp_path / "r.html", figures=tmp_path / "taken")
    assert str(caught.value) == (
        f"{tmp_path}/taken can't be written (File exists); mend that or choose another path"
    )
    assert not (tmp_path / "r.html").exists()
