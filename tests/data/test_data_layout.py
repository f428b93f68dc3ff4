"""Declarations of what a file's arrays are: which parts go together, and what they say if not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from neurochip.data import Layout
from neurochip.data.layout import ROLES
from neurochip.errors import ConfigError


def test_a_frame_has_an_axis_a_coordinate() -> None:
    units = Layout({"t": "t", "unit": "u", "label": "y"}, sensor=(5,))
    assert (units.has_events, units.axes) == (True, (("unit", 5),))
    camera = Layout({"dt": "t", "x": "x", "y": "y", "label": "l"}, sensor=(3, 4))
    assert camera.axes == (("y", 3), ("x", 4))
    camera = Layout({"dt": "t", "x": "x", "y": "y", "p": "p", "label": "l"}, sensor=(3, 4))
    assert camera.axes == (("p", 2), ("y", 3), ("x", 4))
    assert (Layout().has_events, Layout().axes) == (False, ())


TOGETHER = (
    ", which don't go together; give samples or differences for numbers, or t or dt with unit, or"
    " with x and y (and p), for events, and label"
)
BAD_LAYOUTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown role": (
        "label time",
        {},
        f"arrays has the role 'time', which is unknown; the roles are {', '.join(ROLES)}",
    ),
    "no labels": (
        "t unit offsets",
        {},
        "arrays has no label; name the array that holds the classes, such as label=y_{split}",
    ),
    "nothing but labels": ("label", {}, f"arrays has the roles label{TOGETHER}"),
    "numbers and events": (
        "samples t label",
        {},
        f"arrays has the roles samples, t, label{TOGETHER}",
    ),
    "two kinds of numbers": (
        "samples differences label",
        {},
        f"arrays has the roles samples, differences, label{TOGETHER}",
    ),
    "two kinds of times": (
        "t dt unit label",
        {},
        f"arrays has the roles t, dt, unit, label{TOGETHER}",
    ),
    "no columns": ("t y label", {}, f"arrays has the roles t, y, label{TOGETHER}"),
    "units with columns": (
        "t unit x y label",
        {},
        f"arrays has the roles t, unit, x, y, label{TOGETHER}",
    ),
    "offsets of numbers": (
        "samples offsets label",
        {},
        f"arrays has the roles samples, offsets, label{TOGETHER}",
    ),
    "no sensor": (
        "t x y label",
        {},
        "sensor is not given but events at x and y need rows,columns, each 1 to 65536; give sensor"
        " as rows,columns",
    ),
    "a sensor of columns for units": (
        "t unit label",
        {"sensor": (3, 4)},
        "sensor is 3,4 but events at unit need units, each 1 to 65536; give sensor as units",
    ),
    "a sensor without rows": (
        "t x y label",
        {"sensor": (0, 4)},
        "sensor is 0,4 but events at x and y need rows,columns, each 1 to 65536; give sensor as"
        " rows,columns",
    ),
    "a full count of nothing": (
        "t unit label",
        {"sensor": (3,), "full_count": 0},
        "full_count is 0 but must be 1 or more; give the number of events that counts as 1",
    ),
    "a duration of numbers": (
        "samples label",
        {"duration": 3.0},
        "duration is for events but arrays declares numbers (samples, label); leave it out or"
        " declare others",
    ),
    "binning of numbers": (
        "samples label",
        {"by": "count"},
        "binning is for events but arrays declares numbers (samples, label); leave it out or"
        " declare others",
    ),
    "a series of events": (
        "t unit label",
        {"sensor": (3,), "series": True},
        "series is for numbers but arrays declares events (t, unit, label); leave it out or declare"
        " others",
    ),
    "a range that falls": (
        "samples label",
        {"value_range": (1.0, -1.0)},
        "value_range is 1.0,-1.0 but must be two finite numbers, the first below the second; give"
        " the values that become 0 and 1",
    ),
    "a range of one number": (
        "samples label",
        {"value_range": (1.0,)},
        "value_range is 1.0 but must be two finite numbers, the first below the second; give the"
        " values that become 0 and 1",
    ),
}


@pytest.mark.parametrize("case", BAD_LAYOUTS)
def test_bad_layouts(case: str) -> None:
    roles, options, sentence = BAD_LAYOUTS[case]
    with pytest.raises(ConfigError, match=f"^{re.escape(sentence)}$"):
        Layout({role: role for role in roles.split()}, **options)
