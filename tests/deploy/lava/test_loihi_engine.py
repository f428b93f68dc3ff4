"""Our learning synapses against Lava's own, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.chip.loihi_limits import EngineRates, Plasticity
from neurochip.chip.loihi_synapses import Synapses

pytest.importorskip("lava", reason="lava-nc needs Python 3.10")

N_IN, N_OUT, STEPS = 9, 7, 600


def _lava(weights, spikes, factors, plasticity):
    """Sums, traces and weights of LearningDense after every step."""
    from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
    from lava.proc.dense.process import LearningDense
    from lava.proc.io.source import RingBuffer

    from neurochip.deploy.lava.drive import make_models

    rule = Loihi3FLearningRule(
        dw=plasticity.rates.rule,
        x1_impulse=plasticity.impulse,
        x1_tau=plasticity.tau,
        t_epoch=plasticity.t_epoch,
        rng_seed=plasticity.seed,
    )
    dense = LearningDense(weights=weights, learning_rule=rule, name="engine")
    # A ring buffer shows column t - 1 at step t.
    source = RingBuffer(data=spikes.T)
    third = RingBuffer(data=factors.T)
    silence = RingBuffer(data=np.zeros((N_OUT, 1), np.int32))
    source.s_out.connect(dense.s_in)
    third.s_out.connect(dense.s_in_y1)
    for port in (dense.s_in_bap, dense.s_in_y2, dense.s_in_y3):
        silence.s_out.connect(port)
    models = make_models((source, third, silence, dense))
    engine, sums, traces, learned = models[dense.id], [], [], []
    for step in range(1, STEPS + 1):
        for model in models.values():
            model.time_step = step
            model.run_spk()
        if engine.lrn_guard():
            engine.run_lrn()
        sums.append(engine.a_buff.copy())
        traces.append(engine.x1.copy())
        learned.append(engine.weights.copy())
    return np.array(sums), np.array(traces), np.array(learned)


@pytest.mark.parametrize(
    ("seed", "tau", "impulse", "rate", "spike", "t_epoch"),
    [
        (0, 2, 32, 0, 2, 1),
        (1, 1, 32, 4, 6, 1),
        (2, 16, 100, 2, None, 1),
        (3, 2, 32, 4, 6, 1),
        (4, 2, 32, 4, None, 2),
        (5, 16, 32, 4, 6, 4),
        (6, 4, 100, 3, 5, 8),
        (7, 64, 32, 4, None, 63),
    ],
)
def test_sums_traces_and_weights_are_those_of_lava(seed, tau, impulse, rate, spike, t_epoch):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, (N_OUT, N_IN)) * 2
    spikes = (rng.random((STEPS, N_IN)) < rng.random(N_IN)).astype(np.int32)
    factors = rng.integers(-150, 151, (STEPS, N_OUT)).astype(np.int32)
    plasticity = Plasticity(EngineRates(rate, spike), impulse, tau, 5, t_epoch)
    sums, traces, learned = _lava(weights, spikes, factors, plasticity)
    ours = Synapses(weights.astype(np.int32), plasticity)
    for step in range(STEPS):
        ours.step(spikes[step], factors[step].astype(np.int64))
        np.testing.assert_array_equal(ours.sums, sums[step])
        np.testing.assert_array_equal(ours.traces, traces[step])
        np.testing.assert_array_equal(ours.weights, learned[step])
    assert (traces == 127).any() or tau < 16
    assert (np.abs(learned) >= 255).any() or t_epoch > 8
