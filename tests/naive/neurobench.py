"""NeuroBench's synaptic operations, one synapse after the other."""

from __future__ import annotations

from collections.abc import Iterator

Map = list[list[list[int]]]
Kernels = list[list[list[list[int]]]]


def pooled(image: Map, side: int) -> Map:
    """How many spikes each whole square of side x side has, for each channel."""
    return [
        [
            [
                sum(channel[y * side + i][x * side + j] for i in range(side) for j in range(side))
                for x in range(len(channel[0]) // side)
            ]
            for y in range(len(channel) // side)
        ]
        for channel in image
    ]


def dense(values: list[int], weights: list[list[int]]) -> Iterator[tuple[int, int]]:
    """(activation, weight) of every synapse; weights are [target][source]."""
    for row in weights:
        yield from zip(values, row, strict=True)


def convolution(
    image: Map, kernels: Kernels, stride: int, padding: int
) -> Iterator[tuple[int, int]]:
    """(activation, weight) of every synapse that doesn't read the padding."""
    side, high, wide = len(kernels[0][0]), len(image[0]), len(image[0][0])
    for kernel in kernels:
        for y in range(0, high + 2 * padding - side + 1, stride):
            for x in range(0, wide + 2 * padding - side + 1, stride):
                for c, channel in enumerate(image):
                    for i in range(side):
                        for j in range(side):
                            row, column = y + i - padding, x + j - padding
                            if 0 <= row < high and 0 <= column < wide:
                                yield channel[row][column], kernel[c][i][j]


def effective(synapses: Iterator[tuple[int, int]]) -> tuple[int, int]:
    """All synapses, and those where neither activation nor weight is zero."""
    listed = list(synapses)
    return len(listed), sum(1 for value, weight in listed if value and weight)
