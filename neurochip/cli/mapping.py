"""The command that puts a network on a chip: what quantisation costs, and what each core holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from neurochip.cli.output import Json, print_json, print_table
from neurochip.errors import ConfigError

if TYPE_CHECKING:
    from neurochip.experiment import Run
    from neurochip.handover import Loss


def map_network(
    path: Annotated[
        Path, typer.Argument(metavar="FILE.h5", help="A run file, or what train has written.")
    ],
    hardware: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--hardware", help="A chip: a name or a file. [the run's own, or a fitting]"),
    ] = None,
    weight_bits: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--weight-bits", metavar="N", help="Width of a weight, 2-16. [the chip's own]"
        ),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="The run file of a trained network. [mapped.h5]"),
    ] = None,
    placer: Annotated[
        str,
        typer.Option(
            "--placer",
            metavar="greedy|traffic|FILE",
            help="In order, with few hops, or as a .csv or .toml file says.",
        ),
    ] = "greedy",
    as_json: Json = False,
) -> None:
    """Quantise a trained network for a chip; spread it, or a run's, over the chip's cores.

    Of a trained network, accuracy and spikes in float and on the chip are compared, and a run file
    is written, for `run`, `deploy` and `parity`.
    """
    from neurochip import experiment, files, training
    from neurochip.mapping import utilisation

    facts: dict[str, Any] = {"command": "map", "file": str(path), "placer": placer}
    if files.format_of(path) == training.FORMAT:
        run, loss, out = _handed_over(path, hardware, weight_bits, out)
        facts = {**facts, "out": str(out), "hardware": run.chip.hardware.name, **_facts(loss)}
        mapped = experiment.map_run(run, None, placer)
    else:
        for name, given in (("--weight-bits", weight_bits), ("--out", out)):
            if given is not None:
                raise ConfigError(
                    f"{name} is for what train has written, but {str(path)!r} is a run, whose "
                    f"chip is made; leave it out"
                )
        run, loss = experiment.load_run(path), None
        mapped = experiment.map_run(run, hardware, placer)
    if as_json:
        print_json({**facts, **utilisation.facts(mapped)})
        return
    if loss is not None:
        _print_loss(run, loss)
        print(f"written to {out}\n")
    print(utilisation.summary(mapped))
    print_table(*utilisation.table(mapped))
    print("\neach core: its layer, and how full its fullest resource is")
    for line in utilisation.draw_mesh(mapped):
        print(line)


def _handed_over(
    path: Path, hardware: str | None, weight_bits: int | None, out: Path | None
) -> tuple[Run, Loss, Path]:
    from neurochip import experiment, files, handover, samples, training

    target = out or Path("mapped.h5")
    trained = training.load(path)
    sources = {"data set": trained.config.data, "hardware model": hardware}
    files.check_apart(target, {**sources, "trained network": path})
    files.check_writable(target)
    data = samples.load(trained.config)
    samples.check_mark(trained.data_mark, data, path, "put them back, or train again")
    given = {"hardware": hardware, "weight_bits": weight_bits}
    options = {name: value for name, value in given.items() if value is not None}
    run = handover.to_chip(trained, data, options)
    loss = handover.loss_of(trained, run, data.test)
    experiment.save_run(run, target)
    return run, loss, target


def _facts(loss: Loss) -> dict[str, Any]:
    return {
        "float_accuracy": loss.float_accuracy,
        "chip_accuracy": loss.chip_accuracy,
        "compared_samples": loss.samples,
        "layers": [vars(layer) for layer in loss.layers],
    }


def _print_loss(run: Run, loss: Loss) -> None:
    print(
        f"test accuracy {loss.float_accuracy:.2%} in float, {loss.chip_accuracy:.2%} on "
        f"{run.chip.hardware.name}, {run.chip.hardware.registers.weight.bits.value}-bit weights"
    )
    header = ("layer", "weight is n *", "clipped", "to 0", "rms error", "spikes differ", "rates")
    rows = [
        (
            layer.name,
            f"2^-{layer.fraction}",
            f"{layer.clipped:.2%}",
            f"{layer.vanished:.2%}",
            f"{layer.error:.2%}",
            "-" if layer.spikes is None else f"{layer.spikes:.2%}",
            "-" if layer.spikes is None else f"{layer.float_rate:.4f}, {layer.chip_rate:.4f}",
        )
        for layer in loss.layers
    ]
    print_table(header, rows)
    print(
        f"differing spikes and rates (float, chip; a neuron and step): {loss.samples} test samples"
    )
