"""All commands in one application, and how each way of ending becomes an exit status."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any, TextIO, cast

import typer

from neurochip.cli import (
    chips,
    demo,
    deploy,
    learn,
    mapping,
    parity,
    report,
    run,
    study,
    trace,
    train,
)
from neurochip.cli.options import with_options
from neurochip.cli.output import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_READER_GONE
from neurochip.cli.progress import InterruptedRunError
from neurochip.config import FaultOptions, RunConfig, TrainConfig
from neurochip.errors import NeurochipError
from neurochip.output import Output, ReaderGoneError

app = typer.Typer(
    help="Learning on neuromorphic chips, simulated bit by bit.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("learn")(with_options(RunConfig)(learn.learn))
app.command("train")(with_options(TrainConfig)(train.train))
app.command("run")(with_options(FaultOptions)(run.run))
app.command("trace")(trace.trace)
app.command("map")(mapping.map_network)
app.command("parity")(parity.parity)
app.add_typer(deploy.app, name="deploy")
app.add_typer(study.app, name="study")
app.command("chips")(chips.chips)
app.command("report")(report.report)
app.command("demo")(demo.demo)


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
    except InterruptedRunError as error:
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
