"""Events of a sample on a mapped chip, followed one by one along every synapse.

Neurons and axons are numbered as `tests.naive.connections` numbers maps; a layer's matrix
[target][axon] counts synapses, and the axons that a source neuron feeds are listed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.naive.connections import Matrix, hops

#: (phase, layer, core) to its events.
Events = dict[tuple[str, int, int], Counter[str]]
#: (moment, core, "in" or "out") to the events that this pipeline works on; moments follow each
#: other: "spikes 0", "spikes 1" and so on of the populations, "traces", "errors 1", "updates".
Work = dict[tuple[str, int, str], Counter[str]]
Flags = list[list[bool]]


@dataclass
class Layer:
    """Weights and what lies before them."""

    matrix: Matrix
    axons_of: list[list[int]]  # of each source neuron
    shared: bool  # a convolution
    weights: list[int]  # that each part stores; read only where they're shared
    listed: bool = False


@dataclass
class Loop:
    """Synapses beside the layers."""

    matrix: Matrix
    source: int  # population
    target: int  # layer
    listed: bool


@dataclass
class Way:
    """What leaves a population: axons of each neuron, and the synapses that these have."""

    source: int
    target: int
    matrix: Matrix
    axons_of: list[list[int]]
    operation: str

    @property
    def late(self) -> int:
        """Steps that spikes take."""
        return int(self.target < self.source)


@dataclass
class Shape:
    """The mapped network; populations are numbered with the inputs as 0."""

    layers: list[Layer]
    homes: list[list[int]]  # core of every neuron by population; -1 of inputs
    parts: list[list[tuple[int, int]]]  # slices of each population
    update: str
    feedback: str
    traced_input: bool
    word: int
    weight_bits: list[int]  # of each weight layer
    sum_bits: int
    feedback_bits: int
    cores_a_tile: int
    width: int
    loops: list[Loop] = field(default_factory=list)

    @property
    def learns(self) -> bool:
        """Whether all synapses are those of layers, and unlisted."""
        return not self.loops and not any(layer.listed for layer in self.layers)

    def ways(self) -> list[Way]:
        """Layers, then loops by target: so do messages belong to the first that needs them."""
        kinds = ["_convolution" if k.shared else "_sparse" * k.listed for k in self.layers]
        forward = [
            Way(number, number, layer.matrix, layer.axons_of, "synaptic_operation" + kind)
            for number, (layer, kind) in enumerate(zip(self.layers, kinds, strict=True))
        ]
        beside = [
            Way(
                loop.source,
                loop.target,
                loop.matrix,
                [[i] for i in range(len(loop.matrix[0]))],
                "synaptic_operation" + "_sparse" * loop.listed,
            )
            for loop in sorted(self.loops, key=lambda loop: loop.target)
        ]
        return forward + beside


@dataclass
class Sample:
    """What was not 0 in each step."""

    sends: list[Flags]  # [t][population][neuron]
    factors: list[Flags]  # [t][layer][axon]
    deltas: list[Flags]  # [t][layer][neuron]
    holds: list[Flags]  # [t][layer][neuron]: a bias, or a membrane before the reset


class Follower:
    """Follows everything that happens in one sample."""

    def __init__(self, shape: Shape, sample: Sample) -> None:
        self.shape, self.sample = shape, sample
        self.steps: list[Events] = []
        self.works: list[Work] = []
        self.rows: dict[tuple[int, int], set[int]] = defaultdict(set)
        self.columns: dict[tuple[int, int], set[int]] = defaultdict(set)
        self.summed: dict[tuple[int, int], bool] = defaultdict(bool)
        for t in range(len(sample.sends)):
            self.events: Events = defaultdict(Counter)
            self.work: Work = defaultdict(Counter)
            self.moment = ""
            self.send(t)
            for way in shape.ways():
                self.read(t, way)
            for number in range(len(shape.layers)):
                self.scan(t, number)
                if not shape.learns:
                    continue
                self.trace(t, number)
                if shape.update != "last" or t == len(sample.sends) - 1:
                    self.send_errors(t, number)
                    self.update(t, number)
            self.steps.append(self.events)
            self.works.append(self.work)

    def add(self, phase: str, number: int, core: int, event: str, n: int = 1) -> None:
        if n:
            self.events[phase, number, core][event] += n
            reads = event == "word_read" or event.startswith("synaptic_operation")
            inward = event == "message_in" or (reads and phase == "inference")
            if event not in ("spike_in_tile", "hop_east_west", "hop_north_south"):
                self.work[self.moment, core, "in" if inward else "out"][event] += n

    def words(self, size: int, bits: int) -> int:
        return -(-size * bits // self.shape.word)

    def parts(self, number: int) -> list[tuple[int, int, int]]:
        """First and last neuron and core of each part of a layer's targets."""
        homes = self.shape.homes[number + 1]
        return [(*part, homes[part[0]]) for part in self.shape.parts[number + 1]]

    def size(self, number: int, axon: int, first: int, last: int) -> int:
        """Synapses of an axon of a layer in a part."""
        return self.synapses(self.shape.layers[number].matrix, axon, first, last)

    def synapses(self, matrix: Matrix, axon: int, first: int, last: int) -> int:
        """Synapses of an axon in a part."""
        return sum(matrix[target][axon] for target in range(first, last))

    def travel(self, phase: str, number: int, start: int, end: int, sent: str | None) -> None:
        """One message; from the mesh's port where it starts at no core."""
        if sent is not None:
            self.add(phase, number, start, sent)
        each, width = self.shape.cores_a_tile, self.shape.width
        east_west, north_south = hops(max(start, 0), end, each, width)
        self.add(phase, number, end, "message_in")
        self.add(phase, number, end, "spike_in_tile")
        self.add(phase, number, end, "hop_east_west", east_west)
        self.add(phase, number, end, "hop_north_south", north_south)

    def sizes(self, way: Way, neuron: int, first: int, last: int) -> list[int]:
        """Synapses that a spike drives in a part, axon by axon."""
        return [self.synapses(way.matrix, axon, first, last) for axon in way.axons_of[neuron]]

    def fired(self, t: int, population: int) -> list[int]:
        """Neurons that sent in a step; none before the sample."""
        sends = self.sample.sends[t][population] if t >= 0 else []
        return [neuron for neuron, sent in enumerate(sends) if sent]

    def send(self, t: int) -> None:
        """One message from a neuron to each core where any of its synapses are."""
        told = set()
        for way in self.shape.ways():
            self.moment = f"spikes {way.source}"
            for neuron in self.fired(t, way.source):
                home = self.shape.homes[way.source][neuron]
                for first, last, core in self.parts(way.target):
                    message = (way.source, neuron, core)
                    if message not in told and any(self.sizes(way, neuron, first, last)):
                        told.add(message)
                        sent = None if home < 0 else "message_out"
                        self.travel("inference", way.target, home, core, sent)

    def read(self, t: int, way: Way) -> None:
        self.moment = f"spikes {way.source}"
        for neuron in self.fired(t, way.source):
            for first, last, core in self.parts(way.target):
                sizes = self.sizes(way, neuron, first, last)
                bits = self.shape.weight_bits[way.target]
                words = sum(self.words(size, bits) for size in sizes)
                self.add("inference", way.target, core, way.operation, sum(sizes))
                self.add("inference", way.target, core, "word_read", words)

    def reached(self, t: int, number: int) -> set[int]:
        """Neurons above a layer that hear a spike."""
        return {
            target
            for way in self.shape.ways()
            if way.target == number
            for neuron in self.fired(t - way.late, way.source)
            for axon in way.axons_of[neuron]
            for target, row in enumerate(way.matrix)
            if row[axon]
        }

    def scan(self, t: int, number: int) -> None:
        reached = self.reached(t, number)
        self.moment = f"spikes {number + 1}"
        for neuron, core in enumerate(self.shape.homes[number + 1]):
            fires = self.sample.sends[t][number + 1][neuron]
            updates = fires or neuron in reached or self.sample.holds[t][number][neuron]
            state = "neuron_active" if updates else "neuron_inactive"
            self.add("inference", number, core, state)
            self.add("inference", number, core, "neuron_fired", int(fires))

    def trace(self, t: int, number: int) -> None:
        if number == 0 and not self.shape.traced_input:
            return
        self.moment = "traces"
        for axon, factor in enumerate(self.sample.factors[t][number]):
            if factor or (t > 0 and self.sample.factors[t - 1][number][axon]):
                parts = self.parts(number)
                hear = {core for *ends, core in parts if self.size(number, axon, *ends)}
                for core in hear:
                    self.add("traces", number, core, "trace_update")

    def above(self, number: int) -> int:
        """The layer whose neurons send errors past a layer's weights, or down through them."""
        return len(self.shape.layers) - 1 if self.shape.feedback == "direct" else number

    def heard(self, number: int) -> dict[int, set[int]]:
        """By core that may send errors: the neurons below a layer that it sends them to."""
        layer, heard = self.shape.layers[number], defaultdict(set)
        for first, last, core in self.parts(self.above(number)):
            for neuron, axons in enumerate(layer.axons_of):
                if self.shape.feedback == "direct" or any(
                    self.size(number, axon, first, last) for axon in axons
                ):
                    heard[core].add(neuron)
        return heard

    def send_errors(self, t: int, number: int) -> None:
        if number == 0:
            return
        self.moment = f"errors {number}"
        direct = self.shape.feedback == "direct"
        fixed = direct or self.shape.feedback == "random"
        above = self.above(number)
        layer, deltas = self.shape.layers[number], self.sample.deltas[t][above]
        n_axons = len(layer.matrix[0])
        bits = self.shape.feedback_bits if fixed else self.shape.weight_bits[above]
        heard, sending = self.heard(number), set()
        for first, last, core in self.parts(above):
            if not any(deltas[first:last]):
                continue
            sending.add(core)
            for target in range(first, last):
                fan = n_axons if direct else sum(layer.matrix[target])
                self.add("errors", number, core, "error_operation", fan * deltas[target])
            for axon in range(n_axons):
                size = last - first if fixed else self.size(number, axon, first, last)
                self.add("errors", number, core, "word_read", self.words(size, bits))
        for core in sending:
            for neuron in heard[core]:
                home = self.shape.homes[number][neuron]
                self.travel("errors", number, core, home, "error_message")

    def update(self, t: int, number: int) -> None:
        self.moment = "updates"
        layer, factors = self.shape.layers[number], self.sample.factors[t][number]
        deltas, at_end = self.sample.deltas[t][number], t == len(self.sample.sends) - 1
        sums = layer.shared or self.shape.update == "accumulate"
        bits = self.shape.sum_bits if sums else self.shape.weight_bits[number]
        for k, (first, last, core) in enumerate(self.parts(number)):
            pairs = {
                (axon, target)
                for target in range(first, last)
                if deltas[target]
                for axon, factor in enumerate(factors)
                if factor and layer.matrix[target][axon]
            }
            self.add("updates", number, core, "synaptic_update", len(pairs))
            rows = [axon for axon, factor in enumerate(factors) if factor]
            if any(deltas[first:last]):
                words = sum(self.words(self.size(number, i, first, last), bits) for i in rows)
                self.add("updates", number, core, "word_read", words)
                self.add("updates", number, core, "word_written", words)
                self.add("updates", number, core, "learning_word", 0 if sums else words)
            if layer.shared:
                self.summed[number, k] |= bool(pairs)
                if at_end or self.shape.update != "accumulate":
                    self.apply_shared(number, k, self.summed.pop((number, k)))
            elif sums:
                self.rows[number, k] |= set(rows)
                self.columns[number, k] |= {j for j in range(first, last) if deltas[j]}
                if at_end:
                    self.apply(number, k)

    def apply(self, number: int, k: int) -> None:
        """A part's sums become weights, of rows with a factor and columns with an error."""
        rows, columns = self.rows.pop((number, k)), self.columns.pop((number, k))
        first, last, _ = self.parts(number)[k]
        if columns:
            self.write(number, k, len(rows), last - first, len(rows) * len(columns))

    def apply_shared(self, number: int, k: int, any_product: bool) -> None:
        """The same of shared weights, all of which change."""
        size = self.shape.layers[number].weights[k]
        self.write(number, k, int(any_product), size, any_product * size)

    def write(self, number: int, k: int, rows: int, size: int, changes: int) -> None:
        *_, core = self.parts(number)[k]
        weights = rows * self.words(size, self.shape.weight_bits[number])
        both = weights + rows * self.words(size, self.shape.sum_bits)
        self.add("updates", number, core, "synaptic_update", changes)
        self.add("updates", number, core, "learning_word", weights)
        self.add("updates", number, core, "word_read", both)
        self.add("updates", number, core, "word_written", both)
