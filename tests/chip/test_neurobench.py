"""NeuroBench's metrics: by hand, against one synapse after the other, and the chip's counters."""

from __future__ import annotations

import re

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip.chip import COUNTED_EVENTS, Chip
from neurochip.chip.neurobench import DEFINITIONS, Firing, NeuroBench, firing, neurobench
from neurochip.data import Split
from neurochip.errors import ConfigError
from neurochip.mapping import plan_of
from neurochip.network import LIF, AvgPool, Conv2d, Dense, Flatten, Network, Parameters
from tests.naive import neurobench as naive

DIGITS = data_sets.load("digits").test


def test_a_sample_by_hand() -> None:
    """Two inputs of which one spikes in each of 2 steps, two hidden neurons, two outputs.

    Weights 0.6, 0 into neuron 0 and 0, 0.6 into neuron 1; all but one into the outputs are not 0.
    Input 0 alone spikes, twice: its row has 1 weight that isn't zero, 2 operations. Neuron 0 has
    0.6, then 0.3 + 0.6 = 0.9 < 1: it never fires. Dense: 2 steps of 4 + 4 synapses. Of 8 weights 3
    are zero. Footprint: 8 weights of 8 bits, 4 biases of 16, 4 membranes of 24: 28 bytes.
    """
    weights = (np.array([[0.6, 0.0], [0.0, 0.6]]), np.array([[0.5, 0.5], [-0.5, 0.0]]))
    network = Network.mlp([2, 2, 2], timesteps=2)
    start = Parameters(weights, (np.zeros(2), np.zeros(2)))
    chip = Chip(network, encoding="spikes", parameters=start)
    one = Split(np.array([[1.0, 0.0]]), np.zeros(1, np.int64))
    bits = chip.hardware.registers
    assert (bits.weight.bits.value, bits.membrane.bits.value) == (8, 24)
    told = neurobench(chip, firing(chip, one))
    assert told == NeuroBench(
        footprint_bytes=(8 * 8 + 4 * bits.bias.bits.value + 4 * 24) / 8,
        connection_sparsity=3 / 8,
        activation_sparsity=1.0,
        dense=16.0,
        effective_macs=0.0,
        effective_acs=2.0,
        samples=1,
    )
    assert set(DEFINITIONS) == set(NeuroBench.__annotations__) - {"samples"}


def test_graded_inputs_are_macs_and_spikes_are_acs() -> None:
    network = Network.mlp([64, 20, 10], timesteps=4)
    graded, spiking = (Chip(network, encoding=name) for name in ("graded", "rate"))
    told = neurobench(graded, firing(graded, DIGITS, 4))
    fired = firing(graded, DIGITS, 4)
    heard = [np.count_nonzero(held, axis=1) for held in graded.integers.weights]
    assert told.effective_macs == fired.axons[0] @ heard[0] / 4
    assert told.effective_acs == fired.axons[1] @ heard[1] / 4
    assert told.dense == 4 * (64 * 20 + 20 * 10)
    assert neurobench(spiking, firing(spiking, DIGITS, 4)).effective_macs == 0


def test_activity_is_what_the_chip_counts() -> None:
    """And without a zero weight, its synaptic operations are the effective ones."""
    chip = Chip(Network.mlp([64, 20, 12, 10], timesteps=4))
    part = DIGITS.take(5)
    fired = firing(chip, part)
    counters = chip.evaluate(part).counters.sum(axis=0)
    heard = counters[:, COUNTED_EVENTS.index("spikes_in")]
    assert [int(sent.sum()) for sent in fired.axons] == heard.tolist()
    synapses = counters[:, COUNTED_EVENTS.index("synaptic_ops")]
    all_ones = [np.ones_like(held) for held in chip.integers.weights]
    assert [int(n @ w.sum(axis=1)) for n, w in zip(fired.axons, all_ones, strict=True)] == (
        synapses.tolist()
    )
    spikes = sum(int(sent.sum()) for sent in fired.neurons[1:-1])
    told = neurobench(chip, fired)
    assert told.activation_sparsity == pytest.approx(1 - spikes / (5 * 4 * 32))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1)])
def test_convolutions_like_one_synapse_after_the_other(stride: int, padding: int) -> None:
    """A pool of squares of 2 above the first convolution: its counts aren't binary, so MACs."""
    first = Conv2d(1, 3, 3, stride=stride, padding=padding)
    shape = first.out_shape((1, 8, 8))
    sides = shape[1] // 2
    network = Network(
        (first, LIF(), AvgPool(2), Flatten(), Dense(3 * sides * sides, 10)), 3, (1, 8, 8)
    )
    chip = Chip(network, encoding="rate")
    part = DIGITS.take(2)
    told = neurobench(chip, firing(chip, part))
    kernels = plan_of(network)[0].weights(chip.integers.weights[0]).tolist()
    rows = chip.integers.weights[1].T.tolist()
    dense = macs = acs = 0
    for number, (x, y) in enumerate(zip(part.x, part.y, strict=True)):
        seen = chip.observe(x, int(y), number)
        for below, spikes in zip(seen.signal[0], seen.signal[1], strict=True):
            image = below.reshape(1, 8, 8).tolist()
            squares = naive.pooled(spikes.reshape(shape).tolist(), 2)
            flat = [value for channel in squares for line in channel for value in line]
            lower = naive.effective(naive.convolution(image, kernels, stride, padding))
            upper = naive.effective(naive.dense(flat, rows))
            dense += lower[0] + upper[0]
            acs += lower[1]
            macs += upper[1]
    assert acs > 0 < macs
    assert (told.dense, told.effective_macs, told.effective_acs) == (dense / 2, macs / 2, acs / 2)


def test_no_hidden_neurons_have_no_sparsity() -> None:
    chip = Chip(Network.mlp([64, 10], timesteps=2))
    assert neurobench(chip, firing(chip, DIGITS, 2)).activation_sparsity is None


def test_order_of_a_chip() -> None:
    """Channels of a place lie beside each other there."""
    network = Network((Conv2d(2, 1, 2), LIF(), Flatten(), Dense(1, 2)), 1, (2, 2, 2))
    neurons = (np.arange(8), np.array([8]), np.array([9, 10]))
    on_chip = Firing(1, neurons, ()).on_chip(network)
    assert on_chip.tolist() == [0, 4, 1, 5, 2, 6, 3, 7, 8, 9, 10]


def test_no_samples_are_refused() -> None:
    chip = Chip(Network.mlp([64, 10], timesteps=2))
    sentence = "activity was asked for of 0 samples of 360; it needs 1 or more"
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        firing(chip, DIGITS, 0)
