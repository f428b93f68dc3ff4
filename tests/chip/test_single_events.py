"""Single events on Loihi 1, from a network to joules and seconds: Davies et al., IEEE Micro 38(1),
2018, table 2. What table 2 doesn't give (messages, traces) stays unknown beside what it does.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from neurochip.chip import Chip
from neurochip.chip.account import ERRORS, TRACES, Account
from neurochip.data import Split
from neurochip.network import Network, Parameters

#: ns, one tile and two of 32: 113 to 465 ns on a straight line.
BARRIER = (113.0, 113.0 + (465.0 - 113.0) / 31)
UPDATES = slice(ERRORS + 1, None)


def told(
    sizes: list[int],
    spike: bool,
    placer: str = "greedy",
    *,
    weight: float = 1.5,
    bias: float = 0.0,
    timesteps: int = 1,
) -> Account:
    """A chain whose inputs spike in the first step or never; by weights of 1.5, but not by those
    of 0.5, a spike makes the next one.
    """
    weights = tuple(np.full((n_out, n_in), weight) for n_in, n_out in pairwise(sizes))
    start = Parameters(weights, tuple(np.full(n, bias) for n in sizes[1:]))
    network = Network.mlp(sizes, timesteps=timesteps, reset="hard", fires=">")
    chip = Chip(network, "loihi", encoding="spikes", parameters=start, placer=placer)
    x = np.zeros((1, timesteps, sizes[0]))
    x[:, 0] = spike
    return chip.costs(Split(x, np.zeros(1, np.int64)))


def test_one_spike_and_one_synapse() -> None:
    """The spike is handed to its core, 1.7 pJ and 2.1 ns, drives one synapse, 23.6 pJ and 3.5 ns,
    and makes a neuron active, 81 pJ and 8.4 ns: 106.3 pJ, and 14 ns before the barrier.
    """
    account = told([1, 1], spike=True)
    energy = account.energy(slice(TRACES))
    assert energy.known == pytest.approx(1.7 + 23.6 + 81.0)
    assert account.inference_time.known == pytest.approx(1e3 * (2.1 + 3.5 + 8.4 + BARRIER[0]))
    assert energy.unknown == account.inference_time.unknown == ("message_in",)


def test_a_silent_neuron() -> None:
    """Nothing but a look at an inactive neuron, 52 pJ and 5.3 ns; all of it is known."""
    account = told([1, 1], spike=False)
    assert account.energy(slice(TRACES)).value == pytest.approx(52e-12)
    assert account.inference_time.value == pytest.approx((5.3 + BARRIER[0]) * 1e-9)


def test_a_neuron_with_a_bias() -> None:
    """No spike, but a bias to add: the neuron is active, 81 pJ and 8.4 ns."""
    account = told([1, 1], spike=False, bias=0.25)
    assert account.energy(slice(TRACES)).value == pytest.approx(81e-12)
    assert account.inference_time.value == pytest.approx((8.4 + BARRIER[0]) * 1e-9)


def test_a_membrane_that_decays() -> None:
    """A spike in the first of two steps leaves a membrane below its threshold, which decays in the
    second: the hidden neuron is active in both, 2 * 81 pJ, the read-out, which hears nothing, in
    none, 2 * 52 pJ; the spike itself takes 1.7 + 23.6 pJ.
    Time: 2.1 + 3.5 ns for the spike, 2 * 8.4 and 2 * 5.3 for the neurons, and two barriers of the
    tile where both lie.
    """
    account = told([1, 1, 1], spike=True, weight=0.5, timesteps=2)
    assert account.energy(slice(TRACES)).known == pytest.approx(2 * (81.0 + 52.0) + 1.7 + 23.6)
    slowest = 2.1 + 3.5 + 2 * (8.4 + 5.3)
    assert account.inference_time.known == pytest.approx(1e3 * (slowest + 2 * BARRIER[0]))


def test_two_more_synapses() -> None:
    """Two more read-out neurons on the same core: 2 * (23.6 + 81) pJ and 2 * (3.5 + 8.4) ns."""
    one, three = told([1, 1], spike=True), told([1, 3], spike=True)
    assert more_energy(three, one) == pytest.approx(2 * (23.6 + 81.0))
    assert more_time(three, one) == pytest.approx(2e3 * (3.5 + 8.4))


def test_one_weight_changed() -> None:
    """Two outputs, both wrong: two synaptic updates of 120 pJ and 6.1 ns."""
    account = told([1, 2], spike=True)
    assert account.energy(UPDATES).value == pytest.approx(2 * 120e-12)
    assert account.busy(UPDATES).value == pytest.approx(2 * 6.1e-9)
    assert account.learning_time.known == pytest.approx(2e3 * 6.1)
    assert account.learning_time.unknown == ("trace_update",)


@pytest.mark.parametrize(
    ("core", "pj", "ns", "tiles"),
    [
        (1, 0.0, 0.0, 1),  # the same tile
        (4, 3.0, 4.1, 2),  # the tile to the east
        (32, 4.0, 6.5, 2),  # the tile to the north
        (127, 7 * 3.0 + 3 * 4.0, 7 * 4.1 + 3 * 6.5, 2),  # the opposite corner of 8 x 4
    ],
)
def test_hops(tmp_path: Path, core: int, pj: float, ns: float, tiles: int) -> None:
    """The spike of a hidden neuron on core 0 reaches the read-out on another one: 2.1 + 3.5 ns for
    the input, 8.4 for the hidden neuron, its spike's way and 2.1 + 3.5, and 8.4 for the read-out.
    """
    (tmp_path / "cores.csv").write_text(f"layer,core\n0,0\n1,{core}\n", encoding="utf-8")
    account = told([1, 1, 1], spike=True, placer=str(tmp_path / "cores.csv"))
    assert account.energy(slice(TRACES)).known == pytest.approx(2 * (1.7 + 23.6 + 81.0) + pj)
    slowest = 2 * (2.1 + 3.5 + 8.4) + ns
    assert account.inference_time.known == pytest.approx(
        1e3 * slowest + round(1e3 * BARRIER[tiles - 1])
    )


def more_energy(account: Account, other: Account) -> float:
    """Picojoules of inference that one takes more."""
    return account.energy(slice(TRACES)).known - other.energy(slice(TRACES)).known


def more_time(account: Account, other: Account) -> float:
    """Picoseconds of inference that one takes more."""
    return account.inference_time.known - other.inference_time.known
