"""Mean, deviation and confidence interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Of the intervals, two-sided.
CONFIDENCE = 0.95
_BISECTIONS = 60


@dataclass(frozen=True)
class Summary:
    """One objective of one setting over the seeds.

    Attributes:
        mean: over the seeds.
        deviation: of one seed, n - 1 in the denominator; NaN for one seed.
        half_width: of the 95 % confidence interval of the mean, by Student's t; NaN for one seed.
        n: number of seeds.
    """

    mean: float
    deviation: float
    half_width: float
    n: int


def summarise(values: Sequence[float]) -> Summary:
    """Mean, deviation and interval of one number a seed, at least one."""
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, math.nan, math.nan, n)
    if min(values) == max(values):  # whose mean may differ by the last bit, which is no deviation
        return Summary(values[0], 0.0, 0.0, n)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half_width = t_quantile(0.5 + CONFIDENCE / 2, n - 1) * deviation / math.sqrt(n)
    return Summary(mean, deviation, half_width, n)


def t_quantile(probability: float, degrees: int) -> float:
    """The value below which Student's t lies with a probability of 0.5 to below 1.

    Args:
        probability: 0.5 or more, below 1.
        degrees: of freedom, 1 or more.
    """
    low, high = 0.0, 1.0
    while t_below(high, degrees) < probability:
        high *= 2.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if t_below(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def t_below(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0: Abramowitz and Stegun, 26.7.3 and 26.7.4, finite sums in theta."""
    theta = math.atan(t / math.sqrt(degrees))
    sine, cosine = math.sin(theta), math.cos(theta)
    is_odd = degrees % 2 == 1
    term = cosine if is_odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(3 if is_odd else 2, degrees - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    between = 2 / math.pi * (theta + sine * total) if is_odd else sine * total
    return 0.5 + between / 2
