"""A chip with faults: where they are, that they stay, and that nothing else changes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip import hardware
from neurochip.chip import Chip
from neurochip.chip.circuits import Faulty
from neurochip.chip.faults import dead_cores
from neurochip.errors import LimitError, NeurochipError
from neurochip.hardware import Faults
from neurochip.kernels.faults import Damage
from neurochip.mapping import Widths
from neurochip.network import LIF, Dense, Feedback, Network, Parameters, Sparse, initialise
from neurochip.rules import OTTT

#: They need kernels that nothing else compiles, which takes a minute.
pytestmark = pytest.mark.slow

T = 4
DIGITS = data_sets.load("digits")
TRAIN, TEST = DIGITS.train.take(150), DIGITS.test.take(60)

#: Every way to learn that writes weights in another way.
MODES: dict[str, dict[str, Any]] = {
    "online": {},
    "accumulate": {"rule": OTTT("accumulate")},
    "last": {"rule": OTTT("last")},
    "shadow": {"hw": {"registers.shadow.bits": 16}},
    "4 bits": {"hw": {"registers.weight.bits": 4}},
    "16 bits": {"hw": {"registers.weight.bits": 16}},
    "counting": {"count_saturations": True},
}
CONVOLUTION: dict[str, Any] = {"network": Network.conv("3C3-P2-8", (1, 8, 8), 10, timesteps=T)}


def fails(kind: type[NeurochipError], sentence: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def make(
    faults: Faults | None = None,
    hw: dict[str, Any] | None = None,
    network: Network | None = None,
    **options: Any,
) -> Chip:
    chip = hardware.load("neurochip").with_values(hw or {})
    own = network or Network.mlp((64, 24, 10), timesteps=T)
    return Chip(own, chip, faults=faults, **options)


def damage_of(chip: Chip) -> Damage:
    assert isinstance(chip._circuit, Faulty)
    return chip._circuit.damage


def words(chip: Chip) -> np.ndarray:
    """Every word of the weights' memory, two's complement of their width."""
    bits = chip.hardware.registers.weight.bits.value
    w = np.concatenate([w.ravel() for w in chip.integers.weights])
    return w.astype(np.int64) & ((1 << bits) - 1)


def bits_of(chip: Chip) -> bytes:
    held = chip.integers
    return b"".join(a.tobytes() for a in (*held.weights, *held.shadow, *held.biases))


# Stuck bits


@pytest.mark.parametrize("mode", [*MODES, "convolution"])
def test_stuck_bits_hold_while_the_rest_learns(mode: str) -> None:
    """Of 100 % stuck bits at 1 every word is -1; of few, what is stuck never changes."""
    options = {**MODES, "convolution": CONVOLUTION}[mode]
    chip = make(Faults(stuck_bits=0.3, seed=5), **options)
    same = make(Faults(stuck_bits=0.3, seed=5), **options)
    one, zero = make(**options), make(**options)
    for stuck, value in ((one, 1.0), (zero, 0.0)):
        stuck.inject(Faults(stuck_bits=0.3, stuck_at_one=value, seed=5))
    width = chip.hardware.registers.weight.bits.value
    everywhere = make(Faults(stuck_bits=1.0, stuck_at_one=1.0), **options)
    assert np.array_equal(words(everywhere), np.full(words(chip).size, (1 << width) - 1))
    start = words(chip)
    chip.learn(TRAIN, 2)
    same.learn(TRAIN, 2)
    after = words(chip)
    assert bits_of(chip) == bits_of(same)
    # A bit is stuck where both ways to be stuck change or hold what it was.
    is_stuck = words(one) ^ words(zero)
    assert np.array_equal(after & is_stuck, start & is_stuck)
    free = ~is_stuck & ((1 << width) - 1)
    assert np.any((after ^ start) & free)
    share = np.mean((is_stuck[:, np.newaxis] >> np.arange(width)) & 1)
    assert abs(share - 0.3) < 5 * np.sqrt(0.21 / (is_stuck.size * width))


def test_what_is_stuck_of_few_bits_is_stuck_of_more() -> None:
    def stuck(share: float) -> np.ndarray:
        given = (Faults(stuck_bits=share, stuck_at_one=v) for v in (0.0, 1.0))
        zero, one = (words(make(faults)) for faults in given)
        return zero ^ one

    few, more = stuck(0.05), stuck(0.2)
    assert np.array_equal(few & more, few)
    assert np.count_nonzero(more) > 2 * np.count_nonzero(few) > 0


def test_a_shadow_is_sound() -> None:
    sound = make(**MODES["shadow"])
    faulty = make(Faults(stuck_bits=0.5), **MODES["shadow"])
    for a, b in zip(sound.integers.shadow, faulty.integers.shadow, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(words(sound), words(faulty))


# Dead neurons and cores


@pytest.mark.parametrize("readout", ["linear", "leaky", "spiking"])
def test_dead_neurons_do_nothing_and_learn_nothing(readout: Any) -> None:
    net = Network.mlp((64, 24, 10), timesteps=T, readout=readout)
    chip = make(Faults(dead_neurons=0.4, seed=2), network=net)
    dead = [damage_of(chip).alive[k.post : k.post + k.n_out] == 0 for k in chip._core.layers]
    assert all(0 < d.sum() < d.size for d in dead)
    before = chip.integers
    chip.learn(TRAIN, 2)
    seen, after = chip.observe(TEST.x[0], int(TEST.y[0])), chip.integers
    for number, gone in enumerate(dead):
        for register in (seen.signal[number + 1], seen.v[number], seen.v_pre[number]):
            assert not register[:, gone].any()
        assert not seen.delta[number][:, gone].any()
        assert not seen.current[number][:, gone].any()
        old, new = before.weights[number], after.weights[number]
        np.testing.assert_array_equal(old[:, gone], new[:, gone])
        assert (old[:, ~gone] != new[:, ~gone]).any()
        np.testing.assert_array_equal(before.biases[number][gone], after.biases[number][gone])
    assert not seen.psi[0][:, dead[0]].any()
    if readout != "spiking":
        assert not seen.outputs[:, dead[1]].any()
    # What a dead neuron would have told the layer above is never learned from.
    np.testing.assert_array_equal(before.weights[1][dead[0]], after.weights[1][dead[0]])


def test_a_dead_core_takes_its_neurons_along() -> None:
    faults = Faults(dead_cores=2, seed=4)
    chip = make(faults, neurons_per_core=6)
    gone = dead_cores(faults, chip.map)
    assert gone.size == 2
    alive = damage_of(chip).alive
    first, last = chip.map.neurons
    for number, core in enumerate(chip.map.core):
        assert set(alive[first[number] : last[number]].tolist()) == {int(core not in gone)}
    assert alive[:64].all()


def test_there_are_no_more_cores_than_hold_neurons() -> None:
    with fails(
        LimitError,
        "dead_cores is 3, but the network lies on 2 cores; lower it, or spread the network with "
        "neurons_per_core",
    ):
        make(Faults(dead_cores=3), network=Network.mlp((64, 4, 2), timesteps=T))


# Thresholds and drift


def test_thresholds_are_off_by_what_was_asked_for() -> None:
    net = Network.mlp((64, 2000, 10), timesteps=T)
    nominal = make(network=net)._core.layers[0].threshold
    own = damage_of(make(Faults(threshold_mismatch=0.1), network=net)).threshold[64:2064]
    assert abs(own.mean() / nominal - 1) < 0.01
    assert abs(own.std() / nominal - 0.1) < 0.01
    assert damage_of(make(Faults(threshold_mismatch=10.0), network=net)).threshold.min() == 1


def test_neurons_fire_at_their_own_threshold_and_subtract_it() -> None:
    chip = make(Faults(threshold_mismatch=0.3))
    theta = damage_of(chip).threshold[64:88]
    seen = chip.observe(TEST.x[0], 0)
    v_pre, spikes = seen.v_pre[0], seen.signal[1]
    np.testing.assert_array_equal(spikes, v_pre >= theta)
    np.testing.assert_array_equal(seen.v[0], v_pre - theta * spikes)
    assert spikes.any()


@pytest.mark.parametrize("mode", ["online", "shadow"])
def test_weights_drift_once(mode: str) -> None:
    network = Network.mlp((64, 400, 10), timesteps=T)
    sound, chip = (make(network=network, **MODES[mode]) for _ in range(2))
    chip.inject(Faults(weight_drift=0.05, seed=2))
    before, after = sound.integers, chip.integers
    memory = "shadow" if mode == "shadow" else "weights"
    a, b = (getattr(held, memory)[0].astype(int) for held in (before, after))
    scale = 0.05 * np.abs(a).max()
    assert abs((b - a).std() - np.sqrt(scale**2 + 1 / 12)) < 0.05 * scale + 0.02
    assert abs((b - a).mean()) < 0.02 * max(scale, 1)
    if mode == "shadow":
        low, high = -128, 127
        tops = np.clip((b + 128) >> 8, low, high)
        np.testing.assert_array_equal(after.weights[0], tops)
    assert not chip.faults.any
    held = chip.integers
    chip.evaluate(TEST)
    assert all(
        np.array_equal(x, y) for x, y in zip(held.weights, chip.integers.weights, strict=True)
    )


# Flips


def listed(loops: bool = True) -> Network:
    """All synapses between 64, 24 and 10 neurons, listed, and some that lead back."""
    source, target = np.divmod(np.arange(64 * 24), 24)
    first = Sparse.between(source, target, 64, 24, bias=False)
    back = Feedback(1, 0, (Sparse.random(24, 24, 0.3, 1, bias=False),))
    layers = (first, LIF(), Dense(24, 10, bias=False))
    return Network(layers, T, feedback=(back,) if loops else ())


def test_reads_flip_in_inference_and_nothing_is_written() -> None:
    chip = make(Faults(read_flips=0.05))
    sound = make()
    held = bits_of(chip)
    first, second = chip.evaluate(TEST), chip.evaluate(TEST)
    assert bits_of(chip) == held == bits_of(sound)
    np.testing.assert_array_equal(first.predictions, second.predictions)
    a, b = (c.observe(TEST.x[0], 0).current[0] for c in (chip, sound))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("kind", ["dense", "convolution", "listed"])
def test_every_bit_flipped_reads_the_complement(kind: str) -> None:
    options: dict[str, Any] = {"dense": {}, "convolution": CONVOLUTION, "listed": {}}[kind]
    if kind == "listed":
        options = {"network": listed()}
    flipped, sound = make(Faults(read_flips=1.0), **options), make(**options)
    held = sound.integers
    sound.load(
        replace(held, weights=tuple(~w for w in held.weights)),
        epoch=0,
        n_learned=0,
        rate_shifts=None,
    )
    a, b = flipped.evaluate(TEST), sound.evaluate(TEST)
    np.testing.assert_array_equal(a.predictions, b.predictions)
    np.testing.assert_array_equal(a.counters, b.counters)
    seen, wanted = (chip.observe(TEST.x[0], 0) for chip in (flipped, sound))
    for one, other in zip(seen.current, wanted.current, strict=True):
        np.testing.assert_array_equal(one, other)
    assert wanted.signal[1].any()


def test_listed_synapses_flip_as_those_of_a_dense_layer() -> None:
    dense = Network.mlp((64, 24, 10), timesteps=T, bias=False)
    start = initialise(dense, 0)
    given = Parameters((start.weights[0].T.ravel(), start.weights[1]), start.biases)
    faults = Faults(read_flips=0.02)
    one = make(faults, network=dense, parameters=start)
    other = make(faults, network=listed(loops=False), parameters=given)
    np.testing.assert_array_equal(one.evaluate(TEST).predictions, other.evaluate(TEST).predictions)
    a, b = (chip.observe(TEST.x[0], 0).current for chip in (one, other))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


# One chip with faults, whoever looks


EVERYTHING = Faults(
    stuck_bits=0.05,
    dead_neurons=0.1,
    dead_cores=1,
    threshold_mismatch=0.1,
    read_flips=0.002,
    seed=9,
)


@pytest.mark.parametrize("mode", ["online", "accumulate", "convolution"])
def test_step_by_step_is_what_a_stream_does(mode: str) -> None:
    options = {**MODES, "convolution": CONVOLUTION}[mode]
    chips = [make(EVERYTHING, neurons_per_core=8, **options) for _ in range(2)]
    stream, steps = chips
    few = TRAIN.take(1)
    for chip in chips:
        chip.rate_shifts = chip.choose_rates(chip.encode(TRAIN.x))
    stream.learn(few, 1)
    steps.start(few.x[0], int(few.y[0]), 0)
    for _ in range(T):
        steps.step()
    assert bits_of(stream) == bits_of(steps)
    seen = stream.observe(TEST.x[0], int(TEST.y[0]))
    assert seen.outputs.sum(axis=0).argmax() == stream.predict(TEST.x[:1])[0]


def test_costs_are_told() -> None:
    chip = make(EVERYTHING, neurons_per_core=8)
    assert chip.costs(TEST, 2).counts.sum() > 0


def test_the_partition_changes_nothing_but_dead_cores() -> None:
    faults = Faults(stuck_bits=0.1, dead_neurons=0.1, threshold_mismatch=0.1, read_flips=0.01)
    chips = [make(faults, neurons_per_core=n) for n in (None, 5)]
    for chip in chips:
        chip.learn(TRAIN, 1)
    assert bits_of(chips[0]) == bits_of(chips[1])


def test_the_seed_says_where() -> None:
    chips = [make(Faults(stuck_bits=0.1, dead_neurons=0.2, seed=s)) for s in (1, 1, 2)]
    for chip in chips:
        chip.learn(TRAIN, 1)
    assert bits_of(chips[0]) == bits_of(chips[1]) != bits_of(chips[2])


def test_a_chip_mends_where_faults_are_taken_back() -> None:
    chip, sound = make(Faults(dead_neurons=0.5)), make()
    chip.inject(Faults())
    for one in (chip, sound):
        one.learn(TRAIN, 1)
    assert bits_of(chip) == bits_of(sound)


def test_the_pipelined_schedule_has_none() -> None:
    with fails(
        LimitError,
        "the chip shall have faults (stuck_bits 0.1), but its schedule is 'pipelined'; set "
        "schedule to 'layered'",
    ):
        make(Faults(stuck_bits=0.1), schedule="pipelined")


@pytest.mark.parametrize("shadow", [0, 16])
def test_broken_words_stay_within_the_width_of_their_layer(shadow: int) -> None:
    faults = Faults(stuck_bits=0.2, weight_drift=0.5, seed=4)
    chip = make(faults, {"registers.shadow.bits": shadow}, widths=Widths((5, 3)))
    for w, bits in zip(chip.integers.weights, (5, 3), strict=True):
        assert -(2 ** (bits - 1)) <= w.min() < w.max() < 2 ** (bits - 1)


def test_bits_flip_in_words_of_one_width_only() -> None:
    sentence = (
        "read_flips is 0.01, but weights have 3 and 5 bits, and bits flip in words of one width; "
        "leave layer_bits out"
    )
    with fails(LimitError, sentence):
        make(Faults(read_flips=0.01), widths=Widths((5, 3)))
    assert make(Faults(read_flips=0.01), widths=Widths((3, 3))).faults.any
