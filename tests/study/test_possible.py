"""A study asks for what can be before anything of it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurochip import cli
from neurochip.errors import ConfigError
from neurochip.study import read
from neurochip.study.spec import Spec
from tests.study.small import FAILING, small

NO_CHIP = (
    "hardware model 'nochip' is unknown; the nearest is 'neurochip'; built in are loihi, loihi2, "
    "loihi_calibrated, neurochip, odin, or give the path of a .toml file"
)


def asked(folder: Path, told: dict[str, Any]) -> Spec:
    """A study that is read from a file."""
    (folder / "s.toml").write_text(small("s", **told).to_toml())
    return read(folder / "s.toml")


def refused(folder: Path, told: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        asked(folder, told)
    return str(caught.value)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"knobs": {"weight_bits": [8, 99]}},
            "study 's': knob 'weight_bits' can't have the value 99: hardware 'neurochip' with "
            "given values: registers.weight.bits is 99 but must be 2 to 16 bit; choose a value in "
            "that range",
        ),
        (
            {"knobs": {"trace_bits": {"low": 4, "high": 99}}},
            "study 's': knob 'trace_bits' can't have the value 99: hardware 'neurochip' with given "
            "values: registers.trace.bits is 99 but must be 3 to 16 bit; choose a value in that "
            "range",
        ),
        (
            {"knobs": {"hardware": ["nochip"], "weight_bits": [4, 8]}},
            f"study 's': knob 'hardware' can't have the value nochip: {NO_CHIP}",
        ),
        ({"run": {"hardware": "nochip"}}, f"study 's': {NO_CHIP}"),
        (
            {"knobs": {"hardware": ["odin", "neurochip"]}},
            "study 's': knob 'hardware' can't have the value odin: hardware 'odin' learns by sdsp "
            "only, but was asked to learn by ottt; choose a chip that has it, or run what another "
            "chip has learned",
        ),
        (
            {"knobs": {"lam": [0.5, 1.5]}},
            "study 's': knob 'lam' can't have the value 1.5: LIF lam is 1.5; it must be a number "
            "from 0 to 1",
        ),
        (
            {"knobs": {"layer_bits": [[8, 8], [8, 8, 8]]}},
            "study 's': knob 'layer_bits' can't have the value 8,8,8: layer_bits has 3 entries, "
            "but the network has 2 weight layers; give one for each",
        ),
        (
            {"workflow": "adapt", "knobs": {"strength": [30.0, "x"]}},
            "study 's': knob 'strength' can't have the value x: strength is 'x'; of shift "
            "'rotated' it must be -360.0 to 360.0",
        ),
        (
            {"workflow": "adapt", "run": {"strength": 30}, "knobs": {"shift": ["noisy", "dead"]}},
            "study 's': knob 'shift' can't have the value dead: strength is 30; of shift 'dead' it "
            "must be 0.0 to 1.0",
        ),
    ],
)
def test_a_value_that_can_never_be_is_refused(
    told: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    assert refused(tmp_path, told) == sentence


@pytest.mark.parametrize(
    "told",
    [
        # 12 bits of a weight need a shadow of more, or none
        {"knobs": {"shadow_bits": [8, 16], "weight_bits": [4, 12]}},
        {
            "knobs": {
                "hardware": ["loihi", "neurochip"],
                "shadow_bits": [8, 16],
                "weight_bits": [4, 12],
            }
        },
        {"knobs": {"membrane_fraction": [20, 4], "membrane_bits": [8, 24]}},
        {"workflow": "adapt", "knobs": {"shift": ["noisy", "dead"], "strength": [3.0, 0.5]}},
        {"knobs": {"hardware": ["loihi", "neurochip"], "weight_bits": [8, 12]}},
        {"knobs": FAILING["knobs"]},
    ],
)
def test_what_some_combination_allows_is_tried(told: dict[str, Any], tmp_path: Path) -> None:
    assert asked(tmp_path, told).trials == small("s", **told).trials


def test_nothing_is_written_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(small("s", knobs={"weight_bits": [99]}).to_toml())
    assert cli.main(["study", "run", "s.toml"]) == 2
    assert capsys.readouterr().err.startswith("neurochip: study 's': knob 'weight_bits' can't have")
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]
