"""The profile `loihi3f`: a network learns here as it does by Lava's own learning synapses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.chip.loihi_learner import LoihiLearner
from neurochip.deploy import lava as export
from neurochip.deploy.lava.learning import loihi3f as profile
from neurochip.deploy.lava.learning.loihi3f.plan import Job
from neurochip.deploy.lava.learning.loihi3f.simulated import recorded, steps_of
from neurochip.errors import ExportError
from neurochip.mapping.formats import decay_factor

from ...vectors.make_loihi3f_vectors import FILE
from .loihi3f_chips import CHIPS, T_EPOCHS, TRAIN, chip_of

STATES = ("u", "v", "s", "y1", "x1", "weights")
needs_lava = pytest.mark.skipif(
    not export.is_installed(), reason="needs lava-nc, which runs on Python 3.10"
)


@needs_lava
@pytest.mark.parametrize("name", CHIPS)
def test_a_closed_loop_holds_the_same_integers_in_every_step(name):
    chip = chip_of(**CHIPS[name])
    before = chip.integers.weights
    verdicts = profile.compare(chip, TRAIN, T_EPOCHS.get(name, 1))
    layers = len(chip.network.weight_layers)
    steps = len(TRAIN) * (chip.network.timesteps + layers)
    assert [(v.layer, v.state, v.steps, v.mismatches) for v in verdicts] == [
        (f"layer {number}", state, steps, 0) for number in range(layers) for state in STATES
    ]
    for ours, theirs in zip(before, chip.integers.weights, strict=True):
        assert np.array_equal(ours, theirs)


def test_weights_reach_both_ends_of_their_range_and_third_factors_of_theirs():
    """Else saturation would not have been compared."""
    read_out = recorded(Job(chip_of(**CHIPS["fastest, seed 2"]), TRAIN))[-1].states
    assert (read_out["weights"].min(), read_out["weights"].max()) == (-256, 255)
    assert read_out["y1"].max() == 128  # one more than the engine can hold


@needs_lava
def test_neurons_are_lavas_own_while_they_learn():
    """Lava's LIF beside ours, on the sums of Lava's synapses: one long sample, no reset between."""
    from lava.proc.lif.process import LIF

    from neurochip.deploy.lava.learning.loihi3f.player.build import build
    from neurochip.deploy.lava.learning.threads import step_together

    chip = chip_of(timesteps=200)
    lesson = Job(chip, TRAIN.take(1)).lesson
    processes = build(lesson)
    decay, threshold = decay_factor(math.exp(-1 / 2)), 1 << chip.formats.layers[0].membrane
    lif = LIF(shape=(20,), du=4095, dv=decay, vth=threshold >> 6)
    processes.synapses[0].a_out.connect(lif.a_in)
    spikes = []

    def look(models: dict[int, Any]) -> None:
        ours, theirs = models[processes.populations[0].id], models[lif.id]
        assert np.array_equal(ours.v, theirs.v)
        assert np.array_equal(ours.s_out.last, theirs.s_out.last)
        spikes.append(ours.s_out.last.sum())

    models = step_together((*processes.all, lif), lesson.clock.steps, look)
    assert len(spikes) == 202
    assert sum(spikes) > 100
    assert not np.array_equal(
        models[processes.synapses[0].id].weights, lesson.learner.layers[0].weights
    )


@needs_lava
def test_a_session_goes_on_from_odd_weights_with_numbers_of_its_own():
    chip = chip_of(**CHIPS["two hidden layers, table"])
    LoihiLearner(chip, 4).learn(TRAIN)
    assert all((weights % 2).any() for weights in chip.integers.weights)
    assert not any(verdict.mismatches for verdict in profile.compare(chip, TRAIN, 4))


@needs_lava
@pytest.mark.parametrize(
    "options", [{"surrogate": "triangle"}, {"loss": "mse"}, {"surrogate": "table", "loss": "mse"}]
)
def test_other_surrogates_and_losses(options):
    assert not any(v.mismatches for v in profile.compare(chip_of(**options), TRAIN.take(20)))


@needs_lava
@settings(max_examples=8, deadline=None)
@given(
    hidden=st.lists(st.integers(1, 12), max_size=3),
    t_epoch=st.integers(1, 63),
    options=st.fixed_dictionaries(
        {
            "tau": st.integers(1, 60),  # beyond, traces outgrow seven bits
            "seed": st.integers(0, 2**63 - 64),
            "timesteps": st.integers(1, 9),
            "encoding": st.sampled_from(["rate", "bernoulli"]),
            "surrogate": st.sampled_from(["table", "boxcar", "triangle"]),
            "loss": st.sampled_from(["ce", "mse"]),
        }
    ),
)
def test_any_network_learns_the_same(hidden, t_epoch, options):
    chip = chip_of((64, *hidden, 10), shifts=None, **options)
    assert not any(verdict.mismatches for verdict in profile.compare(chip, TRAIN.take(8), t_epoch))


@needs_lava
@pytest.mark.parametrize("t_epoch", [1, 4])
def test_lavas_runtime_learns_what_the_learner_learns(t_epoch):
    verdicts = profile.compare(chip_of(), TRAIN.take(16), t_epoch, limit_s=300)
    assert [(v.layer, v.state, v.steps, v.mismatches) for v in verdicts] == [
        (f"layer {number}", state, 16 if state == "weights" else 160, 0)
        for number in range(2)
        for state in STATES
    ]


@needs_lava
def test_a_difference_is_told_with_its_place(monkeypatch):
    from neurochip.deploy.lava.learning.loihi3f import run

    def wrong(job: Job) -> Any:
        for (sample, place), held in steps_of(job):
            if (sample, place) == (1, 3):
                held[0]["v"][5] += 7
            yield (sample, place), held

    monkeypatch.setattr(run, "steps_of", wrong)
    verdicts = profile.compare(chip_of(), TRAIN.take(3))
    (different,) = (verdict for verdict in verdicts if verdict.mismatches)
    assert (different.layer, different.state, different.mismatches) == ("layer 0", "v", 1)
    first = different.first
    assert first is not None
    assert (first.sample, first.step, first.neuron, first.expected) == (1, 3, 5, first.found + 7)


@pytest.mark.parametrize("t_epoch", [1, 7])
def test_what_is_compared_is_what_the_chip_gets(t_epoch):
    chip = chip_of()
    held = recorded(Job(chip, TRAIN, t_epoch))
    LoihiLearner(chip, t_epoch).learn(TRAIN)
    for layer, weights in zip(held, chip.integers.weights, strict=True):
        assert np.array_equal(layer.states["weights"][-1, 0], weights.T.ravel())


@pytest.mark.parametrize("name", CHIPS)
def test_without_lava_it_learns_what_lava_once_learned(name):
    chip = chip_of(**CHIPS[name])
    held = recorded(Job(chip, TRAIN, T_EPOCHS.get(name, 1)))
    with np.load(FILE) as golden:
        for number, layer in enumerate(held):
            weights, traces = (golden[f"{name}/{what}{number}"] for what in ("weights", "traces"))
            assert np.array_equal(layer.states["weights"][-1, 0], weights.ravel())
            assert np.array_equal(layer.states["x1"][-1, -1], traces)


def test_without_lava_a_comparison_says_so(monkeypatch):
    monkeypatch.setattr(export, "is_installed", lambda: False)
    with pytest.raises(ExportError, match=r"^Lava is not installed here \("):
        profile.compare(chip_of(), TRAIN)
