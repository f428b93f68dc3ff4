"""How learning goes, and how Ctrl-C ends it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from neurochip.cli.output import announce_compilation

if TYPE_CHECKING:
    from neurochip.experiment import Progress, Run


class InterruptedRunError(Exception):
    """Ctrl-C came while a run learned; the text says what is saved."""


@contextmanager
def listening() -> Iterator[Callable[[], None]]:
    """The first Ctrl-C waits for a call of what is yielded, another one comes at once.

    Python drops a KeyboardInterrupt that is raised while an object is destroyed, as h5py's are
    whenever a run is saved; so the first one is raised where nothing can drop it.

    Yields:
        Raises KeyboardInterrupt if Ctrl-C has come.
    """
    heard = False

    def hear(*_: object) -> None:
        nonlocal heard
        if heard:
            raise KeyboardInterrupt
        heard = True

    def check() -> None:
        if heard:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check  # only the main thread may listen to signals
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interruptible(progress: Progress | None) -> Iterator[Progress]:
    """The first Ctrl-C ends learning when progress is told next, another one at once."""
    with listening() as check:

        def tell(run: Run, learned: int, scored: int, wrong: int) -> None:
            check()
            if progress is not None:
                progress(run, learned, scored, wrong)

        yield tell


def identity(path: Path) -> tuple[int, int] | None:
    """What changes whenever a file is written anew; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


@contextmanager
def progress_of(run: Run, n_samples: int, last: int, quiet: bool) -> Iterator[Progress | None]:
    """Tell how learning goes: a bar on a terminal, a line an epoch elsewhere, nothing for JSON."""
    announce_compilation()
    if quiet:
        yield None
    elif sys.stdout.isatty():
        with Bar(n_samples, run.chip.epoch, last) as bar:
            yield bar
    else:
        yield Lines(n_samples, last)


class Lines:
    """One line at the end of every epoch."""

    def __init__(self, n_samples: int, last: int) -> None:
        self.n_samples, self.last, self.start = n_samples, last, time.perf_counter()

    def __call__(self, run: Run, learned: int, scored: int, wrong: int) -> None:
        """Print, once the epoch is whole."""
        if learned < self.n_samples:
            return
        now = time.perf_counter()
        rate = self.n_samples / max(now - self.start, 1e-9)
        self.start = now
        error = f"running error {wrong / scored:.2%}" if scored else ""
        print(f"epoch {run.chip.epoch + 1}/{self.last}: {error}, {rate:.0f} samples/s", flush=True)


class Bar:
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

    def __enter__(self) -> Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, run: Run, learned: int, scored: int, wrong: int) -> None:
        """Move the bar."""
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
