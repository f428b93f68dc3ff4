"""Lava's stock learning engine in Python integers, one weight at a time."""

from __future__ import annotations


def _clip(value, low, high):
    return max(low, min(high, value))


def last_spikes(trains):
    """When each neuron fired last, 0 for never; a train is what it did in every step."""
    return [max((now for now, s in enumerate(train, 1) if s), default=0) for train in trains]


def traces(x, trains, decayed, impulse):
    """Traces after an epoch in which every neuron fired as its train says."""
    return [_trace(value, train, decayed, impulse) for value, train in zip(x, trains, strict=True)]


def _trace(value, train, decayed, impulse):
    for _ in range(sum(train) - 1):
        value = min(value + impulse, 127)
    (last,) = last_spikes([train])
    for now in range(1, len(train) + 1):
        value = decayed[value]
        if now == last:
            value = min(value + impulse, 127)
    return value


def weights(w, x, last, y, rate, spike_scale, threshold):
    """Weights after an epoch; y holds the third factors of every step, those of its start first."""
    y = [[_clip(value, -128, 127) for value in step] for step in y]
    return [
        [
            _weight(value, x[i], y[-1][j], last[i] and y[last[i]][j], rate, spike_scale, threshold)
            for i, value in enumerate(row)
        ]
        for j, row in enumerate(w)
    ]


def _weight(w, x, y, of_spike, rate, spike_scale, threshold):
    acc = _clip(w * 128 + x * y // 8 * 2**rate, -32769, 32767)
    acc = _clip(acc - spike_scale * of_spike, -32769, 32767)
    whole, fraction = divmod(acc, 128)
    return _clip(whole + (fraction > threshold), -256, 255)
