"""A network that is spread over cores, executed core by core: each knows its own and its mail.

A `Part` is what one core holds: the weights and neurons of its slices, and the traces of the axons
that its routes bring. Everything in it is a dictionary by global number, so that reaching for what
lies on another core is a KeyError. Four kinds of messages pass between the parts: spikes (and
graded inputs) along the routes; the read-out's o to every core that holds a part of the read-out;
errors back along the routes; and, where a convolution's kernel lies on several cores, their sums of
its products. Random words have global numbers, so that no core needs to know of another's.

Direct feedback sends errors past the routes and has no map; the other modes are all here.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

from neurochip.mapping import ChipMap

from .config import CoreConfig
from .core import EVALUATION_EPOCH, Counts, NaiveCore
from .strategies import Case

Key = TypeVar("Key", bound=Hashable)
Values = dict[int, int]
"""A number for each neuron, axon or column, by its global number within its layer."""


class Part(NaiveCore):
    """One core of a map.

    own[l] are its neurons above weight layer l, heard[l] the neurons below it that it has mail of.
    """

    def __init__(
        self, whole: NaiveCore, own: dict[int, list[int]], heard: dict[int, set[int]]
    ) -> None:
        layers = whole.config.layers
        self.own = [sorted(own.get(ell, [])) for ell in range(len(layers))]
        self.heard = [sorted(heard.get(ell, set())) for ell in range(len(layers))]
        self.axons = [self.axons_of(whole.config, ell) for ell in range(len(layers))]
        mine = [set(neurons) for neurons in self.own]
        self.synapses = [
            [synapse for synapse in layer.connections if synapse[1] in mine[ell]]
            for ell, layer in enumerate(layers)
        ]
        super().__init__(whole.config, [], [])
        self.w: Any = self.copied(whole.w)
        self.shadow: Any = None if whole.shadow is None else self.copied(whole.shadow)
        self.feedback: Any = None if whole.feedback is None else self.copied(whole.feedback)
        self.bias: Any = [
            {j % layer.columns: bias[j % layer.columns] for j in neurons}
            for layer, bias, neurons in zip(layers, whole.bias, self.own, strict=True)
        ]

    def axons_of(self, config: CoreConfig, ell: int) -> dict[int, int]:
        """The axon of weight layer l that each heard neuron feeds: itself, or its square."""
        pool = config.layers[ell].pool
        squares = {n: n if pool is None else pool.square_of(n) for n in self.heard[ell]}
        return {n: square for n, square in squares.items() if square is not None}

    def copied(self, matrices: Any) -> list[dict[int, Values]]:
        """Of a whole chip's matrices what this core holds."""
        return [
            self.rows(ell, lambda i, j, m=m: m[i][j]) if m else {} for ell, m in enumerate(matrices)
        ]

    def rows(self, ell: int, value: Any) -> dict[int, Values]:
        found: dict[int, Values] = defaultdict(dict)
        for *_, row, column in self.synapses[ell]:
            found[row][column] = value(row, column)
        return dict(found)

    def start_sample(self) -> None:
        layers = range(self.config.L)
        self.v = [[0] * len(neurons) for neurons in self.own]
        self.i = [[0] * len(neurons) for neurons in self.own]
        self.x: Any = [dict.fromkeys(self.axons[ell].values(), 0) for ell in layers]
        self.counters = []
        self.clear_sums()

    def clear_sums(self) -> None:
        layers = range(self.config.L)
        columns = [
            {j % y.columns for j in n} for y, n in zip(self.config.layers, self.own, strict=True)
        ]
        self.g: Any = [self.rows(ell, lambda *_: 0) for ell in layers]
        self.gb: Any = [dict.fromkeys(mine, 0) for mine in columns]
        self.touched: Any = [dict.fromkeys(rows, False) for rows in self.g]

    def start_step(self) -> None:
        layers = range(self.config.L)
        self.counts = [Counts() for _ in layers]
        self.factor: list[Values] = [{} for _ in layers]
        self.v_pre: list[Values] = [{} for _ in layers]
        self.s: list[Values] = [{} for _ in layers]
        self.psis: list[Values] = [{} for _ in layers]
        self.d: list[Values] = [{} for _ in layers]

    # Upwards

    def drive(self, ell: int, mail: Values, clock: int) -> Values:
        """What the neurons of layer l here say to the mail from below."""
        values = dict.fromkeys(self.axons[ell].values(), 0)
        for neuron, value in mail.items():
            if neuron in self.axons[ell]:
                values[self.axons[ell][neuron]] += value
        sums = dict.fromkeys(self.own[ell], 0)
        for i, j, row, column in self.synapses[ell]:
            sums[j] += values[i] * self.w[ell][row][column]
        register = self.config.accumulator
        acc = [self.fit(ell, "accumulator", register, a) for a in sums.values()]
        if self.config.traced(ell):
            for i, value in values.items():
                self.x[ell][i] = self.traced(ell, i, self.x[ell][i], value, clock)
        self.factor[ell] = dict(self.x[ell]) if self.config.traced(ell) else values
        return self.fire(ell, self.current(ell, acc))

    def fire(self, ell: int, current: list[int]) -> Values:
        s: list[int] = []
        if self.config.spiking(ell):
            v_pre, s = self.neurons(ell, current)
            self.psis[ell] = dict(
                zip(self.own[ell], (self.psi(ell, v) for v in v_pre), strict=True)
            )
            self.s[ell] = dict(zip(self.own[ell], s, strict=True))
        else:
            v_pre = self.readout(current)
        self.v_pre[ell] = dict(zip(self.own[ell], v_pre, strict=True))
        last = ell == self.config.L - 1
        return dict(zip(self.own[ell], self.output(v_pre, s) if last else s, strict=True))

    def biases(self, ell: int) -> list[int]:
        layer = self.config.layers[ell]
        return [self.bias[ell][j % layer.columns] << layer.bias_exp for j in self.own[ell]]

    # Downwards

    def errors(self, o: list[int], label: int) -> Values:
        """e of the read-out neurons here, from every read-out neuron's o; d is kept."""
        last = self.config.L - 1
        if self.config.loss == "ce":
            errors = self.cross_entropy({"o": o}, label)
        else:
            errors = self.squared_error(o, label)
        e = [self.fit(last, "error", self.error_register, errors[k]) for k in self.own[last]]
        d = self.through_firing(e, list(self.psis[last].values()))
        self.d[last] = dict(zip(self.own[last], d, strict=True))
        return dict(zip(self.own[last], e, strict=True))

    def send_back(self, ell: int) -> Values:
        """The share of the error of each heard neuron below weight layer l that lies here."""
        sums: Counter[int] = Counter()
        for i, k, row, column in self.synapses[ell]:
            sums[i] += self.carrier(ell, row, column) * self.d[ell][k]
        return {neuron: sums[axon] for neuron, axon in self.axons[ell].items()}

    def take_back(self, ell: int, mail: Values, clock: int) -> None:
        """Turn errors that came down into d of the hidden neurons here."""
        for j in self.own[ell]:
            self.d[ell][j] = self.delta(ell, j, mail.get(j, 0), self.psis[ell][j], clock)

    # Learning

    def products(self, ell: int) -> Counter[tuple[int, int]]:
        """What the synapses here add to the products of each weight (row, column)."""
        sums: Counter[tuple[int, int]] = Counter()
        for i, j, row, column in self.synapses[ell]:
            sums[row, column] += self.d[ell][j] * self.factor[ell][i]
        return sums

    def bias_products(self, ell: int) -> Counter[int]:
        sums: Counter[int] = Counter()
        for j, d in self.d[ell].items():
            sums[j % self.config.layers[ell].columns] += d
        return sums

    def learn_from(self, ell: int, products: Any, bias_products: Any, clock: int) -> None:
        """Update what is held here by sums over all cores that hold it."""
        layer = self.config.layers[ell]
        for row, columns in self.w[ell].items():
            if layer.convolution is not None or self.factor[ell][row] != 0:
                for column in columns:
                    self.update_weight(ell, row, column, products[row, column], clock)
        for column in self.bias[ell] if layer.bias_learned else ():
            if self.config.update == "accumulate":
                self.gb[ell][column] += bias_products[column]
            else:
                self.change_bias(ell, column, bias_products[column], clock)

    def apply_gradients(self, clock: int) -> None:
        for ell, layer in enumerate(self.config.layers):
            for row in [row for row, touched in self.touched[ell].items() if touched]:
                for column, g in self.g[ell][row].items():
                    self.change_weight(ell, row, column, g, layer.k - layer.pg, clock)
            for column, g in self.gb[ell].items() if layer.bias_learned else ():
                self.change_bias(ell, column, g, clock)
        self.clear_sums()


class MappedChip:
    """The cores of a map and the mail between them."""

    def __init__(self, case: Case, mapped: ChipMap) -> None:
        self.config = case.config
        self.outside = case.core()
        """Where inputs are encoded; its weights are never read here."""
        offsets = mapped.topology.offsets.tolist()
        self.targets = [_targets(mapped, *pair) for pair in itertools.pairwise(offsets)]
        self.home: list[Values] = [{} for _ in self.config.layers]
        for row in zip(*(a.tolist() for a in _slices(mapped)), strict=True):
            population, first, last, core = row
            self.home[population - 1].update(dict.fromkeys(range(first, last), core))
        self.parts = {
            core: Part(self.outside, self._own(core), self._heard(core))
            for core in sorted({core for home in self.home for core in home.values()})
        }

    def _own(self, core: int) -> dict[int, list[int]]:
        return {
            ell: [j for j, at in home.items() if at == core] for ell, home in enumerate(self.home)
        }

    def _heard(self, core: int) -> dict[int, set[int]]:
        return {
            ell: {n for n, cores in enumerate(targets) if core in cores}
            for ell, targets in enumerate(self.targets[: self.config.L])
        }

    def start_sample(self) -> None:
        for part in self.parts.values():
            part.start_sample()

    def step(
        self,
        t: int,
        sample: Any,
        label: int | None,
        learned_before: int,
        epoch: int = EVALUATION_EPOCH,
        index: int = 0,
    ) -> dict[str, Any]:
        """Step t; returns registers as `NaiveCore.step` does, collected from the cores."""
        c, clock = self.config, learned_before * self.config.T + t
        for part in self.parts.values():
            part.start_step()
        said = dict(enumerate(self.outside.axon_in(t, sample, epoch, index)))
        for ell in range(c.L):
            said = self._up(ell, said, clock)
        o = [said[k] for k in range(c.layers[-1].n_out)]
        record: dict[str, Any] = {"o": o, "e": None}
        if label is not None and self.outside.is_error_step(t):
            e = _joined(part.errors(o, label) for part in self.parts.values())
            record["e"] = [e[k] for k in range(len(o))]
            for ell in range(c.L - 1, 0, -1):
                self._down(ell, clock)
            for ell in range(c.L):
                self._learn(ell, clock)
            if c.update == "accumulate" and t == c.T - 1:
                for part in self.parts.values():
                    part.apply_gradients(clock)
        return record | self._registers()

    def _up(self, ell: int, said: Values, clock: int) -> Values:
        mail: dict[int, Values] = defaultdict(dict)
        for neuron, value in said.items():
            if value != 0:
                for core in self.targets[ell][neuron]:
                    mail[core][neuron] = value
        return _joined(part.drive(ell, mail[core], clock) for core, part in self.parts.items())

    def _down(self, ell: int, clock: int) -> None:
        mail: dict[int, Counter[int]] = defaultdict(Counter)
        for part in self.parts.values():
            for neuron, share in part.send_back(ell).items():
                mail[self.home[ell - 1][neuron]][neuron] += share
        for core, part in self.parts.items():
            part.take_back(ell - 1, mail[core], clock)

    def _learn(self, ell: int, clock: int) -> None:
        products = _summed(part.products(ell) for part in self.parts.values())
        bias_products = _summed(part.bias_products(ell) for part in self.parts.values())
        for part in self.parts.values():
            part.learn_from(ell, products, bias_products, clock)

    def _registers(self) -> dict[str, Any]:
        """v_pre, v, s, psi and d by layer and neuron, x by layer and axon that a core hears."""
        parts = list(self.parts.values())
        found: dict[str, Any] = defaultdict(list)
        for ell in range(self.config.L):
            v = [dict(zip(part.own[ell], part.v[ell], strict=True)) for part in parts]
            found["v"].append(_joined(v))
            found["x"].append(_agreed(part.factor[ell] for part in parts))
            for name, attribute in (("v_pre", "v_pre"), ("s", "s"), ("psi", "psis"), ("d", "d")):
                found[name].append(_joined(getattr(part, attribute)[ell] for part in parts))
        return dict(found)

    def memories(self) -> dict[str, Any]:
        """Weights, shadows and biases as `NaiveCore` has them; copies of a kernel have to agree."""
        weights = [self._matrix(ell, "w") for ell in range(self.config.L)]
        bias = [_agreed(p.bias[ell] for p in self.parts.values()) for ell in range(self.config.L)]
        shadow = None
        if self.config.shadow_bits:
            shadow = [self._matrix(ell, "shadow") for ell in range(self.config.L)]
        return {"weights": weights, "shadow": shadow, "bias": bias}

    def _matrix(self, ell: int, name: str) -> dict[int, Values]:
        rows: dict[int, Values] = defaultdict(dict)
        for part in self.parts.values():
            for row, values in getattr(part, name)[ell].items():
                rows[row] = _agreed([rows[row], values])
        return dict(rows)


def _slices(mapped: ChipMap) -> tuple[Any, ...]:
    slices = mapped.slices
    return slices.population, slices.first, slices.last, mapped.core


def _targets(mapped: ChipMap, first: int, last: int) -> list[list[int]]:
    """The cores that the routes lead to from each of some neurons, numbered over all."""
    routes = mapped.routes
    found: list[list[int]] = [[] for _ in range(last - first)]
    for group in range(routes.source.size):
        cores = routes.target[routes.start[group] : routes.start[group + 1]].tolist()
        for neuron in range(routes.first[group], routes.first[group + 1]):
            if first <= neuron < last:
                found[neuron - first] = cores
    return found


def _joined(several: Iterable[dict[Key, int]]) -> dict[Key, int]:
    """Dictionaries of different keys as one."""
    joined: dict[Key, int] = {}
    for entries in several:
        assert not joined.keys() & entries.keys(), "two cores have the same neuron"
        joined |= entries
    return joined


def _agreed(several: Iterable[dict[Key, int]]) -> dict[Key, int]:
    """Dictionaries that say the same of what they share, as one."""
    joined: dict[Key, int] = {}
    for entries in several:
        assert all(joined.get(key, value) == value for key, value in entries.items())
        joined |= entries
    return joined


def _summed(several: Iterable[Counter[Key]]) -> Counter[Key]:
    total: Counter[Key] = Counter()
    for entries in several:
        for key, value in entries.items():
            total[key] += value
    return total
