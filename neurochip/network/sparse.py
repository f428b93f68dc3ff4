"""Listed synapses: a weight layer in which not every input reaches every output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip.errors import NetworkError
from neurochip.network.checks import check_count
from neurochip.network.neurons import Shape


@dataclass(frozen=True, eq=False)
class Sparse:
    """Listed synapses: I[t]_j = sum over the synapses k from i to j of W_k s[t]_i, plus b_j.

    Synapses are in compressed rows, the ones that leave input 0 first: input i reaches
    targets[offsets[i] : offsets[i + 1]], each once, ascending. Weights are in the same order. Most
    networks are easier to say with `between` or `random`.

    Attributes:
        n_in: number of inputs, at least 1.
        n_out: number of outputs, at least 1.
        offsets: (n_in + 1,) int64, from 0 to the number of synapses.
        targets: (synapses,) int32.
        bias: whether b is learned; without it b is zero.
    """

    kind: ClassVar[str] = "sparse"
    #: Rows of different lengths aren't standardised.
    sws: ClassVar[bool] = False

    n_in: int
    n_out: int
    offsets: NDArray[np.int64]
    targets: NDArray[np.int32]
    bias: bool = True

    def __post_init__(self) -> None:
        """Take arrays of what is given, and check them."""
        check_count("Sparse n_in", self.n_in)
        check_count("Sparse n_out", self.n_out)
        object.__setattr__(self, "offsets", _whole("offsets", self.offsets, np.int64))
        object.__setattr__(self, "targets", _whole("targets", self.targets, np.int32))
        self._check_offsets()
        self._check_targets()

    @classmethod
    def between(
        cls, source: ArrayLike, target: ArrayLike, n_in: int, n_out: int, *, bias: bool = True
    ) -> Sparse:
        """Synapse k leads from input source[k] to output target[k], in any order.

        Args:
            source: (synapses,) whole numbers, 0 to n_in - 1.
            target: (synapses,) whole numbers, 0 to n_out - 1.
            n_in: number of inputs.
            n_out: number of outputs.
            bias: as the attribute.
        """
        check_count("Sparse n_in", n_in)
        sources = _whole("sources", source, np.int64)
        targets = _whole("targets", target, np.int32)
        if sources.size != targets.size:
            raise NetworkError(
                f"Sparse has {sources.size} sources and {targets.size} targets; give one of each "
                f"per synapse."
            )
        if sources.size and not 0 <= sources.min() <= sources.max() < n_in:
            raise NetworkError(
                f"Sparse sources go from {sources.min()} to {sources.max()}; they must be 0 to "
                f"{n_in - 1}."
            )
        order = np.lexsort((targets, sources))
        offsets = np.zeros(n_in + 1, np.int64)
        np.cumsum(np.bincount(sources, minlength=n_in), out=offsets[1:])
        return cls(n_in, n_out, offsets, targets[order], bias)

    @classmethod
    def random(
        cls, n_in: int, n_out: int, density: float, seed: int, *, bias: bool = True
    ) -> Sparse:
        """Each of the n_in * n_out synapses is there with the probability `density`.

        Args:
            n_in: number of inputs.
            n_out: number of outputs.
            density: 0 to 1.
            seed: 0 or more; the same seed draws the same synapses.
            bias: as the attribute.
        """
        check_count("Sparse n_in", n_in)
        check_count("Sparse n_out", n_out)
        if not 0 <= density <= 1:
            raise NetworkError(f"Sparse density is {density!r}; it must be a number from 0 to 1.")
        there = np.random.default_rng(seed).random((n_in, n_out)) < density
        source, target = np.nonzero(there)
        return cls.between(source, target, n_in, n_out, bias=bias)

    @property
    def n_synapses(self) -> int:
        """How many are listed."""
        return self.targets.size

    @cached_property
    def fan_in(self) -> int:
        """Weights of the output that has most."""
        heard = np.zeros(self.n_out, np.int64)
        np.add.at(heard, self.targets, 1)
        return int(heard.max())

    @property
    def fan_out(self) -> NDArray[np.int64]:
        """Synapses that leave each input, (n_in,)."""
        return np.diff(self.offsets)

    @property
    def sources(self) -> NDArray[np.int64]:
        """Input of each synapse, (synapses,)."""
        return np.repeat(np.arange(self.n_in), self.fan_out)

    @property
    def weight_shape(self) -> Shape:
        """(synapses,)."""
        return (self.n_synapses,)

    def out_shape(self, in_shape: Shape) -> Shape:
        """(n_out,)."""
        if in_shape != (self.n_in,):
            raise NetworkError(
                f"Sparse needs the shape ({self.n_in},) but {in_shape} comes in; make the layer "
                f"below fit or change this one."
            )
        return (self.n_out,)

    def __eq__(self, other: object) -> bool:
        """Whether the other lists the same synapses."""
        return (
            isinstance(other, Sparse)
            and (self.n_in, self.n_out, self.bias) == (other.n_in, other.n_out, other.bias)
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.targets, other.targets)
        )

    def __hash__(self) -> int:
        return hash((self.n_in, self.n_out, self.n_synapses, self.bias))

    def _check_offsets(self) -> None:
        offsets, n = self.offsets, self.targets.size
        if offsets.size != self.n_in + 1:
            raise NetworkError(
                f"Sparse has {offsets.size} offsets for {self.n_in} inputs; give one more than "
                f"inputs."
            )
        if offsets[0] != 0 or offsets[-1] != n or np.any(offsets[1:] < offsets[:-1]):
            raise NetworkError(
                f"Sparse offsets must rise from 0 to the number of targets, {n}; they go from "
                f"{offsets[0]} to {offsets[-1]}{'' if offsets[-1] != n else ' or fall'}."
            )

    def _check_targets(self) -> None:
        targets = self.targets
        if not targets.size:
            return
        if not 0 <= targets.min() <= targets.max() < self.n_out:
            raise NetworkError(
                f"Sparse targets go from {targets.min()} to {targets.max()}; they must be 0 to "
                f"{self.n_out - 1}."
            )
        rises = targets[1:] > targets[:-1]
        begins = self.offsets[1:-1]
        rises[begins[(begins > 0) & (begins < targets.size)] - 1] = True
        if not rises.all():
            place = int(np.argmin(rises))
            source = int(np.searchsorted(self.offsets, place, side="right")) - 1
            raise NetworkError(
                f"Sparse input {source} lists the target {targets[place + 1]} after "
                f"{targets[place]}; list each once, ascending."
            )


def _whole(name: str, values: ArrayLike, dtype: type[np.integer[Any]]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or not (array.size == 0 or np.issubdtype(array.dtype, np.integer)):
        raise NetworkError(
            f"Sparse {name} are {array.dtype} of shape {array.shape}; give whole numbers in a row."
        )
    return np.ascontiguousarray(array, dtype)
