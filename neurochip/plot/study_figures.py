"""Every figure of a study: heat maps, an objective against each knob, layers, fronts."""

from __future__ import annotations

from neurochip.plot import study_front, study_heat, study_knobs, study_layers
from neurochip.plot.study import Drawn, Findings


def draw(found: Findings) -> list[Drawn]:
    """Every figure that a study has numbers for; what is drawn of a setting carries its words."""
    if not found.complete:
        return []
    return [
        *study_heat.draw(found),
        *study_layers.draw(found),
        *study_knobs.draw(found),
        *study_front.draw(found),
    ]
