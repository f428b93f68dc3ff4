"""The kernels of Lava's learning engine equal their slow twins, at the ends of every register."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.kernels.loihi_engine import decay_traces, hear, learn_weights
from tests.naive import loihi_engine as naive


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_an_epoch_equals_its_twin(seed, steps):
    rng = np.random.default_rng(seed)
    x = rng.choice([0, 1, 64, 126, 127], 12)
    w = rng.choice([-256, -255, -1, 0, 1, 254, 255], (8, 12))
    y = rng.choice([-200, -128, -1, 0, 1, 127, 200], (steps + 1, 8))
    trains = rng.integers(0, 2, (12, steps))
    decayed = np.arange(128) * 3 // 4
    threshold = int(rng.integers(0, 128))
    expected_x = naive.traces(x.tolist(), trains.tolist(), decayed.tolist(), 32)
    expected_last = naive.last_spikes(trains.tolist())
    rates = seed % 5, (0 if seed == 1 else 1 << (seed + 3))
    expected_w = naive.weights(w.tolist(), expected_x, expected_last, y.tolist(), *rates, threshold)
    last = np.zeros(12, np.int64)
    for now in range(steps):
        hear(x, last, trains[:, now], now + 1, 32)
    decay_traces(x, last, decayed, 32, steps)
    learn_weights(w, x, last, y, *rates, threshold)
    assert last.tolist() == expected_last
    assert x.tolist() == expected_x
    assert w.tolist() == expected_w
