"""What can be known of a study before anything runs: whether each value of its knobs can be at all.

A value is tried with the first values of the other knobs: the options of its run, its chip with the
registers asked for, the rule, and a network with the hidden layers asked for. Where that is
refused, each other knob is turned by itself, and again from wherever the reason is a new one then.
A value that is refused all along is a slip; what only a combination rules out fails as a trial,
with its reason.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from neurochip import mapping
from neurochip.config import HARDWARE_OPTIONS, RunConfig
from neurochip.errors import ConfigError, NeurochipError
from neurochip.hardware import Hardware
from neurochip.study import workflows
from neurochip.study.knobs import Setting, text_of

if TYPE_CHECKING:
    from neurochip.study.spec import Spec

#: Inputs and classes of the smallest network: what is refused with these is so with any data.
_LEAST_INPUTS, _LEAST_CLASSES = 1, 2


def check(spec: Spec) -> None:
    """Raise ConfigError where a value of a knob can't be, whatever the others are."""
    chips: dict[str, Hardware] = {}
    where = f"study {spec.name!r}"
    for name, knob in spec.knobs.items():
        for value in knob.ends:
            reason = _refusal(spec, name, value, chips)
            if reason is None:
                continue
            if _reason(spec, {}, chips) == reason:  # so no knob is to blame
                raise ConfigError(f"{where}: {reason}")
            raise ConfigError(
                f"{where}: knob {name!r} can't have the value {text_of(value)}: {reason}"
            )


def _refusal(spec: Spec, name: str, value: Any, chips: dict[str, Hardware]) -> str | None:
    """Why a value can't be with the first values of the other knobs; None if it can with some."""
    begin = {other: knob.ends[0] for other, knob in spec.knobs.items()} | {name: value}
    waiting, reasons = deque([begin]), list[str]()
    while waiting:
        setting = waiting.popleft()
        reason = _reason(spec, setting, chips)
        if reason is None:
            return None
        if reason not in reasons:  # what changes nothing about the reason can't mend it
            reasons.append(reason)
            waiting += _around(spec, setting, name)
    return reasons[0]


def _around(spec: Spec, setting: Setting, name: str) -> Iterator[Setting]:
    """A setting with one of its knobs turned, but not the knob of that name."""
    for other, knob in spec.knobs.items():
        if other != name:
            yield from ({**setting, other: end} for end in knob.ends if end != setting[other])


def _reason(spec: Spec, setting: Setting, chips: dict[str, Hardware]) -> str | None:
    """Why a setting can't be run, as far as is known without data; None if it may."""
    where = f"study {spec.name!r}"
    workflow = spec.workflow_of(setting)
    try:
        defaults = workflows.WAYS[workflow].options
        workflows.check({**defaults, **spec.own_options(setting)}, (workflow,), where)
        config = spec.config(setting, spec.seeds[0])
        key = json.dumps([getattr(config, name) for name in HARDWARE_OPTIONS])
        if key not in chips:
            chips[key] = config.load_hardware()
        _build(config, chips[key], learns=workflow == "chip")
    except NeurochipError as error:
        return str(error).removeprefix(f"{where}: ").removeprefix(f"{spec.name}: ").rstrip(".")
    return None


def _build(config: RunConfig, hardware: Hardware, learns: bool) -> None:
    rule = config.make_rule()
    if learns:
        mapping.check_learns(hardware, rule)
    if config.conv is not None:  # whose shapes depend on the images
        return
    network = config.make_network((_LEAST_INPUTS,), _LEAST_CLASSES, hardware)
    mapping.check_supported(network, hardware, rule)
    mapping.check_fits(network, hardware, rule, config.widths)
