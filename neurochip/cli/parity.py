"""The command that compares a chip with another execution of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurochip.cli.options import number
from neurochip.cli.output import (
    EXIT_DISAGREES,
    Json,
    OtherData,
    RunPath,
    announce_compilation,
    print_json,
    print_table,
)
from neurochip.errors import ConfigError

if TYPE_CHECKING:
    from neurochip.parity import ExportParity, FloatParity


#: What `parity` compares a chip with.
AGAINST = ("float", "lava", "netx", "nir")


def parity(
    path: RunPath,
    against: Annotated[
        str, typer.Option("--against", metavar="|".join(AGAINST), help="Compare with what.")
    ] = "float",
    data: OtherData = None,
    samples: Annotated[
        str, typer.Option("--samples", metavar="N", help="How many samples.")
    ] = "100",
    learn: Annotated[
        bool,
        typer.Option(
            "--learn",
            help="Let training samples be learned in Lava too (engine loihi3f always does).",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the chip with another execution; exit 0 when they agree, 1 when not."""
    from neurochip import experiment
    from neurochip import parity as room

    if against not in AGAINST:
        choices = ", ".join(map(repr, AGAINST))
        raise ConfigError(f"--against is {against!r}; it must be one of {choices}")
    if learn and against != "lava":
        raise ConfigError(f"--learn is for --against lava, not for {against!r}; leave it out")
    count = number("samples", samples, int, "a whole number")
    run = experiment.load_run(path)
    loaded = experiment.load_test_data(run.config, data)
    announce_compilation()
    verdict: FloatParity | ExportParity
    if against == "lava" and run.config.engine == "loihi3f":
        # Its weights are learned in Lava or not held there at all: to run is to learn.
        t_epoch = run.config.t_epoch
        verdict = room.compare_engine_with_lava(run.chip, loaded.train, count, t_epoch)
    elif learn:
        verdict = room.compare_learning_with_lava(run.chip, loaded.train, count)
    elif against == "float":
        verdict = room.compare_with_float(run.chip, loaded.test, count)
    else:
        verdict = room.EXPORTS[against](run.chip, loaded.test, count)
    if as_json:
        print_json(
            {"command": "parity", "against": against, "run": str(path), **parity_facts(verdict)}
        )
    elif isinstance(verdict, room.FloatParity):
        print_parity(verdict)
    else:
        print_export_parity(verdict, against)
    if not verdict.agrees:
        raise typer.Exit(EXIT_DISAGREES)


def parity_facts(verdict: FloatParity | ExportParity) -> dict[str, Any]:
    """A verdict as JSON holds it."""
    from dataclasses import asdict

    from neurochip.parity import FloatParity

    spikes = {"spikes": verdict.spikes} if isinstance(verdict, FloatParity) else {}
    return {"agrees": verdict.agrees, **spikes, **asdict(verdict)}


def print_export_parity(verdict: ExportParity, against: str) -> None:
    """A verdict against an export: a table, and what it comes to."""
    from neurochip.deploy.states import rows

    header, *table = rows(verdict.states)
    print_table(header, table)
    agrees = f"every integer of {verdict.samples} samples is the same on the chip and in {against}"
    print(agrees if verdict.agrees else "they DISAGREE")


def print_parity(verdict: FloatParity) -> None:
    """A verdict against float: a table, its limits, and what it comes to."""
    from neurochip.parity import MAX_PREDICTIONS, MAX_SPIKES, MIN_COSINE

    header = ("layer", "first differing spike", "spikes", "membrane, LSB", "cosine", "saturations")
    rows = []
    for layer in verdict.layers:
        first = layer.first_spike
        rows.append(
            (
                layer.name,
                "none" if first is None else "sample {}, step {}, neuron {}".format(*first),
                "-" if layer.spikes is None else f"{layer.spikes:.3%}",
                f"mean {layer.membrane_mean:.2f}, max {layer.membrane_max:.0f}",
                "-" if layer.cosine is None else f"{layer.cosine:.4f}",
                ", ".join(f"{name} {n}" for name, n in layer.saturations.items()) or "none",
            )
        )
    print_table(header, rows)
    print(
        f"predictions differ in {verdict.predictions:.2%} of {verdict.samples} samples "
        f"(limit {MAX_PREDICTIONS:.0%}); limits: spikes {MAX_SPIKES:.1%}, cosine {MIN_COSINE}"
    )
    print("the chip agrees with the float reference" if verdict.agrees else "they DISAGREE")
    silent = [layer.name for layer in verdict.layers if layer.cosine is None]
    if silent:
        print(
            f"no gradient reaches {', '.join(silent)} in either, which proves nothing: show more "
            f"samples with --samples, or learn with other rates or a wider network"
        )
