"""The demonstration: learning on the chip, parity with float and with Lava, costs, a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurochip.cli.costs import cost_facts, print_costs
from neurochip.cli.output import EXIT_DISAGREES, Json, print_json
from neurochip.cli.parity import parity_facts, print_export_parity, print_parity
from neurochip.cli.progress import interruptible, progress_of
from neurochip.errors import ExportError

if TYPE_CHECKING:
    from neurochip.data import Dataset
    from neurochip.experiment import Run
    from neurochip.parity import ExportParity

#: The demonstration: few enough epochs that a second start takes seconds.
DEMO_FOLDER = Path("demo")
DEMO_EPOCHS = 5
#: What Lava can express exactly: Loihi's widths, and spikes as inputs.
FOR_LAVA = {"hardware": "loihi", "encoding": "rate"}
#: Samples that Lava's process models are shown.
LAVA_SAMPLES = 20


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")] = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """Learn handwritten digits on the chip, compare with float and with Lava, draw a report."""
    from neurochip import experiment, files, plot
    from neurochip.config import make
    from neurochip.parity import compare_with_float

    files.make_folder(out)
    config = make({"epochs": DEMO_EPOCHS})
    samples = experiment.load_data(config)
    run = experiment.build(config, samples)
    if not as_json:
        layers = "-".join(str(n) for n in run.chip.network.sizes)
        print(
            f"A {layers} spiking network learns {len(samples.train)} handwritten digits on chip "
            f"{run.chip.hardware.name!r},\none sample at a time, in integers only "
            f"({run.chip.hardware.registers.weight.bits.value}-bit weights), with OTTT."
        )
    _learn(run, samples, out / "run.h5", as_json)
    verdict = compare_with_float(run.chip, samples.test)
    page = plot.report(run, samples, out / "report.html")
    if not as_json:
        print(f"test accuracy {run.history[-1].test_accuracy:.2%}\n")
        print("The same samples through the paper's equations in float64:")
        print_parity(verdict)
        print()
        print_costs(run, samples)
        print("\nThe same network on Loihi's widths, with spikes as its input:")
    loihi = experiment.build(make({"epochs": DEMO_EPOCHS, **FOR_LAVA}), samples)
    _learn(loihi, samples, out / "loihi.h5", as_json)
    in_lava = _in_lava(loihi, samples)
    written = [str(path) for path in (out / "run.h5", out / "loihi.h5", *page)]
    if as_json:
        facts = {"command": "demo", "accuracy": run.accuracy, "parity": parity_facts(verdict)}
        facts["costs"] = cost_facts(run, samples)
        facts["loihi"] = {"accuracy": loihi.accuracy, "lava": _lava_facts(in_lava)}
        print_json({**facts, "written": written})
    else:
        _print_lava(loihi, in_lava)
        print(f"\nrun files {written[0]} and {written[1]}, report {page[0]}")
    if not (verdict.agrees and (isinstance(in_lava, str) or in_lava.agrees)):
        raise typer.Exit(EXIT_DISAGREES)


def _learn(run: Run, samples: Dataset, out: Path, as_json: bool) -> None:
    from neurochip import experiment

    with (
        progress_of(run, len(samples.train), DEMO_EPOCHS, as_json) as progress,
        interruptible(progress) as told,
    ):
        experiment.learn(run, samples, DEMO_EPOCHS, out, told)


def _in_lava(run: Run, samples: Dataset) -> ExportParity | str:
    """The verdict on what has just been learned, or why there is none."""
    from neurochip.deploy import lava
    from neurochip.parity import compare_with_lava

    try:
        lava.require()
    except ExportError as missing:
        return str(missing)
    return compare_with_lava(run.chip, samples.test, LAVA_SAMPLES)


def _lava_facts(verdict: ExportParity | str) -> dict[str, Any]:
    return {"missing": verdict} if isinstance(verdict, str) else parity_facts(verdict)


def _print_lava(run: Run, verdict: ExportParity | str) -> None:
    print(f"test accuracy {run.history[-1].test_accuracy:.2%}")
    if isinstance(verdict, str):
        print(verdict)
        return
    print("\nand in Lava's own process models:")
    print_export_parity(verdict, "lava")
