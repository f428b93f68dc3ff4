"""When each logical step of each sample comes, by Lava's clock."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Clock"]


@dataclass(frozen=True)
class Clock:
    """Samples one after the other, each for T + L steps (as in `player.network.LavaNetwork`).

    Attributes:
        timesteps: T.
        depth: L, the number of weight layers.
        samples: how many are learned.
        n_learned: how many were learned before them: random words go by it.
    """

    timesteps: int
    depth: int
    samples: int
    n_learned: int

    @property
    def period(self) -> int:
        """Steps from the beginning of a sample to that of the next."""
        return self.timesteps + self.depth

    @property
    def steps(self) -> int:
        """Steps of all samples."""
        return self.samples * self.period

    def spike_step(self, population: int, now: int) -> int | None:
        """The logical step whose spikes a population (0: the input) sends; None in between.

        Args:
            population: its number.
            now: Lava's clock, from 1.
        """
        return self._logical(now, population)

    def error_step(self, now: int) -> int | None:
        """The logical step whose error the read-out has; None in between."""
        return self._logical(now, self.depth)

    def first_random_step(self, now: int) -> int:
        """The number of the first logical step of the sample that is shown."""
        return (self.n_learned + (now - 1) // self.period) * self.timesteps

    def random_step(self, now: int) -> int:
        """The number of the logical step whose error is there."""
        return self.first_random_step(now) + (self.error_step(now) or 0)

    def _logical(self, now: int, delay: int) -> int | None:
        tau = (now - 1) % self.period - delay
        return tau if 0 <= tau < self.timesteps else None
