"""The kernels of Lava's stock learning engine against that engine itself, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.chip.loihi_learner import FACTOR_TAU, Source, decay
from neurochip.kernels.loihi_engine import decay_traces, learn_weights

pytest.importorskip("lava", reason="lava-nc needs Python 3.10")

N_IN, N_OUT, STEPS = 9, 7, 1500


def _lava(weights, spikes, factors, tau, impulse, rate):
    """Traces (STEPS, N_IN) and weights (STEPS, N_OUT, N_IN) of LearningDense."""
    from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
    from lava.proc.dense.process import LearningDense
    from lava.proc.io.source import RingBuffer

    from neurochip.deploy.lava.drive import make_models

    rule = Loihi3FLearningRule(
        dw=f"2^{rate - 7}*u0*x1*y1 - 2^{rate - 5}*x0*y1",
        x1_impulse=impulse,
        x1_tau=tau,
        t_epoch=1,
        rng_seed=5,
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
    engine, traces, learned = models[dense.id], [], []
    for step in range(1, STEPS + 1):
        for model in models.values():
            model.time_step = step
            model.run_spk()
        engine.run_lrn()
        traces.append(engine.x1.copy())
        learned.append(engine.weights.copy())
    return np.array(traces), np.array(learned)


@pytest.mark.parametrize(
    ("seed", "tau", "impulse", "rate"),
    [(0, 2, 32, 0), (1, 1, 32, 4), (2, 16, 100, 2), (3, 2, 32, 4)],
)
def test_traces_and_weights_are_those_of_lava(seed, tau, impulse, rate):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, (N_OUT, N_IN)) * 2
    spikes = rng.integers(0, 2, (STEPS, N_IN)).astype(np.int32)
    factors = rng.integers(-150, 151, (STEPS, N_OUT)).astype(np.int32)
    traces, learned = _lava(weights, spikes, factors, tau, impulse, rate)

    x, w = np.zeros(N_IN, np.int64), weights.astype(np.int64)
    of_traces, of_factors, of_weights = Source(5, 2), Source(7, 2), Source(2, 1)
    for step in range(STEPS):
        decayed = decay(np.arange(128), tau, of_traces)
        decay_traces(x, spikes[step], decayed, impulse)
        y = decay(factors[step], FACTOR_TAU, of_factors)
        threshold = int(128 * of_weights.next())
        learn_weights(w, x, spikes[step], y, rate, rate + 2, threshold)
        np.testing.assert_array_equal(x, traces[step])
        np.testing.assert_array_equal(w, learned[step])
    assert (x == 127).any() or tau < 16
    assert (np.abs(learned) >= 255).any()
