"""The command line: reads options, calls the rooms below, prints. No arithmetic."""

from __future__ import annotations

import inspect
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, TextIO, cast, get_args, get_origin

import typer

from neurochip import cli_study
from neurochip.config import RunConfig, TrainConfig
from neurochip.errors import ConfigError, LimitError, NeurochipError
from neurochip.output import Output, ReaderGoneError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from neurochip.chip.account import Account
    from neurochip.data import Dataset
    from neurochip.experiment import Progress, Run
    from neurochip.parity import ExportParity, FloatParity
    from neurochip.training import TrainEntry, Training

EXIT_DISAGREES = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141  # as programs end that SIGPIPE ends

#: What `parity` compares a chip with.
AGAINST = ("float", "lava", "netx", "nir")

#: The demonstration: few enough epochs that a second start takes seconds.
DEMO_FOLDER = Path("demo")
DEMO_EPOCHS = 5

app = typer.Typer(
    help="Learning on neuromorphic chips, simulated bit by bit.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_study.app, name="study")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
RunPath = Annotated[Path, typer.Argument(metavar="RUN.h5", help="A run file.")]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    with redirect_stdout(cast(TextIO, Output(sys.stdout))) as output:
        try:
            status = _status_of(arguments)
            output.flush()
        except ReaderGoneError:
            return EXIT_READER_GONE
        except NeurochipError as error:
            return _refuse(str(error))
    return status


def _status_of(arguments: list[str] | None) -> int:
    from typer.main import get_command

    command = get_command(app)
    try:
        status = command.main(args=arguments, prog_name="neurochip", standalone_mode=False)
    except _InterruptedRunError as error:
        return _interrupted(f"; {error}")
    except KeyboardInterrupt:
        return _interrupted()
    except NeurochipError:
        raise
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error)
            return EXIT_BAD_INPUT
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            return _refuse(_usage_sentence(error))
        if type(error).__name__ == "Abort":
            return _interrupted()
        raise
    if status == EXIT_INTERRUPTED:
        return _interrupted()
    return status if isinstance(status, int) else 0


class _InterruptedRunError(Exception):
    """Ctrl-C came while a run learned; the text says what is saved."""


def _interrupted(what: str = "") -> int:
    print(f"neurochip: interrupted{what}", file=sys.stderr)
    return EXIT_INTERRUPTED


def _refuse(sentence: str) -> int:
    print(f"neurochip: {sentence}", file=sys.stderr)
    return EXIT_BAD_INPUT


def _usage_sentence(error: Any) -> str:
    text = " ".join(str(error.format_message()).split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "neurochip"
    return f"{text}; see {command} --help"


def _with_options(kind: type[BaseModel]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command every option of a configuration as a flag; it gets the used ones as a dict."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [
            parameter
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name != "options"
        ]
        flags = [_flag(name, field) for name, field in kind.model_fields.items() if name != "data"]
        names = [flag.name for flag in flags]

        def called(**values: Any) -> Any:
            options = {name: values.pop(name) for name in names}
            given = {n: _parsed(kind, n, v) for n, v in options.items() if v is not None}
            return command(**values, options=given)

        called.__doc__ = command.__doc__
        called.__name__ = command.__name__
        parameters = [*own, *flags]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return called

    return decorated


_LISTS = {
    "hidden": "N,N",
    "rate_shifts": "N,N",
    "halve_at": "N,N",
    "sensor": "N,N",
    "shape": "N,N,N",
    "value_range": "X,X",
    "arrays": "ROLE=NAME,...",
}
_METAVARS: dict[type, str | None] = {int: "N", float: "X", str: "TEXT", bool: None}


def _flag(name: str, field: Any) -> inspect.Parameter:
    words = name.replace("_", "-")
    kind = _scalar(field.annotation)
    choices = _choices(field.annotation)
    option = typer.Option(
        f"--{words}/--no-{words}" if kind is bool else f"--{words}",
        help=_help(field),
        metavar="|".join(choices) or _LISTS.get(name, _METAVARS[kind]),
        show_default=False,
    )
    # Numbers are read by `_parsed`, whose sentences name the value.
    kind = bool if kind is bool else str
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Optional[kind], option],  # noqa: UP045  (typer reads this form)
    )


def _help(field: Any) -> str:
    default = field.default
    if isinstance(default, tuple):
        default = ",".join(str(entry) for entry in default)
    shown = (
        ""
        if default is None
        else f" [{str(default).lower() if isinstance(default, bool) else default}]"
    )
    return f"{field.description}{shown}"


def _choices(annotation: Any) -> tuple[str, ...]:
    for part in (annotation, *get_args(annotation)):
        if str(get_origin(part)) == "typing.Literal":
            return get_args(part)
    return ()


def _scalar(annotation: Any) -> type:
    parts = [annotation, *get_args(annotation)]
    for kind in (bool, int, float):
        if kind in parts and get_origin(annotation) is not tuple:
            return kind
    return str


def _parsed(kind: type[BaseModel], name: str, value: Any) -> Any:
    """What a flag of an option says, of the option's kind."""
    if name == "arrays":
        return _names(name, value)
    if name == "value_range":
        return _number(name, value, _numbers, "numbers with a comma between them, such as -5,5")
    if name in _LISTS:
        return _whole_numbers(name, value)
    scalar = _scalar(kind.model_fields[name].annotation)
    if scalar is int:
        return _number(name, value, int, "a whole number")
    return _number(name, value, float, "a number") if scalar is float else value


def _whole_numbers(name: str, text: str) -> Any:
    if not text.strip():
        return ()
    wanted = "whole numbers with commas between them, such as 128,64"
    return _number(name, text, lambda text: tuple(map(int, text.split(","))), wanted)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _names(name: str, text: str) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in text.split(",")]
    roles = [role.strip() for role, _, _ in pairs]
    if len(set(roles)) < len(roles) or not all(all(pair) for pair in pairs):
        raise ConfigError(
            f"--{name} is {text!r}; it must be ROLE=NAME with commas between them, each role once, "
            f"such as t=times,unit=units,offsets=offsets,label=labels"
        )
    return {role: key.strip() for role, (_, _, key) in zip(roles, pairs, strict=True)}


def _number(name: str, text: str, read: Callable[[str], Any], wanted: str) -> Any:
    try:
        return read(text)
    except ValueError:
        flag = f"--{name.replace('_', '-')}"
        raise ConfigError(f"{flag} is {text!r}; it must be {wanted}") from None


@app.command()
@_with_options(RunConfig)
def learn(
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(metavar="[CONFIG.toml]", help="Options as a TOML file; flags override it."),
    ] = None,
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="Built-in name (digits), .npz, IDX folder or HDF5 file."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="The run file to write. [run.h5, or the resumed file]"),
    ] = None,
    resume: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--resume", help="Go on from this run file, bit for bit."),
    ] = None,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> None:
    """Learn on the chip, one sample at a time, and save a run file after every epoch."""
    from neurochip import experiment, files
    from neurochip.config import make, read

    if resume is not None:
        target = out or resume
        run, samples, epochs = _resumed(resume, target, config, data, options)
    else:
        given = {} if config is None else read(config)
        options = {**options, **({} if data is None else {"data": data})}
        merged = make({**given, **options}, "options" if config is None else str(config))
        target = out or Path("run.h5")
        sources = {"data set": merged.data, "hardware model": merged.hardware}
        files.check_apart(target, {**sources, **({"configuration": config} if config else {})})
        files.check_writable(target)
        samples = experiment.load_data(merged)
        run = experiment.build(merged, samples)
        epochs = merged.epochs
    _learn(run, samples, epochs, target, target == resume, as_json)


def _resumed(
    path: Path, target: Path, config: Path | None, data: str | None, options: dict[str, Any]
) -> tuple[Run, Dataset, int]:
    from neurochip import experiment, files

    fixed = sorted(set(options) - {"epochs"})
    if fixed or config is not None:
        what = f"--{fixed[0].replace('_', '-')}" if fixed else str(config)
        raise ConfigError(
            f"{what} can't change a run that is resumed from {str(path)!r}; leave it out, or "
            f"start a new run without --resume"
        )
    run = experiment.load_run(path)
    files.check_apart(target, {"data set": data or run.config.data})
    samples = experiment.load_data(run.config, data)
    experiment.check_same_data(run, samples, path)
    epochs = options.get("epochs")
    if epochs is None:
        epochs = experiment.remaining_epochs(run, path)
    elif epochs < 1:
        raise ConfigError(f"--epochs is {epochs}; it must be 1 or more")
    return run, samples, epochs


def _learn(
    run: Run, samples: Dataset, epochs: int, out: Path, in_place: bool, as_json: bool
) -> None:
    from neurochip import experiment

    before, start, done = _identity(out), time.perf_counter(), run.chip.epoch
    try:
        with (
            _progress(run, len(samples.train), run.chip.epoch + epochs, as_json) as progress,
            _interruptible(progress) as told,
        ):
            experiment.learn(run, samples, epochs, out, told)
    except KeyboardInterrupt:
        # Only the file knows whether the interruption came before or after it was put in place.
        if _identity(out) != before:
            done = experiment.load_run(out).chip.epoch
        elif not in_place:
            raise _InterruptedRunError("nothing was saved") from None
        raise _InterruptedRunError(f"{out} holds the first {done} epochs") from None
    seconds = time.perf_counter() - start
    if as_json:
        _print_json(_learned(run, out, seconds))
    else:
        print(f"test accuracy {run.history[-1].test_accuracy:.2%} after {run.chip.epoch} epochs")
        print(f"written to {out} ({seconds:.1f} s)")


@contextmanager
def _interruptible(progress: Progress | None) -> Iterator[Progress]:
    """The first Ctrl-C ends learning when progress is told next, another one at once.

    Python drops a KeyboardInterrupt that is raised while an object is destroyed, as h5py's are
    whenever a run is saved; so the first one is raised where nothing can drop it.
    """
    heard = False

    def hear(*_: object) -> None:
        nonlocal heard
        if heard:
            raise KeyboardInterrupt
        heard = True

    def tell(run: Run, learned: int, scored: int, wrong: int) -> None:
        if heard:
            raise KeyboardInterrupt
        if progress is not None:
            progress(run, learned, scored, wrong)

    if threading.current_thread() is not threading.main_thread():
        yield tell  # only the main thread may listen to signals
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield tell
    finally:
        signal.signal(signal.SIGINT, before)


def _identity(path: Path) -> tuple[int, int] | None:
    """What changes whenever a file is written anew; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _learned(run: Run, out: Path, seconds: float) -> dict[str, Any]:
    return {
        "command": "learn",
        "out": str(out),
        "accuracy": run.accuracy,
        "epochs": run.chip.epoch,
        "seconds": seconds,
        "history": [
            {
                "epoch": entry.record.epoch + 1,
                "running_error": entry.record.running_error,
                "accuracy": entry.test_accuracy,
                "rate_shifts": list(entry.record.rate_shifts),
            }
            for entry in run.history
        ],
        "config": run.config.to_dict(),
    }


@contextmanager
def _progress(run: Run, n_samples: int, last: int, quiet: bool) -> Iterator[Progress | None]:
    """Tell how learning goes: a bar on a terminal, a line an epoch elsewhere, nothing for JSON."""
    _announce_compilation()
    if quiet:
        yield None
    elif sys.stdout.isatty():
        with _Bar(n_samples, run.chip.epoch, last) as bar:
            yield bar
    else:
        yield _Lines(n_samples, last)


def _announce_compilation() -> None:
    """Say on the error stream why a first run takes its time."""
    from neurochip.kernels import jit

    if jit.is_cold():
        print("compiling the kernels: needed once, takes about half a minute", file=sys.stderr)


class _Lines:
    """One line at the end of every epoch."""

    def __init__(self, n_samples: int, last: int) -> None:
        self.n_samples, self.last, self.start = n_samples, last, time.perf_counter()

    def __call__(self, run: Run, learned: int, scored: int, wrong: int) -> None:
        if learned < self.n_samples:
            return
        now = time.perf_counter()
        rate = self.n_samples / max(now - self.start, 1e-9)
        self.start = now
        error = f"running error {wrong / scored:.2%}" if scored else ""
        print(f"epoch {run.chip.epoch + 1}/{self.last}: {error}, {rate:.0f} samples/s", flush=True)


class _Bar:
    """A bar with samples a second and the running error."""

    def __init__(self, n_samples: int, first: int, last: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.n_samples, self.last, self.start = n_samples, last, time.perf_counter()
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/" + str(last)),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
        )
        self.first = first
        self.task = self.bar.add_task("learn", total=None, epoch=first + 1, said="")

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, run: Run, learned: int, scored: int, wrong: int) -> None:
        epoch = run.chip.epoch
        done = (epoch - self.first) * self.n_samples + learned
        rate = done / max(time.perf_counter() - self.start, 1e-9)
        error = f", running error {wrong / scored:.2%}" if scored else ""
        self.bar.update(
            self.task,
            total=(self.last - self.first) * self.n_samples,
            completed=done,
            epoch=epoch + 1,
            said=f"{rate:.0f} samples/s{error}",
        )


@app.command()
@_with_options(TrainConfig)
def train(
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(metavar="[CONFIG.toml]", help="Options as a TOML file; flags override it."),
    ] = None,
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="Built-in name (digits), .npz, IDX folder or HDF5 file."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="The file to write. [trained.h5, or the resumed file]"),
    ] = None,
    resume: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--resume", help="Finish the epochs of this file, bit for bit."),
    ] = None,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> None:
    """Train off the chip, in float, by any of the rules, and save a file after every epoch."""
    from neurochip import files, training
    from neurochip.config import make_training, read

    if resume is not None:
        if options or config is not None or data is not None:
            raise ConfigError(
                f"a training that is resumed from {str(resume)!r} keeps its options; leave out all "
                f"others but --out, or start a new one without --resume"
            )
        target = out or resume
        begun = training.load(resume)
        samples = training.load_data(begun.config)
    else:
        given = {} if config is None else read(config)
        options = {**options, **({} if data is None else {"data": data})}
        merged = make_training({**given, **options}, "options" if config is None else str(config))
        target = out or Path("trained.h5")
        samples = training.load_data(merged)
        begun = training.begin(merged, samples)
    files.check_writable(target)
    _train(begun, samples, target, as_json)


def _train(begun: Training, samples: Dataset, out: Path, as_json: bool) -> None:
    from neurochip import training

    before, start = _identity(out), time.perf_counter()

    def tell(entry: TrainEntry) -> None:
        if not as_json:
            print(
                f"epoch {entry.epoch}: T = {entry.timesteps}, loss {entry.loss:.4f}, "
                f"test accuracy {entry.test_accuracy:.2%}",
                flush=True,
            )

    try:
        done = training.train(begun, samples, out, tell)
    except KeyboardInterrupt:
        if _identity(out) == before:
            raise _InterruptedRunError("nothing was saved") from None
        epochs = training.load(out).progress.number
        raise _InterruptedRunError(f"{out} holds the first {epochs} epochs") from None
    if as_json:
        seconds = time.perf_counter() - start
        _print_json(
            {"command": "train", "out": str(out), "seconds": seconds, **training.facts(done)}
        )
    else:
        print(f"written to {out} ({time.perf_counter() - start:.1f} s)")


@app.command("run")
def run_command(
    path: RunPath,
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="Another data set than the run's own."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the trained chip on a test set: accuracy and events, nothing is learned."""
    from neurochip import experiment

    run = experiment.load_run(path)
    samples = experiment.load_test_data(run.config, data)
    _announce_compilation()
    result = experiment.evaluate(run, samples)
    events = _events(result.counters, len(samples.test))
    if as_json:
        _print_json(
            {
                "command": "run",
                "run": str(path),
                "data": samples.name,
                "samples": len(samples.test),
                "accuracy": result.accuracy,
                "events_per_sample": events,
                "saturations": _totals(result.saturations),
                "costs": _cost_facts(run, samples),
            }
        )
        return
    print(f"test accuracy {result.accuracy:.2%} on {len(samples.test)} samples of {samples.name}")
    for layer in events:
        text = ", ".join(f"{name.replace('_', ' ')} {n:.1f}" for name, n in layer.items())
        print(f"  events a sample: {text}")
    _print_costs(run, samples)


def _account(run: Run, samples: Dataset) -> Account | str:
    """Events with their costs, or why they can't be told."""
    from neurochip.chip.account import account

    try:
        return account(run.chip, samples.test)
    except LimitError as error:
        return str(error)


def _cost_facts(run: Run, samples: Dataset) -> dict[str, Any]:
    told = _account(run, samples)
    if isinstance(told, str):
        return {"untold": told}
    facts: dict[str, Any] = {"cores": told.cores, "samples": told.samples}
    for phase, counts in (("inference", told.inference), ("learning", told.learning)):
        energy, busy = told.energy(counts), told.time(counts)
        facts[phase] = {
            "energy_joules": energy.value,
            "energy_unknown": list(energy.unknown),
            "seconds": busy.value,
            "seconds_unknown": list(busy.unknown),
            "memory_words": told.memory_words(counts),
        }
    return facts


def _print_costs(run: Run, samples: Dataset) -> None:
    """Four lines: what a sample costs, in inference and beside it in learning."""
    told = _account(run, samples)
    if isinstance(told, str):
        print(f"energy and time are not told: {told}")
        return
    cores = "1 core" if told.cores == 1 else f"{told.cores} cores"
    name = run.chip.hardware.name
    print(f"costs a sample on {cores} of chip {name!r}, by the weights as they are now:")
    for what, cost in (("energy", told.energy), ("time", told.time)):
        inference, learning = cost(told.inference), cost(told.learning)
        share = _share(inference.value, learning.value)
        print(f"  {what}: inference {inference}, learning {learning} on top{share}")
    words = told.memory_words(told.inference), told.memory_words(told.learning)
    print(
        f"  words of weight memory: inference {words[0]:,.0f}, learning {words[1]:,.0f} on top"
        f"{_share(*words)}"
    )


def _share(inference: float | None, learning: float | None) -> str:
    if inference is None or learning is None or inference + learning == 0:
        return ""
    return f" ({learning / (inference + learning):.0%} of both)"


def _events(counters: Any, samples: int) -> list[dict[str, float]]:
    """Events of inference, one row a layer, a sample."""
    from neurochip.chip import COUNTED_EVENTS

    return [
        {
            name: int(count) / samples
            for name, count in zip(COUNTED_EVENTS, layer, strict=True)
            if name not in ("weight_updates", "trace_updates")
        }
        for layer in counters.sum(axis=0)
    ]


def _totals(saturations: Any) -> dict[str, int]:
    from neurochip.chip import SATURATED_REGISTERS

    totals = saturations.sum(axis=(0, 1))
    return {name: int(n) for name, n in zip(SATURATED_REGISTERS, totals, strict=True) if n}


@app.command("map")
def map_command(
    path: RunPath,
    hardware: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--hardware", help="Another chip than the run's own: a name or a file."),
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
    """Spread a run's network over the cores of a chip: what each core holds, and the mesh."""
    from neurochip import experiment
    from neurochip.mapping import utilisation

    mapped = experiment.map_run(experiment.load_run(path), hardware, placer)
    if as_json:
        facts = {"command": "map", "run": str(path), "placer": placer}
        _print_json({**facts, **utilisation.facts(mapped)})
        return
    print(utilisation.summary(mapped))
    _print_table(*utilisation.table(mapped))
    print("\neach core: its layer, and how full its fullest resource is")
    for line in utilisation.draw_mesh(mapped):
        print(line)


@app.command()
def parity(
    path: RunPath,
    against: Annotated[
        str, typer.Option("--against", metavar="|".join(AGAINST), help="Compare with what.")
    ] = "float",
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="Another data set than the run's own."),
    ] = None,
    samples: Annotated[
        str, typer.Option("--samples", metavar="N", help="How many samples.")
    ] = "100",
    learn: Annotated[
        bool,
        typer.Option("--learn", help="Let training samples be learned in Lava too, and compare."),
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
    count = _number("samples", samples, int, "a whole number")
    run = experiment.load_run(path)
    loaded = experiment.load_test_data(run.config, data)
    _announce_compilation()
    verdict: FloatParity | ExportParity
    if learn:
        verdict = room.compare_learning_with_lava(run.chip, loaded.train, count)
    elif against == "float":
        verdict = room.compare_with_float(run.chip, loaded.test, count)
    else:
        verdict = room.EXPORTS[against](run.chip, loaded.test, count)
    if as_json:
        _print_json({"command": "parity", "against": against, "run": str(path), **_facts(verdict)})
    elif isinstance(verdict, room.FloatParity):
        _print_parity(verdict)
    else:
        _print_export_parity(verdict, against)
    if not verdict.agrees:
        raise typer.Exit(EXIT_DISAGREES)


def _facts(verdict: FloatParity | ExportParity) -> dict[str, Any]:
    from dataclasses import asdict

    from neurochip.parity import FloatParity

    spikes = {"spikes": verdict.spikes} if isinstance(verdict, FloatParity) else {}
    return {"agrees": verdict.agrees, **spikes, **asdict(verdict)}


def _print_export_parity(verdict: ExportParity, against: str) -> None:
    from neurochip.deploy.states import rows

    header, *table = rows(verdict.states)
    _print_table(header, table)
    agrees = f"every integer of {verdict.samples} samples is the same on the chip and in {against}"
    print(agrees if verdict.agrees else "they DISAGREE")


def _print_parity(verdict: FloatParity) -> None:
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
    _print_table(header, rows)
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


deploy = typer.Typer(
    help="Write a trained chip for another system.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(deploy, name="deploy")
DEPLOYED_SAMPLES = "10"


@deploy.command("lava")
def deploy_lava(
    path: RunPath,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="Another data set than the run's own."),
    ] = None,
    samples: Annotated[
        str, typer.Option("--samples", metavar="N", help="Test samples that go along with it.")
    ] = DEPLOYED_SAMPLES,
    as_json: Json = False,
) -> None:
    """Write a folder that runs the network with lava-nc alone and checks every integer."""
    from neurochip import experiment, files
    from neurochip.deploy import lava

    count = _number("samples", samples, int, "a whole number")
    run = experiment.load_run(path)
    test = experiment.load_test_data(run.config, data).test
    files.check_apart(
        out / lava.NETWORK_FILE, {"run file": path, "data set": data or run.config.data}
    )
    written = lava.write(run.chip, test.take(count).x, out)
    if as_json:
        _print_json({"command": "deploy lava", "written": [str(file) for file in written]})
    else:
        print(f"written to {out}; there, python run.py runs it in Lava and compares")


OutFile = Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.")]


@deploy.command("netx")
def deploy_netx(path: RunPath, out: OutFile, as_json: Json = False) -> None:
    """Write an HDF5 file that lava-dl's netx turns into Lava processes."""
    from neurochip import experiment, files
    from neurochip.deploy import netx

    files.check_apart(out, {"run file": path})
    netx.write(experiment.load_run(path).chip, out)
    _print_deployed("netx", out, as_json)


@deploy.command("nir")
def deploy_nir(path: RunPath, out: OutFile, as_json: Json = False) -> None:
    """Write a NIR file: floats for other tools, and the chip's integers and learning state."""
    from neurochip import experiment, files
    from neurochip.deploy import nir

    files.check_apart(out, {"run file": path})
    nir.write(experiment.load_run(path).chip, out)
    _print_deployed("nir", out, as_json)


def _print_deployed(kind: str, out: Path, as_json: bool) -> None:
    if as_json:
        _print_json({"command": f"deploy {kind}", "written": [str(out)]})
    else:
        print(f"written to {out}")


@app.command()
def chips(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="A chip, or a path of a .toml file."),
    ] = None,
    check: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--check", metavar="FILE", help="Validate a chip; list what it leaves open."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the hardware models, print one as a table, or check one."""
    from neurochip import hardware

    if check is not None:
        _check_chip(check, as_json)
        return
    if name is None:
        models = {entry: hardware.load(entry).title for entry in hardware.available()}
        if as_json:
            _print_json({"command": "chips", "chips": models})
        else:
            _print_table(("name", "title"), list(models.items()))
        return
    model = hardware.load(name)
    rows = hardware.rows(model)
    if as_json:
        _print_json({"command": "chips", "name": model.name, "rows": [r._asdict() for r in rows]})
        return
    print(model.title)
    shown = [tuple("unknown" if cell is None else str(cell) for cell in row) for row in rows]
    _print_table(("number", "value", "unit", "basis", "source"), shown)


def _check_chip(path: str, as_json: bool) -> None:
    from neurochip import hardware

    checked = hardware.check(path)
    if as_json:
        facts = {"command": "chips", "check": path, "name": checked.hardware.name, "valid": True}
        lists = {"left_out": checked.left_out, "unknown": checked.unknown}
        _print_json({**facts, **lists, "settings": checked.settings})
        return
    name = checked.hardware.name
    print(f"{path}: hardware model {name!r} is valid, {checked.settings} settings")
    for what, keys in (
        ("left out, so unknown", checked.left_out),
        ("given as unknown", checked.unknown),
    ):
        print(f"{what}: {', '.join(keys) or 'none'}")


@app.command()
def report(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A run file (.h5) or a study's database (.db).")
    ],
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    figures: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--figures", help="Also write each figure as PNG and SVG into this folder."),
    ] = None,
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--data", help="Another data set than the run's own."),
    ] = None,
    sample: Annotated[
        str, typer.Option("--sample", metavar="N", help="Test sample that is drawn.")
    ] = "0",
    neurons: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--neurons",
            metavar="N,N",
            help="Hidden neurons that are drawn, numbered through all layers.",
        ),
    ] = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--name", help="Of the study, where a database holds several."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw what a run or a study did: one HTML page that needs nothing else."""
    if cli_study.is_study(source):
        written = cli_study.report(source, name, out, figures)
    else:
        written = _report_run(Path(source), out, figures, data, sample, neurons)
    if as_json:
        _print_json({"command": "report", "written": [str(file) for file in written]})
    else:
        for file in written:
            print(f"written to {file}")


def _report_run(
    path: Path, out: Path, figures: Path | None, data: str | None, sample: str, neurons: str | None
) -> list[Path]:
    from neurochip import experiment, files, plot

    chosen = None if neurons is None else _whole_numbers("neurons", neurons)
    drawn = _number("sample", sample, int, "a whole number")
    run = experiment.load_run(path)
    samples = experiment.load_test_data(run.config, data)
    files.check_apart(out, {"run file": path, "data set": data or run.config.data})
    _announce_compilation()
    return plot.report(run, samples, out, sample=drawn, neurons=chosen, figures=figures)


@app.command()
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
        _progress(run, len(samples.train), DEMO_EPOCHS, as_json) as progress,
        _interruptible(progress) as told,
    ):
        experiment.learn(run, samples, DEMO_EPOCHS, out / "run.h5", told)
    verdict = compare_with_float(run.chip, samples.test)
    page = plot.report(run, samples, out / "report.html")
    if as_json:
        facts = {"command": "demo", "accuracy": run.accuracy, "parity": _facts(verdict)}
        facts["costs"] = _cost_facts(run, samples)
        _print_json({**facts, "written": [str(out / "run.h5"), *map(str, page)]})
    else:
        print(f"test accuracy {run.history[-1].test_accuracy:.2%}\n")
        print("The same samples through the paper's equations in float64:")
        _print_parity(verdict)
        print()
        _print_costs(run, samples)
        print(f"\nrun file {out / 'run.h5'}, report {page[0]}")
    if not verdict.agrees:
        raise typer.Exit(EXIT_DISAGREES)


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, tuple("-" * width for width in widths), *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _print_json(facts: dict[str, Any]) -> None:
    print(json.dumps(facts))
