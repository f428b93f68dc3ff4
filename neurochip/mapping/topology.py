"""What is spread over the cores: populations of neurons, and the projections between them.

Population 0 holds the inputs, which come from outside the chip; the others hold a core's neurons.
A projection answers, for any slice of its target's neurons, what a core needs that holds them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]

#: Kinds of synapses, in the order of every array that counts them apart.
KINDS = ("dense", "sparse", "convolution")


@dataclass(frozen=True)
class Population:
    """Neurons of one layer.

    Attributes:
        name: what errors and tables call it.
        size: how many, numbered 0 .. size-1.
    """

    name: str
    size: int


@dataclass(frozen=True, eq=False)
class Wiring:
    """Which source neurons feed which cells: what lies between neurons and weights, such as pools.

    Attributes:
        n_source: number of source neurons.
        n_cells: number of values that the weights read.
        source: (k,) int32, source neuron of each pair, ascending.
        cell: (k,) int32, cell of each pair.
    """

    n_source: int
    n_cells: int
    source: Ints
    cell: Ints

    def then(self, after: Wiring) -> Wiring:
        """The wiring of both in a row."""
        order = np.argsort(after.source, kind="stable")
        starts = np.searchsorted(after.source[order], np.arange(after.n_source + 1))
        counts = np.diff(starts)[self.cell]
        first = np.repeat(starts[self.cell], counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        cell = after.cell[order][first + within]
        return Wiring(self.n_source, after.n_cells, np.repeat(self.source, counts), cell)

    def cells(self, sends: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Cells that hear one of the source neurons that send: (n_source,) to (n_cells,)."""
        heard = np.zeros(self.n_cells, np.bool_)
        heard[self.cell[sends[self.source]]] = True
        return heard

    def sums(self, cells: Ints) -> Ints:
        """Sum over its cells for each source neuron: (n_cells,) to (n_source,)."""
        total = np.bincount(self.source, cells[self.cell], self.n_source)
        return total.astype(np.int32)


@dataclass(frozen=True, eq=False)
class Projection(ABC):
    """Synapses from one population to another.

    Attributes:
        source: number of the population that sends.
        target: number of the population that receives; may be the same.
        n_source: size of the one.
        n_target: size of the other.
        wiring: what lies before the weights; None: source neurons are read as they are.
    """

    kind: ClassVar[str]

    source: int
    target: int
    n_source: int
    n_target: int
    wiring: Wiring | None

    @property
    def n_cells(self) -> int:
        """Number of values that the weights read."""
        return self.n_source if self.wiring is None else self.wiring.n_cells

    @property
    @abstractmethod
    def fan_in(self) -> int:
        """Most cells that one target neuron hears."""

    @abstractmethod
    def cell_sizes(self, first: int, last: int) -> Ints:
        """Synapses from each cell into target neurons first .. last-1, (n_cells,)."""

    def reached(self, sends: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Target neurons with a synapse from a source neuron that sends, (n_target,).

        Args:
            sends: (n_source,) source neurons that do.
        """
        return self._reached(sends if self.wiring is None else self.wiring.cells(sends))

    @abstractmethod
    def _reached(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Target neurons with a synapse from a cell that is heard, (n_target,)."""

    def row_sizes(self, sizes: Ints) -> Ints:
        """Synapses that a spike of each source neuron drives in a slice, (n_source,).

        Args:
            sizes: the slice's `cell_sizes`; in the methods below too.
        """
        return sizes if self.wiring is None else self.wiring.sums(sizes)

    def row_words(self, sizes: Ints, bits: int, word: int) -> Ints:
        """Words that a spike of each source neuron reads for a slice, (n_source,)."""
        words = _words(sizes, bits, word)
        return words if self.wiring is None else self.wiring.sums(words)

    def weights(self, sizes: Ints, first: int, last: int) -> int:
        """Weights that are stored for first .. last-1."""
        return int(sizes.sum(dtype=np.int64))

    def memory(self, sizes: Ints, first: int, last: int, bits: int, word: int) -> int:
        """Bits of weight memory that first .. last-1 need: each cell's row begins a word."""
        return int(_words(sizes, bits, word).sum(dtype=np.int64)) * word


@dataclass(frozen=True, eq=False)
class Full(Projection):
    """Every cell reaches every target neuron."""

    kind = "dense"

    @property
    def fan_in(self) -> int:
        """All cells."""
        return self.n_cells

    def cell_sizes(self, first: int, last: int) -> Ints:
        """The size of the slice, from every cell."""
        return np.full(self.n_cells, last - first, np.int32)

    def _reached(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.full(self.n_target, cells.any())


@dataclass(frozen=True, eq=False)
class Sparse(Projection):
    """Listed synapses.

    Attributes:
        offsets: (n_target + 1,) int64: target neuron j hears cells[offsets[j] : offsets[j + 1]].
        cells: (synapses,) int32.
    """

    kind = "sparse"

    offsets: NDArray[np.int64]
    cells: Ints

    @property
    def fan_in(self) -> int:
        """Of the neuron that hears most."""
        return int(np.diff(self.offsets).max(initial=0))

    def cell_sizes(self, first: int, last: int) -> Ints:
        """How often the slice lists each cell."""
        heard = self.cells[self.offsets[first] : self.offsets[last]]
        return np.bincount(heard, minlength=self.n_cells).astype(np.int32)

    def _reached(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        heard = np.concatenate(([0], np.cumsum(cells[self.cells])))
        return np.diff(heard[self.offsets]) > 0


@dataclass(frozen=True, eq=False)
class Convolution(Projection):
    """A kernel that slides over height and width; its weights are stored once for each channel.

    Cells and target neurons are numbered row by row, in a row place by place, and at a place
    channel by channel: a slice is a band of the map, which hears few neurons and holds every
    kernel.

    Attributes:
        in_shape: (channels, height, width) of the cells.
        out_shape: (channels, height, width) of the target neurons.
        kernel: height and width of the kernel.
        stride: distance of two positions.
        padding: zeros on each side.
    """

    kind = "convolution"

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    kernel: int
    stride: int
    padding: int

    @property
    def fan_in(self) -> int:
        """The kernel over all channels."""
        return self.in_shape[0] * self.kernel * self.kernel

    def cell_sizes(self, first: int, last: int) -> Ints:
        """How many of the slice's windows each cell lies in."""
        channels, height, width = self.out_shape
        inside = np.zeros(self.n_target, np.int32)
        inside[first:last] = 1
        windows = inside.reshape(height, width, channels).sum(axis=2, dtype=np.int32)
        pad, (rows, columns) = self.padding, self.in_shape[1:]
        grid = np.zeros((rows + 2 * pad, columns + 2 * pad), np.int32)
        down, right = self.stride * (height - 1) + 1, self.stride * (width - 1) + 1
        for y in range(self.kernel):
            for x in range(self.kernel):
                grid[y : y + down : self.stride, x : x + right : self.stride] += windows
        seen = grid[pad : pad + rows, pad : pad + columns].ravel()
        return np.repeat(seen, self.in_shape[0])

    def _reached(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        channels, height, width = self.out_shape
        pad, (rows, columns) = self.padding, self.in_shape[1:]
        grid = np.zeros((rows + 2 * pad, columns + 2 * pad), np.bool_)
        grid[pad : pad + rows, pad : pad + columns] = cells.reshape(rows, columns, -1).any(axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(grid, (self.kernel, self.kernel))
        heard = windows[:: self.stride, :: self.stride][:height, :width].any(axis=(2, 3))
        return np.repeat(heard.ravel(), channels)

    def memory(self, sizes: Ints, first: int, last: int, bits: int, word: int) -> int:
        """Kernels of the slice's channels, one after the other."""
        return -(-self.weights(sizes, first, last) * bits // word) * word

    def weights(self, sizes: Ints, first: int, last: int) -> int:
        """The kernels of all channels that the slice touches."""
        return min(self.out_shape[0], last - first) * self.fan_in


@dataclass(frozen=True, eq=False)
class Topology:
    """Populations, the inputs first, and the projections between them."""

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]

    @property
    def offsets(self) -> Ints:
        """First neuron of each population in the numbering of all, and the end: (P + 1,) int32."""
        sizes = [population.size for population in self.populations]
        return np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)

    def into(self, population: int) -> tuple[Projection, ...]:
        """The projections that a population receives."""
        return self._by_target[population]

    @cached_property
    def _by_target(self) -> list[tuple[Projection, ...]]:
        lists: list[list[Projection]] = [[] for _ in self.populations]
        for entry in self.projections:
            lists[entry.target].append(entry)
        return [tuple(entries) for entries in lists]


def _words(sizes: Ints, bits: int, word: int) -> Ints:
    words: Ints = -(-sizes * np.int32(bits) // np.int32(word))
    return words
