"""What a rule keeps from one time step to the next."""

from __future__ import annotations

from typing import NamedTuple


class Memory(NamedTuple):
    """Numbers kept between steps, one sample at a time.

    Attributes:
        neuron: of each spiking neuron, its forward state among them.
        synapse: of each weight, beside the weight itself.
    """

    neuron: int
    synapse: int
