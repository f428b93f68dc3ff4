"""What a run or a training is: every option once, for TOML, for the command line and for files."""

from neurochip.config.checks import MAX_EPOCHS, read
from neurochip.config.data import DataConfig
from neurochip.config.run import (
    HALVE_AT,
    HARDWARE_OPTIONS,
    MEMBRANE_WHOLE_BITS,
    FaultOptions,
    RunConfig,
    make,
)
from neurochip.config.training import TrainConfig, make_training

__all__ = ["HALVE_AT", "HARDWARE_OPTIONS", "MAX_EPOCHS", "MEMBRANE_WHOLE_BITS", "DataConfig"]
__all__ += ["FaultOptions", "RunConfig", "TrainConfig", "make", "make_training", "read"]
