"""The integer learning core, one sample and one number at a time.

Every number is a Python integer and every array a list; each phase of a time step is one method.
Weight layer l (``ell``) is numbered 0..L-1, neuron lists are indexed [j], weights [i][j]
(n_in x n_out; of a convolution, a row for each place in a patch and a column for each channel).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from . import arithmetic
from .arithmetic import BERNOULLI, BIAS, DELTA, TRACE, Register, floor, nearest, rounded
from .config import CoreConfig

EVALUATION_EPOCH = 0xFFFFFFFF

EXP2 = (255, 244, 234, 224, 214, 205, 197, 188, 180, 173, 165, 158, 152, 145, 139, 133)
"""nearest(255 * 2^(-i/16))"""

REGISTERS = (
    "weight",
    "shadow",
    "accumulator",
    "current",
    "membrane",
    "trace",
    "error",
    "delta",
    "gradient",
    "bias",
)
"""Registers whose overflows are counted."""


@dataclass
class Counts:
    """What one layer did in one step."""

    spikes_in: int = 0
    spikes_out: int = 0
    synaptic_ops: int = 0
    weight_updates: int = 0
    trace_updates: int = 0
    saturations: Counter[str] = field(default_factory=Counter)


class NaiveCore:
    """The state of a core: what it learns (w, shadow, bias) and what a sample leaves behind.

    weights[l][i][j], biases[l][j] (mantissas), feedback[l][j][k] for l >= 1 (random: n_in x n_out
    of layer l; direct: n_in of layer l x classes; feedback[0] is never read), shadows[l][i][j]
    (default: the weights, shifted).
    """

    def __init__(
        self,
        config: CoreConfig,
        weights: Sequence[Sequence[Sequence[int]]],
        biases: Sequence[Sequence[int]],
        feedback: Sequence[Sequence[Sequence[int]]] | None = None,
        shadows: Sequence[Sequence[Sequence[int]]] | None = None,
    ):
        self.config = config
        self.w = [[list(row) for row in layer] for layer in weights]
        self.bias = [list(layer) for layer in biases]
        self.feedback = feedback
        self.shadow: list[list[list[int]]] | None = None
        if config.shadow_bits:
            if shadows is None:
                below = [config.shadow_shift(ell) for ell in range(len(self.w))]
                shadows = [
                    [[w << k for w in row] for row in layer]
                    for k, layer in zip(below, self.w, strict=True)
                ]
            self.shadow = [[list(row) for row in layer] for layer in shadows]
        self.shadow_register = Register(config.shadow_bits or 1)
        self.bias_register = Register(config.bias_bits)
        self.trace_register = Register(config.trace_bits, signed=False)
        self.error_register = Register(config.error_bits)
        self.delta_register = Register(config.delta_bits)
        self.gradient_register = Register(config.gradient_bits)
        self.start_sample()

    # A sample

    def start_sample(self) -> None:
        """Forgets the sample before: currents, membranes, traces, gradients, the sum of o."""
        layers = self.config.layers
        self.i = [[0] * layer.n_out for layer in layers]
        self.v = [[0] * layer.n_out for layer in layers]
        self.x = [[0] * layer.n_in for layer in layers]
        self.g = [[[0] * layer.columns for _ in range(layer.rows)] for layer in layers]
        self.gb = [[0] * layer.columns for layer in layers]
        self.touched = [[False] * layer.rows for layer in layers]
        self.filtered = [0] * layers[-1].n_out
        self.sum_o = [0] * layers[-1].n_out
        self.counters: list[list[Counts]] = []

    def learn(
        self, sample: Sequence[Any], label: int, learned_before: int, epoch: int, index: int
    ) -> list[dict[str, Any]]:
        """Learns one sample and returns what every step did."""
        self.start_sample()
        return [
            self.step(t, sample, label, learned_before, epoch, index) for t in range(self.config.T)
        ]

    def infer(
        self, sample: Sequence[Any], index: int, epoch: int = EVALUATION_EPOCH, traces: bool = False
    ) -> list[int]:
        """The sum over t of o[t]; nothing learned changes."""
        self.start_sample()
        for t in range(self.config.T):
            self.step(t, sample, epoch=epoch, index=index, traces=traces)
        return self.sum_o

    def predict(self, sample: Sequence[Any], index: int) -> int:
        """The first class with the largest sum of o."""
        sum_o = self.infer(sample, index)
        return sum_o.index(max(sum_o))

    # A step

    def step(
        self,
        t: int,
        sample: Sequence[Any],
        label: int | None = None,
        learned_before: int = 0,
        epoch: int = EVALUATION_EPOCH,
        index: int = 0,
        traces: bool = True,
    ) -> dict[str, Any]:
        """Step t of a sample; without a label nothing is learned. Returns every intermediate."""
        L, clock = self.config.L, learned_before * self.config.T + t
        self.counts = [Counts() for _ in range(L)]
        self.counters.append(self.counts)
        r: dict[str, Any] = {name: [] for name in ("acc", "i", "v_pre", "s", "v", "psi", "x")}

        values = self.axon_in(t, sample, epoch, index)
        r["active"] = [i for i, value in enumerate(values) if value != 0]
        r["values"] = []
        for ell in range(L):
            if ell > 0:
                values = self.pooled(ell, values)
            acc = self.synapse(ell, values)
            current = self.current(ell, acc)
            r["values"].append(values)
            r["acc"].append(acc)
            r["i"].append(current)
            if traces:
                self.trace(ell, values, clock)
            r["x"].append(self.presynaptic(ell, values))
            if self.config.spiking(ell):
                v_pre, s = self.neurons(ell, current)
                psi = self.surrogates(ell, v_pre)
                values = s
            else:
                v_pre, s, psi = self.readout(current), [], []
            r["v_pre"].append(v_pre)
            r["s"].append(s)
            r["v"].append(list(self.v[ell]))
            r["psi"].append(psi)

        r["o"] = self.output(r["v_pre"][-1], r["s"][-1])
        self.sum_up(r["o"])
        r["sum_o"] = self.sum_o
        r["num"] = r["sum"] = r["p"] = r["e"] = r["d"] = None
        if label is not None and self.is_error_step(t):
            self.error(r, label)
            self.transport(r, clock)
            self.update(r, clock)
            if self.config.update == "accumulate" and t == self.config.T - 1:
                self.apply_gradients(clock)
        r["counters"] = self.counts
        return r

    def sum_up(self, outputs: list[int]) -> None:
        """Adds o, or the trace of spikes that are o, to the sum that predicts."""
        self.filtered = [
            arithmetic.dec(f, self.config.output_d) + o
            for f, o in zip(self.filtered, outputs, strict=True)
        ]
        shown = self.filtered if self.config.readout == "spiking" else outputs
        self.sum_o = [total + o for total, o in zip(self.sum_o, shown, strict=True)]

    def is_error_step(self, t: int) -> bool:
        return self.config.update != "last" or t == self.config.T - 1

    def fit(self, ell: int, name: str, register: Register, n: int) -> int:
        """Writes n to a register, and counts it where it doesn't fit."""
        if not register.holds(n):
            self.counts[ell].saturations[name] += 1
        return register.fit(n)

    # 1 Axon in

    def axon_in(self, t: int, sample: Sequence[Any], epoch: int, index: int) -> list[int]:
        c = self.config
        if c.encoding == "graded":
            return list(sample)
        if c.encoding == "spikes":
            return [1 if n != 0 else 0 for n in sample[t]]
        if c.encoding == "rate":
            h = 2 ** (c.in_bits - 1)
            spikes = [((t + 1) * n + h) >> c.in_bits > (t * n + h) >> c.in_bits for n in sample]
        else:
            key = arithmetic.key(c.seed, BERNOULLI, epoch, index, t)
            spikes = [
                arithmetic.word16(key, i) < n << (16 - c.in_bits) for i, n in enumerate(sample)
            ]
        return [int(s) for s in spikes]

    def pooled(self, ell: int, s: list[int]) -> list[int]:
        """What the spikes of the layer below bring to weight layer l."""
        pool = self.config.layers[ell].pool
        if pool is None:
            return s
        counts = [0] * pool.n_out
        for j, spike in enumerate(s):
            square = pool.square_of(j)
            if square is not None:
                counts[square] += spike
        return counts

    # 2 Synapse, 3 neuron

    def synapse(self, ell: int, values: list[int]) -> list[int]:
        layer = self.config.layers[ell]
        self.counts[ell].spikes_in = sum(value != 0 for value in values)
        sums = [0] * layer.n_out
        for i, j, row, column in layer.connections:
            sums[j] += values[i] * self.w[ell][row][column]
            self.counts[ell].synaptic_ops += values[i] != 0
        return [self.fit(ell, "accumulator", self.config.accumulator, a) for a in sums]

    def current(self, ell: int, acc: list[int]) -> list[int]:
        layer = self.config.layers[ell]
        shift = layer.fw + self.config.fraction_in(ell) - layer.fv
        sums = [
            floor(a, shift) + arithmetic.dec(i, layer.current_d)
            for a, i in zip(acc, self.i[ell], strict=True)
        ]
        if self.config.current is not None:
            sums = [self.fit(ell, "current", self.config.current, i) for i in sums]
        self.i[ell] = sums
        return sums

    def biases(self, ell: int) -> list[int]:
        """b in units of v, of each neuron."""
        layer = self.config.layers[ell]
        channels = [mantissa << layer.bias_exp for mantissa in self.bias[ell]]
        return [channels[j % layer.columns] for j in range(layer.n_out)]

    def neurons(self, ell: int, current: list[int]) -> tuple[list[int], list[int]]:
        """v_pre and s; self.v becomes the membrane after the reset."""
        layer, membrane = self.config.layers[ell], self.config.membrane_register(ell)
        v_pre = [
            self.fit(ell, "membrane", membrane, arithmetic.dec(v, layer.d) + i + b)
            for v, i, b in zip(self.v[ell], current, self.biases(ell), strict=True)
        ]
        if layer.fires == ">=":
            s = [int(v >= layer.theta) for v in v_pre]
        else:
            s = [int(v > layer.theta) for v in v_pre]
        if layer.reset == "soft":
            self.v[ell] = [
                self.fit(ell, "membrane", membrane, v - layer.theta * spike)
                for v, spike in zip(v_pre, s, strict=True)
            ]
        else:
            self.v[ell] = [layer.v_reset if spike else v for v, spike in zip(v_pre, s, strict=True)]
        self.counts[ell].spikes_out = sum(s)
        return v_pre, s

    def surrogates(self, ell: int, v_pre: list[int]) -> list[int]:
        return [self.psi(ell, v) for v in v_pre]

    def psi(self, ell: int, v_pre: int) -> int:
        layer = self.config.layers[ell]
        distance = abs(v_pre - layer.theta)
        if self.config.surrogate == "boxcar":
            return 16 if distance < layer.win else 0
        if self.config.surrogate == "triangle":
            return max(0, 16 - (16 * distance) // layer.win)
        i = (8 * distance) // layer.theta
        return self.config.entries[i] if i < 16 else 0

    # 4 Trace

    def trace(self, ell: int, values: list[int], clock: int) -> None:
        """Updates the trace at the input of weight layer l by what has just entered it."""
        if not self.config.traced(ell):
            return
        for i, value in enumerate(values):
            before = self.x[ell][i]
            self.x[ell][i] = self.traced(ell, i, before, value, clock)
            self.counts[ell].trace_updates += before != 0 or self.x[ell][i] != 0

    def traced(self, ell: int, i: int, x: int, value: int, clock: int) -> int:
        layer = self.config.layers[ell]
        r = arithmetic.step_word(self.config.seed, TRACE, ell, clock, i)
        decayed = rounded(x * (4096 - layer.trace_d), 12, self.config.trace_rounding, r)
        impulse = floor(value, self.config.fraction_in(ell) - layer.fx)
        return self.fit(ell, "trace", self.trace_register, decayed + impulse)

    def presynaptic(self, ell: int, values: list[int]) -> list[int]:
        """The presynaptic factor of weight layer l."""
        return list(self.x[ell]) if self.config.traced(ell) else list(values)

    # 5 Read-out

    def readout(self, current: list[int]) -> list[int]:
        """o of a read-out that doesn't fire; self.v keeps it."""
        last = self.config.L - 1
        inputs = [i + b for i, b in zip(current, self.biases(last), strict=True)]
        if self.config.readout == "leaky":
            d = self.config.layers[last].d
            inputs = [arithmetic.dec(v, d) + i for v, i in zip(self.v[last], inputs, strict=True)]
        register = self.config.membrane_register(last)
        o = [self.fit(last, "membrane", register, n) for n in inputs]
        self.v[last] = o
        return o

    def output(self, v_pre: list[int], s: list[int]) -> list[int]:
        if self.config.readout == "spiking":
            return [spike << self.config.layers[-1].fv for spike in s]
        return list(v_pre)

    def error(self, r: dict[str, Any], label: int) -> None:
        """Fills in num, sum, p (cross-entropy only), e, and d of the read-out."""
        if self.config.loss == "ce":
            errors = self.cross_entropy(r, label)
        else:
            errors = self.squared_error(r["o"], label)
        last = self.config.L - 1
        e = [self.fit(last, "error", self.error_register, n) for n in errors]
        r["e"], r["d"] = e, [[] for _ in range(self.config.L)]
        r["d"][last] = self.through_firing(e, r["psi"][last])

    def through_firing(self, e: list[int], psi: list[int]) -> list[int]:
        """d of read-out neurons from their e: a read-out that fires has a surrogate too."""
        if self.config.readout != "spiking":
            return list(e)
        products = [nearest(n * p, 4) for n, p in zip(e, psi, strict=True)]
        return [self.fit(self.config.L - 1, "error", self.error_register, n) for n in products]

    def cross_entropy(self, r: dict[str, Any], label: int) -> list[int]:
        one = 2**self.config.fe
        r["num"] = [self.numerator(max(r["o"]) - o) for o in r["o"]]
        r["sum"] = sum(r["num"])
        r["p"] = [(2 * one * num + r["sum"]) // (2 * r["sum"]) for num in r["num"]]
        return [p - (one if c == label else 0) for c, p in enumerate(r["p"])]

    def numerator(self, distance: int) -> int:
        """255 * exp(-distance), through 2^-D' with D' = D (1 + 1/2 - 1/16)."""
        fv = self.config.layers[-1].fv
        scaled = distance + (distance >> 1) - (distance >> 4)
        whole = scaled >> fv
        frac = (scaled >> (fv - 4)) & 15 if fv >= 4 else (scaled << (4 - fv)) & 15
        return EXP2[frac] >> min(whole, 31)

    def squared_error(self, o: list[int], label: int) -> list[int]:
        fv = self.config.layers[-1].fv
        return [
            nearest(n - (2**fv if c == label else 0), fv - self.config.fe) for c, n in enumerate(o)
        ]

    # 6 Transport

    def transport(self, r: dict[str, Any], clock: int) -> None:
        """Fills in d of the hidden layers, from the top down, by the weights of before."""
        c = self.config
        for ell in range(c.L - 1, 0, -1):
            below = ell - 1
            source = r["d"][c.L - 1] if c.feedback == "direct" else r["d"][ell]
            arriving = self.arriving(ell, source)
            for j, psi in enumerate(r["psi"][below]):
                a = self.spread(ell, arriving, j)
                r["d"][below].append(self.delta(below, j, a, psi, clock))

    def delta(self, ell: int, j: int, a: int, psi: int, clock: int) -> int:
        """d of hidden neuron j, where the errors that come down to it sum up to a."""
        shift = self.fraction_transport(ell + 1) + 4 - self.config.layers[ell].fd
        word = arithmetic.step_word(self.config.seed, DELTA, ell, clock, j)
        d = rounded(a * psi, shift, self.config.delta_rounding, word)
        return self.fit(ell, "delta", self.delta_register, d)

    def arriving(self, ell: int, source: list[int]) -> list[int]:
        """The error that reaches each axon of weight layer l."""
        layer, sums = self.config.layers[ell], [0] * self.config.layers[ell].n_in
        if self.config.feedback == "direct":
            pairs = product(range(layer.n_in), range(len(source)))
            connections = [(i, k, i, k) for i, k in pairs]
        else:
            connections = layer.connections
        for i, k, row, column in connections:
            sums[i] += self.carrier(ell, row, column) * source[k]
        return sums

    def spread(self, ell: int, arriving: list[int], j: int) -> int:
        """What neuron j gets of the error at the axons of weight layer l: its square's."""
        pool = self.config.layers[ell].pool
        square = j if pool is None else pool.square_of(j)
        return 0 if square is None else arriving[square]

    def carrier(self, ell: int, j: int, k: int) -> int:
        """What carries an error over the synapse of weight (j, k) of layer l."""
        if self.config.feedback == "symmetric":
            return self.w[ell][j][k]
        if self.config.feedback == "sign":
            return (self.w[ell][j][k] > 0) - (self.w[ell][j][k] < 0)
        assert self.feedback is not None
        return self.feedback[ell][j][k]

    def fraction_transport(self, ell: int) -> int:
        """Fraction of a, the error that arrives below weight layer l."""
        c, layer = self.config, self.config.layers[ell]
        if c.feedback == "direct":
            return layer.fb + c.fe
        carrier = {"symmetric": layer.fw, "sign": layer.f_sign, "random": layer.fb}[c.feedback]
        return carrier + c.fraction_delta(ell) + layer.f_pool

    # 7 Update

    def update(self, r: dict[str, Any], clock: int) -> None:
        """A dense row is visited where its factor is not 0; shared weights are visited always."""
        for ell, layer in enumerate(self.config.layers):
            x, d = r["x"][ell], r["d"][ell]
            products = [[0] * layer.columns for _ in range(layer.rows)]
            for i, j, row, column in layer.connections:
                products[row][column] += d[j] * x[i]
                self.counts[ell].weight_updates += x[i] != 0
            for i, j in product(range(layer.rows), range(layer.columns)):
                if layer.convolution is not None or x[i] != 0:
                    self.update_weight(ell, i, j, products[i][j], clock)
            sums = [
                sum(d[j] for j in range(b, layer.n_out, layer.columns))
                for b in range(layer.columns)
            ]
            self.update_biases(ell, sums, clock)

    def update_weight(self, ell: int, i: int, j: int, p: int, clock: int) -> None:
        layer = self.config.layers[ell]
        if self.config.update == "accumulate":
            total = self.g[ell][i][j] + nearest(p, layer.pg)
            self.g[ell][i][j] = self.fit(ell, "gradient", self.gradient_register, total)
            self.touched[ell][i] = True
        else:
            self.change_weight(ell, i, j, p, layer.k, clock)

    def change_weight(
        self,
        ell: int,
        i: int,
        j: int,
        p: int,
        k: int,
        clock: int,
    ) -> None:
        """w -= p * 2^-k, by way of the shadow if there is one."""
        c = self.config
        r = arithmetic.weight_word(c.seed, ell, clock, i, j, c.random_words)
        if self.shadow is None:
            w = self.w[ell][i][j] - rounded(p, k, c.rounding, r)
        else:
            below = c.shadow_shift(ell)
            h = self.shadow[ell][i][j] - rounded(p, k - below, c.rounding, r)
            self.shadow[ell][i][j] = self.fit(ell, "shadow", self.shadow_register, h)
            w = nearest(self.shadow[ell][i][j], below)
        self.w[ell][i][j] = self.fit(ell, "weight", c.weight_register(ell), w)

    def update_biases(self, ell: int, d: list[int], clock: int) -> None:
        if not self.config.layers[ell].bias_learned:
            return
        if self.config.update == "accumulate":
            self.gb[ell] = [g + n for g, n in zip(self.gb[ell], d, strict=True)]
        else:
            self.change_biases(ell, d, clock)

    def change_biases(self, ell: int, d: list[int], clock: int) -> None:
        """b -= d * 2^-kb."""
        for j, n in enumerate(d):
            self.change_bias(ell, j, n, clock)

    def change_bias(self, ell: int, j: int, n: int, clock: int) -> None:
        c = self.config
        r = arithmetic.step_word(c.seed, BIAS, ell, clock, j)
        mantissa = self.bias[ell][j] - rounded(n, c.layers[ell].kb, c.rounding, r)
        self.bias[ell][j] = self.fit(ell, "bias", self.bias_register, mantissa)

    def apply_gradients(self, clock: int) -> None:
        """The sample's one update, in mode "accumulate"."""
        for ell, layer in enumerate(self.config.layers):
            for i in range(layer.rows):
                if self.touched[ell][i]:
                    for j in range(layer.columns):
                        self.change_weight(ell, i, j, self.g[ell][i][j], layer.k - layer.pg, clock)
            if layer.bias_learned:
                self.change_biases(ell, self.gb[ell], clock)
        self.g = [[[0] * layer.columns for _ in range(layer.rows)] for layer in self.config.layers]
        self.gb = [[0] * layer.columns for layer in self.config.layers]
