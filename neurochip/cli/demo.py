"""The demonstration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurochip.cli.costs import cost_facts, print_costs
from neurochip.cli.output import EXIT_DISAGREES, Json, print_json
from neurochip.cli.parity import parity_facts, print_parity
from neurochip.cli.progress import interruptible, progress_of

#: The demonstration: few enough epochs that a second start takes seconds.
DEMO_FOLDER = Path("demo")
DEMO_EPOCHS = 5


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.")] = DEMO_FOLDER,
    as_json: Json = False,
) -> None:
    """Learn handwritten digits on the chip, compare with float, and draw a report."""
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
    with (
        progress_of(run, len(samples.train), DEMO_EPOCHS, as_json) as progress,
        interruptible(progress) as told,
    ):
        experiment.learn(run, samples, DEMO_EPOCHS, out / "run.h5", told)
    verdict = compare_with_float(run.chip, samples.test)
    page = plot.report(run, samples, out / "report.html")
    if as_json:
        facts = {"command": "demo", "accuracy": run.accuracy, "parity": parity_facts(verdict)}
        facts["costs"] = cost_facts(run, samples)
        print_json({**facts, "written": [str(out / "run.h5"), *map(str, page)]})
    else:
        print(f"test accuracy {run.history[-1].test_accuracy:.2%}\n")
        print("The same samples through the paper's equations in float64:")
        print_parity(verdict)
        print()
        print_costs(run, samples)
        print(f"\nrun file {out / 'run.h5'}, report {page[0]}")
    if not verdict.agrees:
        raise typer.Exit(EXIT_DISAGREES)
