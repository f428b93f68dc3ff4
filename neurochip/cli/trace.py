"""The command that writes what a chip did for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from neurochip.cli.options import number
from neurochip.cli.output import Json, OtherData, RunPath, announce_compilation, print_json
from neurochip.errors import ConfigError

ONE_SAMPLE = "1"
#: Neurons of each layer whose registers are written where none are chosen.
FIRST_NEURONS = 4

OutFile = Optional[Path]  # noqa: UP045  (typer reads this form)
_NEURONS = "LAYER:NEURON with commas between them, such as 0:3,1:0"


def trace(
    path: RunPath,
    samples: Annotated[
        str, typer.Option("--samples", metavar="N", help="How many test samples are shown.")
    ] = ONE_SAMPLE,
    timeline: Annotated[
        OutFile, typer.Option("--timeline", metavar="FILE", help="A .json file for Perfetto.")
    ] = None,
    vcd: Annotated[
        OutFile, typer.Option("--vcd", metavar="FILE", help="Registers for GTKWave.")
    ] = None,
    csv: Annotated[
        OutFile, typer.Option("--csv", metavar="FOLDER", help="Tables: cores, links, messages.")
    ] = None,
    neurons: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--neurons", metavar="L:N,...", help="Neurons of --vcd; the first 4 of each layer."
        ),
    ] = None,
    registers: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--registers",
            metavar="NAME,...",
            help="Registers of --vcd: signal, v_pre, v, psi, delta; all of them.",
        ),
    ] = None,
    data: OtherData = None,
    as_json: Json = False,
) -> None:
    """Show samples to the trained chip and write when everything happened, message by message."""
    from neurochip import experiment, files
    from neurochip.traces import REGISTERS, record

    _check_waveform(vcd, {"--neurons": neurons, "--registers": registers})
    count = number("samples", samples, int, "a whole number")
    run = experiment.load_run(path)
    sources: dict[str, str | Path | None] = {"run file": path}
    sources["data set"] = data or run.config.data
    wanted = [file for file in (timeline, vcd) if file is not None]
    if csv is None and not wanted:
        raise ConfigError(
            "there is nothing to write; give --timeline FILE, --vcd FILE or --csv FOLDER"
        )
    for file in wanted:
        files.check_apart(file, sources)
        files.check_writable(file)
    watched = () if vcd is None else _watched(neurons, run.chip.network.sizes[1:])
    test = experiment.load_test_data(run.config, data).test
    announce_compilation()
    chosen = REGISTERS if registers is None else tuple(registers.split(","))
    recording = record(run.chip, test, count, watched, chosen)
    written = list(wanted)
    if timeline is not None:
        recording.write_timeline(timeline)
    if vcd is not None:
        recording.write_waveform(vcd)
    if csv is not None:
        written += recording.write_tables(csv)
    if as_json:
        facts = {"command": "trace", "run": str(path), "written": [str(file) for file in written]}
        times = {"seconds": recording.ticks * 1e-12, "messages": recording.messages}
        print_json({**facts, "steps": len(recording.steps), **times})
        return
    took = f"{recording.ticks / 1e6:,.2f} us, {recording.messages:,} messages"
    print(f"{len(recording.steps)} steps, {took}")
    for file in written:
        print(f"written to {file}")


def _check_waveform(vcd: Path | None, options: dict[str, str | None]) -> None:
    for name, value in options.items():
        if vcd is None and value is not None:
            raise ConfigError(
                f"{name} says what is written into --vcd FILE, which isn't given; give it too, or "
                f"leave {name} out"
            )


def _watched(text: str | None, sizes: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Layers and neurons of a list such as 0:3,1:0; the first few of each layer if None."""
    if text is None:
        few = (range(min(size, FIRST_NEURONS)) for size in sizes)
        return tuple((layer, neuron) for layer, some in enumerate(few) for neuron in some)
    chosen: tuple[tuple[int, int], ...] = number("neurons", text, _pairs, _NEURONS)
    return chosen


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    pairs = (entry.split(":") for entry in text.split(","))
    return tuple(dict.fromkeys((int(layer), int(neuron)) for layer, neuron in pairs))
