"""Learned on a sound chip, then broken, then learned on: what learning on the chip gets back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurochip.config import RunConfig
from neurochip.errors import ConfigError

#: What this adds to the options of a run that learns on the chip, with its default.
#: recover_epochs: how many epochs the chip learns after faults have come up at the end of `epochs`;
#: 0: it doesn't; None: the faults are there from the start, or after `sound_epochs`.
OPTIONS: dict[str, Any] = {"recover_epochs": None}


def check(options: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where the number of epochs is none."""
    epochs = options.get("recover_epochs")
    if epochs is None:
        return
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise ConfigError(
            f"{where}: recover_epochs is {epochs!r}; it must be a whole number from 0"
        )


def run_options(options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options of a run that learns soundly for `epochs`, and then recovers for some more.

    Raises:
        ConfigError: both `sound_epochs` and `recover_epochs` say when faults come up.
    """
    told = {name: value for name, value in options.items() if name not in OPTIONS}
    if options.get("recover_epochs") is None:
        return told
    if "sound_epochs" in told:
        raise ConfigError(
            f"{where}: sound_epochs is given beside recover_epochs, which says that faults come up "
            f"after epochs; leave one of them out"
        )
    sound = told.get("epochs", RunConfig.model_fields["epochs"].default)
    return {**told, "sound_epochs": sound, "epochs": sound + options["recover_epochs"]}
