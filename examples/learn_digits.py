"""Learn digits on the default chip, then look into one sample.

Run it with ``python examples/learn_digits.py``.
"""

from __future__ import annotations

import neurochip as nc


def main(epochs: int = 5, train_samples: int | None = None) -> float:
    """Return the test accuracy after some epochs."""
    data = nc.data.load("digits")
    train = data.train if train_samples is None else data.train.take(train_samples)
    network = nc.Network.mlp([64, 128, 10], timesteps=8)
    chip = nc.Chip(network, hardware="neurochip", rule=nc.rules.OTTT(), seed=0)
    for record in chip.learn(train, epochs):
        print(f"epoch {record.epoch + 1}: running error {record.running_error:.1%}")
    accuracy = chip.evaluate(data.test).accuracy
    print(f"test accuracy {accuracy:.1%}")
    seen = chip.observe(data.test.x[0], int(data.test.y[0]))
    print("spikes of the hidden layer, step by step:", *seen.signal[1].sum(axis=1))
    return accuracy


if __name__ == "__main__":
    main()
