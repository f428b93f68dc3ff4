"""Standard output as the command line uses it: what can't be written is an error with a sentence.

A full disk would otherwise end in a traceback, with the exit status of a comparison that failed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, TextIO

from neurochip.errors import OutputError


class ReaderGoneError(OutputError):
    """The program that read standard output has ended, as ``head`` does when it has enough."""


class Output:
    """A text stream whose failures are OutputErrors; everything else is the stream's own.

    Args:
        stream: where the text goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            OutputError: the stream takes no more.
        """
        try:
            return self._stream.write(text)
        except OSError as error:
            raise self._failed(error) from None

    def flush(self) -> None:
        """Hand on what was written so far.

        Raises:
            OutputError: the stream takes no more.
        """
        try:
            self._stream.flush()
        except OSError as error:
            raise self._failed(error) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _failed(self, error: OSError) -> OutputError:
        """The error; what the stream still holds goes nowhere, or Python's end would fail too."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        kind = ReaderGoneError if isinstance(error, BrokenPipeError) else OutputError
        return kind(
            f"standard output can't be written ({error.strerror}); send it to a file with room or "
            f"to a program that reads all of it"
        )
