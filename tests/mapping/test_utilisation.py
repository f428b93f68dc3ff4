"""How full cores are: rows, facts and the drawing say the same."""

from __future__ import annotations

import json

from hypothesis import given

from neurochip import hardware
from neurochip.mapping import ChipMap, map_network, utilisation
from neurochip.mapping.demand import RESOURCES
from neurochip.network import Network
from neurochip.rules import OTTT
from tests.mapping.nets import Matrices, chip, core_of_neurons, mapped_nets

MAPPED = map_network(Network.mlp([6, 8, 3]), chip(neurons_per_core=5), OTTT())


def test_summary() -> None:
    """6 inputs to two cores, 8 neurons to one; all in the tile of core 0."""
    assert utilisation.summary(MAPPED) == (
        "3 of 16 cores and 1 of 4 tiles of hardware 'neurochip' are in use; when every neuron "
        "fires once, 20 messages make 0 hops"
    )


def test_table() -> None:
    header, rows = utilisation.table(MAPPED)
    assert header == ("core", "tile", "holds", *RESOURCES)
    assert rows[1] == (
        "1",
        "0,0",
        "layer 0 4..7",
        "4 of 5 (80%)",
        "384 of 1048576 (0%)",
        "0 of unknown",
        "42 of 65536 (0%)",
        "6 of 4096 (0%)",
        "4 of 4096 (0%)",
    )
    assert [row[2] for row in rows] == ["layer 0 0..3", "layer 0 4..7", "the read-out 0..2"]


def test_drawing() -> None:
    assert utilisation.draw_mesh(MAPPED) == [
        "+-------------+-------------+",
        "| 0 80% 0 80% | .     .     |",
        "| 1 60% .     | .     .     |",
        "+-------------+-------------+",
        "| .     .     | .     .     |",
        "| .     .     | .     .     |",
        "+-------------+-------------+",
    ]


def test_drawing_of_shared_and_missing_cores() -> None:
    """Three cores in tiles of four; layers 1 and 2, and the read-out beside layer 0, share."""
    few = chip(neurons_per_core=8).with_values({"limits.cores": 3, "mesh.height": 1})
    mapped = map_network(Network.mlp([2, 6, 4, 4, 2, 5]), few)
    assert mapped.core.tolist() == [0, 1, 1, 0, 2]
    assert utilisation.draw_mesh(mapped) == [
        "+-----------------+-----------------+",
        "| 0+ 100% 1+ 100% |                 |",
        "| 4 62%           |                 |",
        "+-----------------+-----------------+",
    ]


@given(mapped_nets())
def test_facts_hold_every_neuron(case: tuple[ChipMap, Matrices]) -> None:
    mapped, _ = case
    facts = json.loads(json.dumps(utilisation.facts(mapped)))
    homes = core_of_neurons(mapped)
    seen = [[-1] * len(cores) for cores in homes]
    for entry in facts["cores"]:
        for held in entry["slices"]:
            for neuron in range(held["first"], held["last"]):
                seen[held["layer"] + 1][neuron] = entry["core"]
        assert entry["used"]["neurons"] == sum(s["last"] - s["first"] for s in entry["slices"])
    assert seen == homes
    assert facts["limits"]["accumulator memory"] is None


@given(mapped_nets())
def test_drawing_is_a_rectangle_with_all_cores(case: tuple[ChipMap, Matrices]) -> None:
    mapped, _ = case
    lines = utilisation.draw_mesh(mapped)
    assert len({len(line) for line in lines}) == 1
    used = set(mapped.core.tolist())
    assert "\n".join(lines).count("%") == len(used)
    assert "\n".join(lines).count(".") == mapped.hardware.limits.cores.value - len(used)


def test_a_full_loihi_is_drawn() -> None:
    net = Network.mlp([4, *[1024] * 2, 4])
    mapped = map_network(net, hardware.load("loihi"))
    lines = utilisation.draw_mesh(mapped)
    assert len(lines) == 4 * 3 + 1
