"""The commands that write a chip for other systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from neurochip.cli.options import number
from neurochip.cli.output import Json, OtherData, RunPath, print_json
from neurochip.errors import ConfigError

if TYPE_CHECKING:
    from neurochip.data import Dataset
    from neurochip.experiment import Run

app = typer.Typer(
    help="Write a trained chip for another system.", no_args_is_help=True, rich_markup_mode=None
)
DEPLOYED_SAMPLES = "10"
#: What becomes of a run in Lava, by the engine that learned it.
PROFILES = {"chip": "ottt", "loihi3f": "loihi3f"}


@app.command("lava")
def lava(
    path: RunPath,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    data: OtherData = None,
    samples: Annotated[
        str,
        typer.Option(
            "--samples",
            metavar="N",
            help="Samples that go along with it; fewer where there are not so many.",
        ),
    ] = DEPLOYED_SAMPLES,
    profile: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--profile",
            metavar="|".join(PROFILES.values()),
            help="ottt shows test samples; loihi3f learns training samples by Lava's own "
            "synapses. [as the run learned]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a folder that runs the network with lava-nc alone and checks every integer."""
    from neurochip import experiment, files
    from neurochip.deploy import lava as room

    if profile not in (None, *PROFILES.values()):
        choices = ", ".join(map(repr, PROFILES.values()))
        raise ConfigError(f"--profile is {profile!r}; it must be one of {choices}")
    count = number("samples", samples, int, "a whole number")
    if count < 1:
        raise ConfigError(f"--samples is {count}; it must be 1 or more")
    run = experiment.load_run(path)
    loaded = experiment.load_test_data(run.config, data)
    files.check_apart(
        out / room.NETWORK_FILE, {"run file": path, "data set": data or run.config.data}
    )
    chosen = profile or PROFILES[run.config.engine]
    written = _write_lava(run, loaded, count, out, chosen)
    if as_json:
        files_written = [str(file) for file in written]
        print_json({"command": "deploy lava", "profile": chosen, "written": files_written})
    else:
        print(f"written to {out}; there, python run.py runs it in Lava and compares")


def _write_lava(run: Run, data: Dataset, count: int, out: Path, profile: str) -> list[Path]:
    from neurochip.deploy import lava as room
    from neurochip.deploy.lava.learning import loihi3f

    if profile == "loihi3f":
        lesson = data.train.take(min(count, len(data.train)))
        return loihi3f.write(run.chip, lesson, out, run.config.t_epoch)
    if run.config.engine == "loihi3f":
        raise ConfigError(
            "the run learned by engine 'loihi3f', whose weights of nine bits only Lava's learning "
            "synapses hold; leave --profile out, or choose 'loihi3f'"
        )
    return room.write(run.chip, data.test.take(min(count, len(data.test))).x, out)


OutFile = Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")]


@app.command("netx")
def netx(path: RunPath, out: OutFile, as_json: Json = False) -> None:
    """Write an HDF5 file that lava-dl's netx turns into Lava processes."""
    from neurochip import experiment, files
    from neurochip.deploy import netx as room

    files.check_apart(out, {"run file": path})
    room.write(experiment.load_run(path).chip, out)
    _print_deployed("netx", out, as_json)


@app.command("nir")
def nir(path: RunPath, out: OutFile, as_json: Json = False) -> None:
    """Write a NIR file: floats for other tools, and the chip's integers and learning state."""
    from neurochip import experiment, files
    from neurochip.deploy import nir as room

    files.check_apart(out, {"run file": path})
    room.write(experiment.load_run(path).chip, out)
    _print_deployed("nir", out, as_json)


@app.command("sanafe")
def sanafe(
    path: RunPath,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    data: OtherData = None,
    sample: Annotated[
        str, typer.Option("--sample", metavar="N", help="Test sample that its inputs send.")
    ] = "0",
    as_json: Json = False,
) -> None:
    """Write the chip and the network on it as YAML of SANA-FE, which simulates time and energy."""
    from neurochip import experiment, files
    from neurochip.deploy import sanafe as room

    index = number("sample", sample, int, "a whole number")
    run = experiment.load_run(path)
    test = experiment.load_test_data(run.config, data).test
    if not 0 <= index < len(test):
        raise ConfigError(
            f"sample is {index}, but the test set has samples 0 to {len(test) - 1}; give one of "
            f"those"
        )
    for name in room.FILES:
        files.check_apart(out / name, {"run file": path, "data set": data or run.config.data})
    written = room.write(run.chip, test.x[index], out, index)
    steps = room.steps(run.chip)
    if as_json:
        facts = {"steps": steps, "exact": room.is_exact(run.chip)}
        print_json({"command": "deploy sanafe", "written": [str(f) for f in written], **facts})
    else:
        print(f"written to {out}; {out / 'README'} says how SANA-FE runs its {steps} steps")


def _print_deployed(kind: str, out: Path, as_json: bool) -> None:
    if as_json:
        print_json({"command": f"deploy {kind}", "written": [str(out)]})
    else:
        print(f"written to {out}")
