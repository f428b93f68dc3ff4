"""Small studies for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from neurochip import study
from neurochip.errors import StudyError
from neurochip.study.spec import Spec, make
from neurochip.study.work import Bench, Outcome, Unit

#: A study whose trials take some hundredths of a second.
SMALL: dict[str, Any] = {
    "seeds": [0, 1],
    "objectives": ["accuracy", "memory_bits"],
    "run": {"epochs": 1, "train_samples": 80, "hidden": [8], "timesteps": 4},
    "knobs": {"weight_bits": [4, 8], "trace_bits": [4, 6]},
}
#: 4 trace bits can't hold the sum of a trace that hardly leaks.
FAILING: dict[str, Any] = {**SMALL, "knobs": {"trace_bits": [4, 8], "lam": [0.5, 0.99]}}


def small(name: str = "small", **other: Any) -> Spec:
    return make({**SMALL, **other}, name)


def url(folder: Path, name: str = "small.db") -> str:
    return f"sqlite:///{folder / name}"


class Alone:
    """A crew in this process that counts what it did, and stops when it is told to."""

    def __init__(self, spec: Spec, stop_after: int | None = None, at_once: int = 1) -> None:
        self.bench = Bench(spec)
        self.stop_after = stop_after
        self.at_once = at_once
        self.given: list[Unit] = []
        self.done: list[str] = []

    @property
    def free(self) -> int:
        return self.at_once - len(self.given)

    def give(self, unit: Unit) -> None:
        self.given.append(unit)

    def wait(self) -> list[tuple[Unit, Outcome]]:
        if self.stop_after is not None and len(self.done) >= self.stop_after:
            raise KeyboardInterrupt
        unit = self.given.pop()  # the last first: the order of outcomes must not matter
        self.done.append(unit.key)
        return [(unit, self.bench.do(unit))]


class Invented:
    """A crew that makes outcomes up, where only what becomes of them matters.

    Args:
        spec: the study.
        values: one number an objective, by setting and seed; a reason where the unit fails.
    """

    def __init__(self, spec: Spec, values: Callable[[Unit], tuple[float, ...] | str]) -> None:
        self.spec = spec
        self.values = values
        self.given: list[Unit] = []

    @property
    def free(self) -> int:
        return 1 - len(self.given)

    def give(self, unit: Unit) -> None:
        self.given.append(unit)

    def wait(self) -> list[tuple[Unit, Outcome]]:
        unit = self.given.pop()
        values = self.values(unit)
        if isinstance(values, str):
            return [(unit, Outcome((), 0.5, values))]
        return [(unit, Outcome(values, 0.5))]


def opened_at_once(specs: list[Spec], where: str) -> list[str]:
    """What commands that open a database at the same time hear: "open", or why they may not.

    Each keeps what it has opened until all have heard.
    """
    start, end = threading.Barrier(len(specs)), threading.Barrier(len(specs))
    said: list[str] = []

    def command(spec: Spec) -> None:
        with ExitStack() as opened:
            start.wait()
            try:
                opened.enter_context(study.open_store(spec, where))
                said.append("open")
            except StudyError as error:
                said.append(str(error))
            end.wait()

    threads = [threading.Thread(target=command, args=(spec,)) for spec in specs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said
