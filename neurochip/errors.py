"""What can go wrong, as exception types.

Every message is one sentence that names the object, the value, the limit and what would fix it.
The command line prints that sentence and exits with 2; a library call raises it.
"""

from __future__ import annotations


class NeurochipError(Exception):
    """Root of every error that neurochip raises on purpose."""


class DataError(NeurochipError):
    """A data set is missing, damaged, or not of the shape and range that is needed."""


class NetworkError(NeurochipError):
    """A network description is inconsistent."""


class HardwareError(NeurochipError):
    """A hardware model is unknown, damaged, or holds a number outside its range."""


class LimitError(NeurochipError):
    """A network doesn't fit the chip."""


class RuleError(NeurochipError):
    """A learning rule is unknown, or its options contradict each other."""


class TrainingError(NeurochipError):
    """Training has left the range of numbers; what was learned before is good."""


class ConfigError(NeurochipError):
    """A configuration file or a command's option can't be used."""


class RunFileError(NeurochipError):
    """A run file is missing, damaged, or of a version that this program can't read."""


class StudyError(NeurochipError):
    """A study's database is missing, out of reach, in use, or holds another study."""


class OutputError(NeurochipError):
    """A result can't be written where it was asked for."""


class ExportError(NeurochipError):
    """A chip can't be expressed in another system, or that system is missing here."""


class ParityError(NeurochipError):
    """Two executions that must agree do not."""
