"""Who hears whom, synapse by synapse: plain loops over windows, pools and matrices.

A matrix [target][source] counts synapses. Maps are numbered row by row, place by place, channel by
channel.
"""

from __future__ import annotations

from collections import defaultdict

Matrix = list[list[int]]


def number(shape: tuple[int, ...], channel: int, y: int, x: int) -> int:
    """Number of a neuron in a map of (channels, height, width)."""
    channels, _, width = shape
    return (y * width + x) * channels + channel


def full(n_in: int, n_out: int) -> Matrix:
    """Every source reaches every target."""
    return [[1] * n_in for _ in range(n_out)]


def one_to_one(n: int) -> Matrix:
    """Each source reaches its like."""
    return [[int(i == j) for i in range(n)] for j in range(n)]


def convolution(
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    kernel: int,
    stride: int,
    padding: int,
) -> Matrix:
    """A window over every channel for each place of every channel."""
    channels, height, width = in_shape
    matrix = [
        [0] * (channels * height * width) for _ in range(out_shape[0] * out_shape[1] * out_shape[2])
    ]
    for c_out in range(out_shape[0]):
        for y_out in range(out_shape[1]):
            for x_out in range(out_shape[2]):
                row = matrix[number(out_shape, c_out, y_out, x_out)]
                for c_in in range(channels):
                    for i in range(kernel):
                        for j in range(kernel):
                            y, x = y_out * stride + i - padding, x_out * stride + j - padding
                            if 0 <= y < height and 0 <= x < width:
                                row[number(in_shape, c_in, y, x)] += 1
    return matrix


def pool(in_shape: tuple[int, ...], side: int) -> Matrix:
    """Squares of side x side that fill; one row a cell."""
    channels, height, width = in_shape
    shape = (channels, height // side, width // side)
    matrix = [[0] * (channels * height * width) for _ in range(channels * shape[1] * shape[2])]
    for c in range(channels):
        for y in range(shape[1] * side):
            for x in range(shape[2] * side):
                matrix[number(shape, c, y // side, x // side)][number(in_shape, c, y, x)] = 1
    return matrix


def after(second: Matrix, first: Matrix) -> Matrix:
    """Synapses through both."""
    columns = range(len(first[0]))
    return [
        [sum(row[k] * first[k][i] for k in range(len(first)) if row[k]) for i in columns]
        for row in second
    ]


def driven(matrix: Matrix, core_of_target: list[int], source: int) -> dict[int, int]:
    """Synapses that one spike drives on each core that it reaches."""
    reached: dict[int, int] = defaultdict(int)
    for target, core in enumerate(core_of_target):
        if matrix[target][source]:
            reached[core] += matrix[target][source]
    return dict(reached)


def hops(core_a: int, core_b: int, each: int, width: int) -> tuple[int, int]:
    """Steps east or west and north or south between the tiles of two cores."""
    a, b = core_a // each, core_b // each
    return abs(a % width - b % width), abs(a // width - b // width)
