"""How many messages of errors cross each link of the mesh.

links = error_links(chip.costs(data.test), chip.rule.feedback)
links[EAST, y, x]  # messages that leave tile (x, y) for tile (x + 1, y)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.account import ERRORS, Account
from neurochip.chip.senders import homes_of_errors
from neurochip.hardware import EVENTS
from neurochip.mapping.links import crossed
from neurochip.rules.feedback import FeedbackMode

Counts = NDArray[np.int64]

__all__ = ["error_links"]


def error_links(told: Account, feedback: FeedbackMode) -> Counts:
    """Messages of errors over every link between tiles, summed over all samples of an account.

    A core with errors sends one to each neuron that it hears, so that how many it sent says how
    many went to each.

    Args:
        told: what was counted.
        feedback: how errors come down.

    Returns:
        (4, height, width) int64 by direction, as `mapping.links.link_traffic`.
    """
    sent = told.counts[ERRORS, ..., EVENTS.index("error_message")]
    starts, ends, messages = [], [], []
    for layer in np.flatnonzero(sent.any(axis=1)).tolist():
        for core, homes in homes_of_errors(told.chip_map, layer, feedback).items():
            starts.append(np.full(homes.size, core))
            ends.append(homes)
            messages.append(np.full(homes.size, sent[layer, core] // homes.size))
    none = np.zeros(0, np.int64)
    columns = (np.concatenate([none, *rows]) for rows in (starts, ends, messages))
    return crossed(told.chip_map.hardware, *columns)
