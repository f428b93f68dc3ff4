"""SANA-FE's files, to the letter. benchmarks/sanafe.py runs them in SANA-FE itself."""

from __future__ import annotations

import re

import numpy as np
import pytest

from neurochip.deploy.sanafe import Chip, Cost, Costs, Neurons, architecture, core_names, network
from neurochip.errors import LimitError

COSTS = Costs(
    message_in=Cost(0.0, 16e-9),
    synapse=Cost(35.5e-12, 3.8e-9),
    access=Cost(51.2e-12, 6e-9),
    update=Cost(21.6e-12, 3.7e-9),
    fire=Cost(69.3e-12, 30e-9),
    message_out=Cost(111e-12, 5.1e-9),
    east_west=Cost(3e-12, 4.1e-9),
    north_south=Cost(4.2e-12, 6.5e-9),
    barrier={1: 0.6e-6, 2: 1e-6},
)
CHIP = Chip(width=3, height=2, cores=2, slots=16, neurons=1024, costs=COSTS)


def test_a_network_to_the_letter():
    """Tile 4 is at (1, 1); column by column, with two rows, that is tile 3."""
    neurons = Neurons(np.array([[0, -3], [5, 0]]), np.array([1, 2]), np.array([9, 8]), 0.5)
    assert network(neurons, CHIP, tile=[4, 4], core=[0, 1]) == (
        "network:\n"
        "  name: network\n"
        "  groups:\n"
        "    - name: n\n"
        "      attributes: []\n"
        "      neurons:\n"
        "        - 0: [soma: {threshold: 9, leak_decay: 0.5, bias: 1, reset_mode: hard}, "
        "log_spikes: true]\n"
        "        - 1: [soma: {threshold: 8, leak_decay: 0.5, bias: 2, reset_mode: hard}, "
        "log_spikes: true]\n"
        "  edges:\n"
        "    - n.0 -> n.1: [weight: -3]\n"
        "    - n.1 -> n.0: [weight: 5]\n"
        "mappings:\n"
        "  - n.0: [core: 3.0, soma: lif, dendrite: dendrites, synapse: synapses]\n"
        "  - n.1: [core: 3.1, soma: lif, dendrite: dendrites, synapse: synapses]\n"
    )


def test_tiles_are_counted_column_by_column():
    assert core_names(CHIP, [0, 1, 2, 3, 4, 5]) == ["0.0", "2.0", "4.0", "1.0", "3.0", "5.0"]


def test_an_architecture_holds_every_cost():
    lines = architecture(CHIP).splitlines()
    assert "    latency_sync: {1: 6e-07, 2: 1e-06}" in lines
    found = {
        key: float(value)
        for key, value in (
            line.split(": ") for line in lines if re.match(r" +(energy|latency)_(?!sync)", line)
        )
    }
    found = {key.strip(): value for key, value in found.items()}
    assert found == {
        "energy_north_hop": 4.2e-12,
        "latency_north_hop": 6.5e-9,
        "energy_east_hop": 3e-12,
        "latency_east_hop": 4.1e-9,
        "energy_south_hop": 4.2e-12,
        "latency_south_hop": 6.5e-9,
        "energy_west_hop": 3e-12,
        "latency_west_hop": 4.1e-9,
        "energy_message_in": 0.0,
        "latency_message_in": 16e-9,
        "energy_access_neuron": 51.2e-12,
        "latency_access_neuron": 6e-9,
        "energy_update_neuron": 21.6e-12,
        "latency_update_neuron": 3.7e-9,
        "energy_spike_out": 69.3e-12,
        "latency_spike_out": 30e-9,
        "energy_update": 0.0,
        "latency_update": 0.0,
        "energy_process_spike": 35.5e-12,
        "latency_process_spike": 3.8e-9,
        "energy_message_out": 111e-12,
        "latency_message_out": 5.1e-9,
    }


def test_too_many_cores_in_a_tile():
    sentence = (
        "core 2 is core 3 of tile 0, but a tile of the chip has 2; spread the cores over more tiles"
    )
    with pytest.raises(LimitError, match=f"^{re.escape(sentence)}$"):
        core_names(CHIP, [0, 0, 0])
