"""The kernels of Lava's learning engine equal their slow twins, at the ends of every register."""

from __future__ import annotations

import numpy as np
import pytest

from neurochip.kernels.loihi_engine import decay_traces, learn_weights
from tests.naive import loihi_engine as naive


@pytest.mark.parametrize("seed", range(5))
def test_an_epoch_equals_its_twin(seed):
    rng = np.random.default_rng(seed)
    x = rng.choice([0, 1, 64, 126, 127], 12)
    w = rng.choice([-256, -255, -1, 0, 1, 254, 255], (8, 12))
    y = rng.choice([-200, -128, -1, 0, 1, 127, 200], 8)
    spiked = rng.integers(0, 2, 12)
    decayed = np.arange(128) * 3 // 4
    threshold = int(rng.integers(0, 128))
    expected_x = naive.traces(x.tolist(), spiked.tolist(), decayed.tolist(), 32)
    rates = seed % 5, seed + 3
    expected_w = naive.weights(
        w.tolist(), expected_x, spiked.tolist(), y.tolist(), *rates, threshold
    )
    decay_traces(x, spiked, decayed, 32)
    learn_weights(w, x, spiked, y, *rates, threshold)
    assert x.tolist() == expected_x
    assert w.tolist() == expected_w
