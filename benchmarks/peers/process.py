"""A peer in a process of its own, asked line by line, so that measurements can take turns."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

#: Environments of the peers, made by `make peers`.
ENVIRONMENTS = Path(".peers")


class PeerMissingError(Exception):
    """A peer isn't installed, or can't start; says what to do."""


class Peer:
    """One script of this folder under the Python of its own environment.

    Args:
        environment: folder in `ENVIRONMENTS`.
        script: module name in benchmarks/peers.

    Raises:
        PeerMissingError: the environment isn't there, or the script doesn't start in it.
    """

    def __init__(self, environment: str, script: str) -> None:
        python = ENVIRONMENTS / environment / "bin" / "python"
        if not python.exists():
            raise PeerMissingError(f"{python} is not there; make it with `make peers`")
        path = Path(__file__).with_name(f"{script}.py")
        self._process = subprocess.Popen(
            [str(python), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            self.version = str(self._answer()["version"])
        except RuntimeError:
            raise PeerMissingError(
                f"{script} doesn't start in {ENVIRONMENTS / environment}; remove that folder and "
                f"make it anew with `make peers`"
            ) from None

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        return answer
