"""A command behind a time limit: whatever happens, nothing of it is left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SessionError", "end_group", "run_limited"]

#: The folder that holds this package: sessions begin there, so that they find it.
ROOT = Path(__file__).parents[len(__name__.split(".")) - 1]
#: How long processes get to end by themselves after they were asked to.
GRACE_S = 20.0
#: How long the system gets to end those that it was told to kill: it's quick unless it's busy.
KILL_S = 60.0
#: How often it's looked whether they have.
POLL_S = 0.02
#: Where Linux lists its processes, and their states after the end.
PROCESSES, DEAD = Path("/proc"), "ZX"


class SessionError(Exception):
    """A session failed, or lasted too long."""


def run_limited(command: list[str], limit_s: float) -> None:
    """Run a command in a process group of its own; end all of the group when it's over.

    Raises:
        SessionError: it failed, or lasted longer than ``limit_s`` seconds.
    """
    # A pipe would stay open as long as any process of the group lives; a file doesn't.
    with tempfile.TemporaryFile("w+") as output:
        put_off: list[int] = []
        with _interrupts_put_off(put_off):
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            if put_off:
                signal.raise_signal(signal.SIGINT)
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise SessionError(
                f"the session of Lava didn't end within {limit_s:g} s and was ended; give it more "
                f"time, or show it fewer samples"
            ) from None
        finally:
            end_group(process)
        if status:
            output.seek(0)
            lines = output.read().strip().splitlines() or ["it said nothing"]
            raise SessionError(f"the session of Lava failed with status {status}: {lines[-1]}")


@contextlib.contextmanager
def _interrupts_put_off(put_off: list[int]) -> Iterator[None]:
    """Note a Ctrl-C in place of raising it: a process that is just being started would be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, lambda number, _: put_off.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started in its group; return when none is left.

    They are asked first: then Python's resource tracker, which ignores that, has the time to give
    back the shared memory of the others.
    """
    for sign, seconds in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, KILL_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        if _ends_within(process, seconds):
            break
    process.wait()


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether all of a group have ended before the time is over."""
    end = time.monotonic() + seconds
    while _is_alive(process.pid):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
        # Where a group is only asked about, a process that isn't collected counts as alive.
        process.poll()
    return True


def _is_alive(group: int) -> bool:
    """Whether a process of the group still runs; one that only waits to be collected doesn't."""
    if not PROCESSES.joinpath("self").exists():
        return _exists(group)
    for status in PROCESSES.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, owner = status.read_text().rpartition(")")[2].split()[:3]
            if int(owner) == group and state not in DEAD:
                return True
    return False


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
