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

#: Inputs to the chip that aren't those of the training: spikes that stand for its numbers.
STREAMS = ("rate", "bernoulli")


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
    bias_bits: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--bias-bits", metavar="N", help="Width of a bias: netx takes few. [the chip's own]"
        ),
    ] = None,
    encoding: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--encoding",
            metavar="graded|rate|bernoulli|spikes",
            help="How inputs reach the chip: Lava and netx take no graded ones. [as in training]",
        ),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="The run file of a trained network. [mapped.h5]"),
    ] = None,
    placer: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--placer",
            metavar="greedy|traffic|FILE",
            help="In order, with few hops, or as a .csv or .toml file says. [the run's own]",
        ),
    ] = None,
    figure: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--figure", help="Also draw the mesh into this .png, .svg or .pdf file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Quantise a trained network for a chip; spread it, or a run's, over the chip's cores.

    Of a trained network, accuracy and spikes in float and on the chip are compared, and a run file
    is written, for `run`, `deploy` and `parity`.
    """
    from neurochip import experiment, files, plot, training
    from neurochip.mapping import utilisation

    if figure is not None:
        files.check_apart(figure, {"file of the network": path, "run file": out})
    facts: dict[str, Any] = {"command": "map", "file": str(path)}
    if files.format_of(path) == training.FORMAT:
        given = {
            "hardware": hardware,
            "weight_bits": weight_bits,
            "bias_bits": bias_bits,
            "encoding": encoding,
            "placer": placer,
        }
        run, loss, out = _handed_over(path, given, out)
        facts |= {"out": str(out), "hardware": run.chip.hardware.name, **_facts(loss)}
        facts["encoding"] = run.chip.encoding
        mapped = run.chip.map
    else:
        of_the_chip = {
            "--weight-bits": weight_bits,
            "--bias-bits": bias_bits,
            "--encoding": encoding,
            "--out": out,
        }
        for name, value in of_the_chip.items():
            if value is not None:
                raise ConfigError(
                    f"{name} is for what train has written, but {str(path)!r} is a run, whose "
                    f"chip is made; leave it out"
                )
        run, loss = experiment.load_run(path), None
        mapped = experiment.map_run(run, hardware, placer)
    if figure is not None:
        plot.map_figure(mapped, figure)
        facts["figure"] = str(figure)
    if as_json:
        facts["placer"] = placer or run.config.placer
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
    if figure is not None:
        print(f"\nmesh drawn in {figure}")


def _handed_over(path: Path, given: dict[str, Any], out: Path | None) -> tuple[Run, Loss, Path]:
    from neurochip import experiment, files, handover, samples, training

    target = out or Path("mapped.h5")
    trained = training.load(path)
    sources = {
        "data set": trained.config.data,
        "hardware model": given["hardware"],
        "placement": given["placer"],
    }
    files.check_apart(target, {**sources, "trained network": path})
    files.check_writable(target)
    data = samples.load(trained.config)
    samples.check_mark(trained.data_mark, data, path, "put them back, or train again")
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


def _inputs(run: Run) -> str:
    """What else than the weights tells the chip from the float network."""
    return f", inputs as {run.chip.encoding!r}" if run.chip.encoding in STREAMS else ""


def _print_loss(run: Run, loss: Loss) -> None:
    print(
        f"test accuracy {loss.float_accuracy:.2%} in float, {loss.chip_accuracy:.2%} on "
        f"{run.chip.hardware.name}, {run.chip.hardware.registers.weight.bits.value}-bit weights"
        f"{_inputs(run)}"
    )
    header = (
        "layer",
        "weight is n *",
        "clipped",
        "to 0",
        "rms error",
        "of biases",
        "spikes differ",
        "rates",
    )
    rows = [
        (
            layer.name,
            f"2^-{layer.fraction}",
            f"{layer.clipped:.2%}",
            f"{layer.vanished:.2%}",
            f"{layer.error:.2%}",
            f"{layer.bias_error:.2%}",
            "-" if layer.spikes is None else f"{layer.spikes:.2%}",
            "-" if layer.spikes is None else f"{layer.float_rate:.4f}, {layer.chip_rate:.4f}",
        )
        for layer in loss.layers
    ]
    print_table(header, rows)
    print(
        f"differing spikes and rates (float, chip; a neuron and step): {loss.samples} test samples"
    )
