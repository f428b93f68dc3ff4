"""Lava's stock learning engine in Python integers, one weight at a time."""

from __future__ import annotations


def _clip(value, low, high):
    return max(low, min(high, value))


def traces(x, spiked, decayed, impulse):
    return [
        min(decayed[value] + impulse, 127) if spike else decayed[value]
        for value, spike in zip(x, spiked, strict=True)
    ]


def weights(w, x, spiked, y, rate, spike_rate, threshold):
    return [
        [
            _weight(value, x[i], spiked[i], _clip(y[j], -128, 127), rate, spike_rate, threshold)
            for i, value in enumerate(row)
        ]
        for j, row in enumerate(w)
    ]


def _weight(w, x, spike, y, rate, spike_rate, threshold):
    acc = _clip(w * 128 + x * y // 8 * 2**rate, -32769, 32767)
    acc = _clip(acc - 2**spike_rate * y * bool(spike), -32769, 32767)
    whole, fraction = divmod(acc, 128)
    return _clip(whole + (fraction > threshold), -256, 255)
