"""The report of a run: one HTML page with everything in it, for the screen and for paper."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Sequence
from html import escape
from typing import Any

import neurochip
from neurochip import hardware as hardware_models
from neurochip.chip import COUNTED_EVENTS
from neurochip.config import RunConfig
from neurochip.data import Dataset
from neurochip.experiment import Run
from neurochip.plot import costs
from neurochip.plot.expense import Expense
from neurochip.plot.figures import Plate, layer_names, n_tested, words
from neurochip.plot.html import document, note, section, table
from neurochip.plot.style import percent, plural, render

#: Figures that are larger than this as SVG go into the page as PNG.
SVG_LIMIT = 150_000
_CSS_PIXELS_PER_INCH = 96


def page(
    run: Run,
    data: Dataset,
    plates: Sequence[Plate],
    spent: Expense,
    sample: int,
    neurons: Sequence[int] | None,
) -> str:
    """Write the report as HTML; every text in it is escaped.

    Args:
        run: what is reported.
        data: the data set that was shown.
        plates: its figures, as `figures.draw` and `expense.draw` give them.
        spent: what samples cost.
        sample: number of the test sample in them.
        neurons: the hidden neurons that were asked for, for the command that repeats the report.
    """
    title = _title(run)
    sections = [
        _header(run, data, title),
        section("Learning", _figures(plates, "learning"), _history(run)),
        section("Weights", _figures(plates, "weights"), _formats(run)),
        section(f"Test sample {sample} of {data.name}", _figures(plates, "sample")),
        section("Activity", _figures(plates, "activity"), _counters(run), _saturations(run)),
        section("Costs", costs.learning(spent), _figures(plates, "costs"), costs.cores(run)),
        section("NeuroBench's metrics", costs.metrics(spent)),
        section("Chip", _registers(run)),
        section("Configuration", _configuration(run)),
        section("How to repeat it", _repeat(run, sample, neurons)),
    ]
    return document(title, sections)


def _title(run: Run) -> str:
    sizes = "–".join(str(n) for n in run.chip.network.sizes)
    return f"{sizes} spiking network on chip {run.chip.hardware.name}"


def _header(run: Run, data: Dataset, title: str) -> str:
    chip, config = run.chip, run.config
    learned = (
        f"It learned {plural(run.history[-1].record.samples, 'sample')} of {config.data} for "
        f"{plural(chip.epoch, 'epoch')}"
        if run.history
        else "It has learned nothing yet"
    )
    lead = (
        f"{chip.hardware.title}. {learned}, with the rule {chip.rule.name.upper()} "
        f"({_updates(run)}) and seed {chip.seed}."
    )
    facts = [
        ("Test accuracy", _accuracy(run), _tested(run, data)),
        ("Time steps", str(chip.network.timesteps), "per sample"),
        ("Weights", f"{chip.network.n_weights:,}", _weight_bits(run)),
        ("Inputs", chip.encoding, ""),
    ]
    items = "\n".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(unit)}</small></dd></div>"
        for name, value, unit in facts
    )
    return (
        f"<header>\n<h1>{escape(title)}</h1>\n"
        f'<p class="lead">{escape(lead)}</p>\n<dl class="facts">\n{items}\n</dl>\n</header>'
    )


def _updates(run: Run) -> str:
    if run.config.engine == "chip":
        return f"{run.chip.rule.update} updates"
    steps = run.config.t_epoch
    return f"by Lava's learning engine, every {'step' if steps == 1 else plural(steps, 'step')}"


def _accuracy(run: Run) -> str:
    return "unknown" if run.accuracy is None else f"{100 * run.accuracy:.2f} %"


def _tested(run: Run, data: Dataset) -> str:
    n = n_tested(run, data)
    return "" if n is None or run.accuracy is None else f"of {plural(n, 'sample')}"


def _weight_bits(run: Run) -> str:
    registers = run.chip.hardware.registers
    shadow = registers.shadow.bits.value
    behind = f", {shadow}-bit shadow" if shadow else ""
    own = run.chip.formats.widths.weights or (registers.weight.bits.value,)
    return f"of {', '.join(map(str, own))} bit{behind}"


# --- parts of a page


def _figures(plates: Sequence[Plate], section: str) -> str:
    return "\n".join(_figure(plate) for plate in plates if plate.section == section)


def _figure(plate: Plate) -> str:
    kind, image = "svg+xml", render(plate.figure, "svg")
    if len(image) > SVG_LIMIT:
        kind, image = "png", render(plate.figure, "png")
    width, height = (round(_CSS_PIXELS_PER_INCH * x) for x in plate.figure.get_size_inches())
    code = base64.b64encode(image).decode("ascii")
    return (
        f'<figure>\n<img alt="{escape(plate.title)}" width="{width}" height="{height}" '
        f'src="data:image/{kind};base64,{code}">\n'
        f"<figcaption><b>{escape(plate.title)}.</b> {escape(plate.caption)}</figcaption>\n"
        f"</figure>"
    )


# --- tables


def _history(run: Run) -> str:
    if not run.history:
        return note("Nothing is learned yet.")
    header = ("Epoch", "Samples", "Running error", "of scored", "Test accuracy", "Rates")
    rows = [
        (
            str(entry.record.epoch + 1),
            f"{entry.record.samples:,}",
            percent(entry.record.running_error) if entry.record.scored else "–",
            f"{entry.record.scored:,}",
            f"{100 * entry.test_accuracy:.2f} %",
            ", ".join(_power(-shift) for shift in entry.record.rate_shifts),
        )
        for entry in run.history
    ]
    remark = "Rates: by which the gradient of each layer, input side first, is multiplied."
    return table(header, rows, n_words=0) + "\n" + note(remark)


def _power(exponent: int) -> str:
    return "2" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _formats(run: Run) -> str:
    chip = run.chip
    r = chip.hardware.registers
    header = ("Layer", "Weight", "LSB of weight", "Bias", "Membrane", "Factor", "Error")
    rows = [
        (
            name,
            _q(layer.weight_bits or r.weight.bits.value, layer.weight),
            _power(-layer.weight),
            _q(r.bias.bits.value, layer.bias),
            _q(layer.membrane_bits or r.membrane.bits.value, layer.membrane),
            _q(layer.factor_bits, layer.factor, signed=False),
            _q(layer.delta_bits, layer.delta),
        )
        for name, layer in zip(layer_names(chip.network), chip.formats.layers, strict=True)
    ]
    remark = (
        "Number formats: Qi.f is a sign bit, i bits before the binary point and f after it; UQi.f "
        "has no sign. The factor is what a weight's error is multiplied with: the trace of the "
        "spikes below, or the input itself."
    )
    return table(header, rows) + "\n" + note(remark)


def _q(bits: int, fraction: int, signed: bool = True) -> str:
    whole = bits - fraction - signed
    return f"{'' if signed else 'U'}Q{whole}.{fraction}".replace("-", "−")


def _counters(run: Run) -> str:
    if not run.history:
        return ""
    record = run.history[-1].record
    per_sample = record.counters / max(record.samples, 1)
    names = layer_names(run.chip.network)
    header = [words(name).capitalize() for name in COUNTED_EVENTS]
    totals = [
        (name, *(f"{x:,.1f}" for x in row))
        for name, row in zip(names, per_sample.sum(axis=0), strict=True)
    ]
    steps = [
        (f"{t}", name, *(f"{x:,.2f}" for x in row))
        for t, layers in enumerate(per_sample)
        for name, row in zip(names, layers, strict=True)
    ]
    return (
        f"<h3>Events per sample</h3>\n{table(('Layer', *header), totals)}\n"
        f"<details>\n<summary>By time step</summary>\n"
        f"{table(('Step', 'Layer', *header), steps, n_words=2)}\n</details>"
    )


def _saturations(run: Run) -> str:
    if not run.history or run.history[-1].record.saturations.any():
        return ""
    if run.config.count_saturations:
        return note("No value left its register's range in the last epoch.")
    return note("Values that leave their register's range were not counted in this run.")


def _registers(run: Run) -> str:
    hardware = run.chip.hardware
    registers: dict[str, dict[str, hardware_models.Row]] = {}
    for row in hardware_models.rows(hardware):
        room, _, rest = row.key.partition(".")
        if room == "registers":
            name, _, setting = rest.partition(".")
            registers.setdefault(name, {})[setting] = row
    header = ("Register", "Width", "Settings", "Basis")
    listing = table(header, (_register(name, rows) for name, rows in registers.items()), 4)
    sources = dict.fromkeys(row.source for rows in registers.values() for row in rows.values())
    listed = "; ".join(source for source in sources if source)
    return "\n".join((note(f"{hardware.title}."), listing, note(f"Sources: {listed}.")))


def _register(name: str, rows: dict[str, Any]) -> tuple[str, str, str, str]:
    bits = rows["bits"].value
    settings = [
        f"{words(key)} {row.value}{'' if row.unit in ('', '1') else ' ' + row.unit}"
        for key, row in rows.items()
        if key != "bits"
    ]
    width = f"{bits} bit" if bits else "none"
    return name, width, ", ".join(settings) if bits else "", rows["bits"].basis


def _configuration(run: Run) -> str:
    options = run.config.to_dict()
    fields = type(run.config).model_fields
    rows = [(key, _value(value), fields[key].description or "") for key, value in options.items()]
    remark = "Options that are not listed are the chip's or the rule's own."
    return table(("Option", "Value", "Meaning"), rows, n_words=3) + "\n" + note(remark)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


# --- how to repeat it


def _repeat(run: Run, sample: int, neurons: Sequence[int] | None) -> str:
    learn = shlex.join(["neurochip", "learn", *_flags(run.config), "--out", "run.h5"])
    report = ["neurochip", "report", "run.h5", "--out", "report.html", "--sample", str(sample)]
    if neurons is not None:
        report += ["--neurons", ",".join(str(neuron) for neuron in neurons)]
    toml = "\n".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in run.config.to_dict().items()
    )
    return (
        f"<p>With neurochip {escape(neurochip.__version__)}, these commands give the same "
        f"numbers, bit for bit:</p>\n"
        f"<pre>{escape(learn)}\n{escape(shlex.join(report))}</pre>\n"
        f"<p>Every option, as a file for <code>neurochip learn FILE.toml</code>:</p>\n"
        f"<pre>{escape(toml)}</pre>"
    )


def _flags(config: RunConfig) -> list[str]:
    """The options that aren't the program's defaults, as the command line takes them."""
    flags: list[str] = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if value is not None and value != field.default:
            flags += _flag(name.replace("_", "-"), value)
    return flags


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, tuple):
        return [f"--{name}", ",".join(str(entry) for entry in value)]
    return [f"--{name}", str(value)]
