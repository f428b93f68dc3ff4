"""Figures of costs: right for two cores and for many, and unknown costs are never 0."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from neurochip.chip import Chip
from neurochip.mapping import map_network
from neurochip.mapping.links import EAST, NORTH, SOUTH, WEST
from neurochip.network import Network
from neurochip.plot import bars, costs, expense, mesh
from neurochip.plot.figures import Plate
from neurochip.plot.style import percent
from tests.mapping.nets import chip
from tests.plot.runs import Case, learned
from tests.plot.test_figures import looks_right, texts

#: Room for the weights of 64-24-10 on one core a layer, but not for accumulators beside them.
LITTLE = {"limits.synapse_memory_per_core": 64 * 24 * 8}


def plates(spent: expense.Expense) -> dict[str, Plate]:
    return {plate.name: plate for plate in expense.draw(spent)}


def test_every_figure_of_two_cores(case: Case) -> None:
    """In one tile: nothing crosses a link, so there is no figure of traffic."""
    drawn = plates(expense.look(case.run, case.data))
    assert list(drawn) == ["costs_by_layer", "time_by_core", "mesh_load", "utilisation"]
    for plate in drawn.values():
        looks_right(plate.figure)
    still = "No message of a spike or an error leaves its tile."
    assert drawn["mesh_load"].caption.endswith(still)
    assert "only the columns 0 to 1 and the rows 0 to 1" in drawn["mesh_load"].caption
    assert "OTTT-A: hidden 1 → read-out" in texts(drawn["costs_by_layer"].figure)
    assert "Unknown" not in drawn["costs_by_layer"].caption


def test_the_arithmetic_of_a_step(case: Case) -> None:
    """The caption's terms add up to its sum, and its share to a half or more of six terms."""
    spent = expense.look(case.run, case.data)
    caption = plates(spent)["time_by_core"].caption
    assert caption.startswith("Core 0 is the busiest, ")
    told = spent.accounts[0]
    slowest = max(told.busy_by_core(), key=lambda amount: amount.known)
    assert f"the busiest, {slowest.known * 1e-6:.3g} µs a sample = messages" in caption
    whole = (told.inference_time + told.learning_time).known * 1e-6
    assert f": {whole:.3g} µs. The barrier is" in caption


def test_the_arithmetic_of_a_step_timed_message_by_message() -> None:
    case = learned(0, timing="cycle")
    spent = expense.look(case.run, case.data)
    told = spent.accounts[0]
    assert told.timing == "cycle"
    caption = plates(spent)["time_by_core"].caption
    assert "With cycle timing a sample lasts as long as the phases, message by message, " in caption
    assert caption.endswith("white is what a core waits for slower ones and for messages.")
    whole = (told.inference_time + told.learning_time).known * 1e-6
    assert f": {whole:.3g} µs. The barrier is" in caption


def test_costs_that_a_timing_cannot_tell() -> None:
    case = learned(0, hardware="loihi", encoding="rate", reset="hard")
    case.run.config = case.run.config.with_options({"timing": "cycle"})
    spent = expense.look(case.run, case.data)
    assert spent.accounts == ()
    sentence = "hardware 'loihi': mesh.link_gap is unknown, but cycle timing needs it"
    assert [why.split(";")[0] for why in spent.untold.values()] == [sentence] * 2
    assert f"Costs of OTTT-A are not told: {sentence}" in unescape(costs.learning(spent))


def test_bars_are_the_account(case: Case) -> None:
    spent = expense.look(case.run, case.data)
    figure = plates(spent)["costs_by_layer"].figure
    energy, time = figure.axes
    boxes = [patch for patch in energy.patches if isinstance(patch, Rectangle)]
    ends = [
        max(box.get_x() + box.get_width() for box in boxes if abs(box.get_y() + 0.36 - row) < 0.01)
        for row in range(4)
    ]
    expected = [
        told.energy(layers=slice(k, k + 1)).known for told in spent.accounts for k in range(2)
    ]
    assert np.array(ends) / ends[0] == pytest.approx(np.array(expected) / expected[0])
    assert energy.get_xlabel() in ("nJ a sample", "µJ a sample")
    assert time.get_xlabel() == "µs a sample"


def test_unknown_costs_are_hatched_and_named() -> None:
    case = learned(0, hardware="loihi2", encoding="rate")
    drawn = plates(expense.look(case.run, case.data))
    for name in ("costs_by_layer", "time_by_core", "mesh_load"):
        assert "Unknown, and so not in the picture: " in drawn[name].caption
        assert "synaptic operation" in drawn[name].caption
        looks_right(drawn[name].figure)
    assert "no cost is known" in {axes.get_xlabel() for axes in drawn["costs_by_layer"].figure.axes}
    assert "How long a sample lasts is unknown." in drawn["time_by_core"].caption


def test_partly_unknown_costs() -> None:
    case = learned(0, hardware="loihi", encoding="rate", reset="hard")
    drawn = plates(expense.look(case.run, case.data))
    caption = drawn["costs_by_layer"].caption
    assert "trace update" in caption and "neuron active" not in caption
    assert "and unknown" in texts(drawn["costs_by_layer"].figure)


def test_traffic_of_spikes_and_errors() -> None:
    """Four slices of the hidden layer on tile 0, the read-out on tile 1: spikes go east, and
    errors west over the only link.
    """
    case = learned(0, neurons_per_core=6)
    spent = expense.look(case.run, case.data)
    assert not spent.links[[WEST, NORTH, SOUTH]].any()
    assert not spent.errors[[EAST, NORTH, SOUTH]].any()
    drawn = plates(spent)
    assert list(drawn)[2:5] == ["mesh_load", "mesh_traffic", "mesh_errors"]
    assert drawn["mesh_load"].caption.endswith("pale cores are unused.")
    most = spent.errors.max()
    assert spent.errors.sum() == most == spent.errors[WEST, 0, 1] > 0
    share = percent(most / (most + spent.links.sum()))
    assert drawn["mesh_errors"].caption == (
        "Messages of errors over each link between tiles while a sample is learned by OTTT-O; they "
        "go from the cores that have errors to those of the neurons below. All links carry "
        f"{most:,.0f}, the fullest {most:,.0f} (100 %). That is {share} of all messages on links."
    )
    looks_right(drawn["mesh_errors"].figure)


@pytest.mark.parametrize("width", [1, 8])
def test_traffic_of_several_tiles(width: int) -> None:
    small = chip(cores=width * 4, width=width, height=2, cores_per_tile=2)
    mapped = map_network(Network.mlp([6, width * 2, 3]), small, neurons_per_core=2)
    links = np.zeros((4, 2, width))
    links[2, 0] = 1500
    cores = np.unique(mapped.core).tolist()
    figure = mesh.traffic(expense.grid_of(mapped), links, cores, "messages a sample")
    looks_right(figure)
    assert "1,500" in texts(figure) or width == 8
    looks_right(expense.fullness_plate(mapped).figure)


def test_a_full_mesh() -> None:
    """128 cores: each has its number; the largest value is the darkest."""
    grid = mesh.Grid.around(np.arange(32), 8, 4, 4, 128)
    layer = mesh.Layer("load", "s", {core: float(core) for core in range(127)})
    figure = mesh.maps(grid, [layer, layer])
    assert {"0", "126"} <= set(texts(figure).splitlines())
    assert "127" not in texts(figure).splitlines()
    looks_right(figure)


def test_part_of_a_mesh() -> None:
    """Around one tile in a corner there are three; two tiles are drawn alone."""
    assert len(mesh.Grid.around([0], 8, 4, 4, 128).shown()) == 4
    assert mesh.Grid.around([10, 19], 8, 4, 4, 128).shown() == [(2, 1), (3, 1), (2, 2), (3, 2)]
    assert list(mesh.Grid.around([0], 2, 1, 4, 6).cores_of(1, 0)) == [4, 5]


@pytest.mark.parametrize("n_cores", [1, 20, 128])
def test_utilisation(n_cores: int) -> None:
    """Resources of unknown limits have no panel."""
    used = np.arange(n_cores * 3).reshape(n_cores, 3)
    names = ("neurons", "axons in", "secrets")
    figure = bars.utilisation(np.arange(n_cores) * 2, used, [3 * n_cores, 400, -1], names)
    assert len(figure.axes) == 2
    top = 3 * (n_cores - 1)
    assert f"neurons: at most {top} of {3 * n_cores}" in texts(figure)
    looks_right(figure)


def test_a_rule_that_does_not_fit() -> None:
    case = learned(0)
    chip = Chip(case.run.chip.network, case.run.chip.hardware.with_values(LITTLE))
    spent = expense.look(replace(case.run, chip=chip), case.data)
    assert [told.update for told in spent.accounts] == ["online"]
    assert list(spent.untold) == ["OTTT-A"]
    sentence = "Costs of OTTT-A are not told: update 'accumulate' doesn't fit this map: core 0"
    assert sentence in unescape(costs.learning(spent))
    assert "utilisation" in plates(spent)
