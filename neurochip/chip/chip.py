"""A chip that learns: one network, one hardware model, one rule, integers only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip import hardware as hardware_models
from neurochip import mapping
from neurochip.chip import account, charging, circuits, costing, cycle, memory
from neurochip.chip import core as cores
from neurochip.chip import faults as damages
from neurochip.chip import meter as meters
from neurochip.chip import rates as learning_rates
from neurochip.chip.circuits import Schedule
from neurochip.chip.inputs import check_label, encoded, labels_of
from neurochip.chip.observe import Observation, observe
from neurochip.chip.order import shuffled
from neurochip.chip.pipeline import Pipeline, Shown, Step
from neurochip.chip.records import EpochRecord, Result
from neurochip.chip.stages import Stages
from neurochip.data import Encoding, Split
from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import Faults, Hardware
from neurochip.kernels import layout
from neurochip.kernels.meter import Meter, silent
from neurochip.mapping import CHIP_WIDTHS, Formats, Integers, Manual, Widths
from neurochip.network import Network, Parameters, initialise
from neurochip.rules import OTTT
from neurochip.rules.ottt import Update

#: Samples learned by one call of the kernel; between calls progress is told and Ctrl-C is heard.
CHUNK = 128
#: Samples of each chunk that are shown before they are learned, for the running error.
SCORED = 4
#: Seeds are 63-bit numbers.
MAX_SEED = (1 << 63) - 1

Progress = Callable[[int, int, int], None]


class Chip:
    """A network mapped to a hardware model, with the learning engine of a rule.

    Everything that happens on it is integer arithmetic (datapath); the same seed gives the same
    bits. One chip belongs to one thread at a time.

    Args:
        network: what is mapped.
        hardware: a hardware model, its name, or a path.
        rule: how it learns.
        seed: 0 .. 2^63-1, of initial weights, order of samples and all random words.
        encoding: "graded", "rate", "bernoulli" or "spikes" (data.ENCODINGS).
        parameters: initial float weights; the network's own, or else drawn from the seed, if None.
        schedule: "layered" or "pipelined": whether spikes pass all layers within a step, or one
            layer a step; matters where weights change at every step.
        formats: the formats of a chip that was saved; chosen for the initial weights if None.
        count_saturations: also count every value that leaves its register's range; slower.
        placer: which core holds what, "greedy", "traffic", or the path of a placement, or a
            placement itself; costs depend on it, weights and spikes don't.
        neurons_per_core: at most so many neurons in a slice of a layer; slices share cores where
            there are more of them.
        rates: spikes a neuron and step of each population, for "traffic" (`mapping.map_network`).
        faults: what is broken from the start.
        widths: registers of single layers that have a width of their own; those of the formats
            where they are given.

    Raises:
        LimitError: the network doesn't fit the chip, or the chip can't have such faults.
        RuleError: the rule asks for what a chip can't do.
        ConfigError: the seed, the encoding, the schedule or the placer is unknown, the number of
            neurons isn't a whole one of 1 or more, or the placement is damaged.
    """

    def __init__(
        self,
        network: Network,
        hardware: Hardware | str = "neurochip",
        rule: OTTT | None = None,
        seed: int = 0,
        *,
        encoding: Encoding = "graded",
        parameters: Parameters | None = None,
        schedule: Schedule = "layered",
        formats: Formats | None = None,
        count_saturations: bool = False,
        placer: str | Path | Manual = "greedy",
        neurons_per_core: int | None = None,
        rates: Sequence[float] | None = None,
        faults: Faults | None = None,
        widths: Widths = CHIP_WIDTHS,
    ) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise ConfigError(f"seed {seed} is out of range; choose one of 0 to {MAX_SEED}")
        circuits.check_schedule(schedule, network)
        self.network, self.schedule = network, schedule
        self.hardware = (
            hardware if isinstance(hardware, Hardware) else hardware_models.load(hardware)
        )
        self.rule = OTTT() if rule is None else rule
        self.seed = seed
        self.epoch = 0
        self.n_learned = 0
        mapping.check_supported(network, self.hardware, self.rule)
        self._plan, self._loops = mapping.plan_of(network), mapping.loops_of(network)
        widths = widths if formats is None else formats.widths
        mapping.check_fits(network, self.hardware, self.rule, widths)
        self.map = mapping.map_network(
            network,
            self.hardware,
            self.rule,
            placer=placer,
            neurons_per_core=neurons_per_core,
            rates=rates,
            seed=seed,
            widths=widths,
        )
        start = parameters or network.initial or initialise(network, seed)
        network.check(start)
        self.formats: Formats = formats or mapping.choose_formats(
            network, start, self.hardware, self.rule, encoding, seed, widths
        )
        mapping.check_thresholds(network, self.hardware, self.formats)
        mapping.check_traces(network, self.hardware, self.rule, self.formats)
        integers = mapping.quantise(network, start, self.hardware, self.rule, self.formats, seed)
        mapping.check_weights(start, integers, self.hardware, widths)
        self._set_up(integers, count_saturations)
        self.rate_shifts: tuple[int, ...] | None = None
        if self.rule.rate_shifts is not None:
            self._set_base_rates(self.rule.rate_shifts)
        if faults is not None:
            self.inject(faults)

    def _set_up(self, integers: Integers, count_saturations: bool) -> None:
        self._feedback = integers.feedback
        self._start = integers
        self._core = cores.build(
            self.network,
            self.hardware,
            self.rule,
            self.formats,
            integers,
            self.seed,
            count_saturations,
        )
        self.stages = Stages()
        self._pipeline: Pipeline | None = None
        self._meters: dict[Update, meters.Meter] = {}
        self._have(Faults())

    def inject(self, faults: Faults) -> None:
        """Break the chip as it is now: it has these faults from here on, in place of any before.

        Learning rates that are chosen from the data are those of a sound chip.

        Raises:
            LimitError: the chip has fewer cores in use than shall be dead, or its schedule isn't
                'layered'.
        """
        damages.check(faults, self.map, self.schedule)
        damages.drift(faults, self._core)
        self._have(faults)

    def _have(self, faults: Faults) -> None:
        self.faults = faults
        self._circuit = circuits.circuit_of(faults, self._core, self.map, self.schedule)

    @property
    def initial(self) -> Parameters:
        """The float numbers that weights and biases stood for at the start."""
        return mapping.dequantise(self.network, self._start, self.formats)

    @property
    def encoding(self) -> Encoding:
        """How inputs reach the chip."""
        return self.formats.encoding

    @property
    def integers(self) -> Integers:
        """Copies of the chip's memories as they are now."""
        return memory.read_integers(self._core, self._plan, self._loops, self._feedback)

    @property
    def parameters(self) -> Parameters:
        """The float numbers that the chip's weights and biases stand for now."""
        return mapping.dequantise(self.network, self.integers, self.formats)

    def load(
        self,
        integers: Integers,
        *,
        epoch: int,
        n_learned: int,
        rate_shifts: tuple[int, ...] | None,
        faults: Faults | None = None,
    ) -> None:
        """Put a saved state into the chip: what its memories held, where its random words were, and
        the faults that it had.

        The formats must be those of the chip that saved it.
        """
        self._end_sample()
        memory.load_integers(self._core, self._plan, self._loops, integers)
        self._feedback = integers.feedback
        self.epoch, self.n_learned = epoch, n_learned
        if rate_shifts is not None:
            self._set_base_rates(rate_shifts)
        self._have(faults or Faults())

    def encode(self, x: ArrayLike) -> NDArray[np.uint8]:
        """Samples as the chip takes them in.

        Args:
            x: (n, ...), shown at every step, or (n, T, ...), one frame a step; real numbers in
                [0, 1], for "spikes" 0 or 1.

        Returns:
            (n, 1 or T, n_in) uint8: numbers with the input register's fraction, or 0/1; of images
            with several channels in (height, width, channel) order.

        Raises:
            DataError: the shape isn't the network's, or a spike is neither 0 nor 1.
        """
        bits = self.hardware.registers.input.bits.value
        with self.stages("encode"):
            return encoded(x, self.network, self._plan[0], self.encoding, bits)

    def learn(
        self, data: Split, epochs: int = 1, progress: Progress | None = None
    ) -> list[EpochRecord]:
        """Learn every sample of a set, one at a time, for some epochs.

        Args:
            data: samples and labels.
            epochs: how often each is shown.
            progress: called between chunks with samples learned, scored and wrong in this epoch.

        Returns:
            One record an epoch.

        Raises:
            LimitError: the chip can't learn by its rule.
        """
        self._check_learns()
        inputs, labels = self.encode(data.x), labels_of(data, self.network)
        self._end_sample()
        if self.rate_shifts is None:
            self._set_base_rates(self.choose_rates(inputs))
        return [self._learn_epoch(inputs, labels, progress) for _ in range(epochs)]

    def evaluate(self, data: Split) -> Result:
        """Predict every sample of a set; nothing is learned."""
        labels = labels_of(data, self.network)
        core, meter = cores.apart(self._core), self._meter(self.rule.update)
        samples = np.arange(len(labels))
        predictions = self._predict(core, meter.arrays, self.encode(data.x), samples)
        return Result(
            accuracy=float(np.mean(predictions == labels)),
            predictions=predictions,
            counters=core.counters,
            saturations=core.saturations,
            account=self._account(meter, self.rule.update, len(labels)),
        )

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Predicted classes, (n,), of samples as `encode` takes them."""
        inputs = self.encode(x)
        meter = silent(len(self._plan))
        return self._predict(cores.apart(self._core), meter, inputs, np.arange(len(inputs)))

    def observe(self, x: ArrayLike, label: int, index: int = 0) -> Observation:
        """Every register while one sample is shown; nothing is learned.

        Args:
            x: one sample, as `encode` takes it but without the first axis.
            label: its class.
            index: its number in the data set, which keys Bernoulli inputs.

        Raises:
            DataError: the sample or the label isn't the network's.
        """
        check_label(label, self.network)
        frames = self.encode(np.asarray(x)[np.newaxis])[0]
        core = cores.apart(self._core)
        return observe(
            core, self._circuit, self._plan, frames, label, index, layout.EVALUATION_EPOCH
        )

    def costs(
        self,
        data: Split,
        samples: int = account.SAMPLES,
        update: Update | None = None,
        timing: account.Timing = "analytic",
    ) -> account.Account:
        """Energy, time and words of memory of a sample, of inference and of learning.

        The first samples are shown with the weights as they are now; nothing is learned. A network
        with listed synapses or loops can't learn, so that its learning takes nothing.

        Args:
            data: samples and labels.
            samples: how many are watched, fewer where the set is smaller.
            update: when weights change; as the rule says if None.
            timing: "analytic", from counts alone, or "cycle", every message routed over the mesh.

        Raises:
            LimitError: the network doesn't fit the cores if weights change then; or, for cycle
                timing, see `chip.cycle.Clock`.
            HardwareError: for cycle timing, see there.
            ConfigError: no sample was asked for, or the update or the timing is unknown.
        """
        update = self.rule.update if update is None else update
        costing.check_asked(samples, update, timing)
        seen, meter = data[:samples], self._meter(update)
        for index, (frames, label) in enumerate(
            zip(self.encode(seen.x), labels_of(seen, self.network).tolist(), strict=True)
        ):
            pipeline = self._rehearsed(meter, frames, label, index)
            while not pipeline.is_over:
                pipeline.step()
        told = self._account(meter, update, len(seen))
        return told if timing == "analytic" else cycle.in_cycles(told, self, data)

    def rehearse(
        self, x: ArrayLike, label: int, index: int = 0, update: Update | None = None
    ) -> Pipeline:
        """A sample in the pipeline as if it were learned, but no weight changes; nothing is counted
        yet.

        A network with listed synapses or loops can't learn, so that no error comes down in it.

        Args:
            x: one sample, as `encode` takes it but without the first axis.
            label: its class.
            index: its number in the data set, which keys Bernoulli inputs.
            update: when weights would change; as the rule says if None.

        Raises:
            DataError: the sample or the label isn't the network's.
        """
        check_label(label, self.network)
        frames = self.encode(np.asarray(x)[np.newaxis])[0]
        meter = self._meter(self.rule.update if update is None else update)
        return self._rehearsed(meter, frames, label, index)

    def _rehearsed(
        self, meter: meters.Meter, frames: NDArray[np.uint8], label: int, index: int
    ) -> Pipeline:
        taught = label if self._is_learnable else None
        shown = Shown(frames, taught, index, layout.EVALUATION_EPOCH, 0, learns=False)
        return Pipeline(cores.apart(self._core), meter, shown, self._circuit)

    def start(self, x: ArrayLike, label: int | None = None, index: int = 0) -> None:
        """Show a sample, of which `step` then works through one step after the other.

        Args:
            x: one sample, as `encode` takes it but without the first axis.
            label: its class, to learn from it as the next sample of the epoch; None: to infer.
            index: its number in the data set, which keys Bernoulli inputs.

        Raises:
            DataError: the sample or the label isn't the network's.
            LimitError: the chip can't learn by its rule, or its schedule isn't 'layered'.
        """
        if self.schedule != "layered":
            raise LimitError(
                f"the schedule is {self.schedule!r}, but step by step a chip works through all "
                f"layers in each; set schedule to 'layered'"
            )
        inputs, epoch = self.encode(np.asarray(x)[np.newaxis]), layout.EVALUATION_EPOCH
        if label is not None:
            check_label(label, self.network)
            self._check_learns()
            epoch = self.epoch
            cores.set_rates(self._core, self.formats, self.rates_of_epoch(inputs))
        self._end_sample()
        first_step = self.n_learned * self.network.timesteps
        shown = Shown(inputs[0], label, index, epoch, first_step, label is not None)
        self._pipeline = Pipeline(self._core, self._meter(self.rule.update), shown, self._circuit)

    def step(self) -> Step:
        """Advance the sample that `start` showed by one time step; see `chip.pipeline`.

        Raises:
            ConfigError: no sample is shown, or all its steps are done.
        """
        pipeline = self._pipeline
        if pipeline is None:
            raise ConfigError("no sample is shown; show one with chip.start")
        before = meters.read(pipeline.meter)
        pipeline.step()
        if pipeline.is_over and pipeline.shown.learns:
            self.n_learned += 1
        return pipeline.told(self._plan, self.map, before)

    def _end_sample(self) -> None:
        """Forget the sample that `start` showed, with sums of it that wait for its end."""
        if self._pipeline is not None and not self._pipeline.is_over:
            for sums in (self._core.gradient, self._core.bias_gradient, self._core.touched):
                sums[:] = 0
        self._pipeline = None

    def _meter(self, update: Update) -> meters.Meter:
        """A meter of its own, at zero, that charges learning by one way to update."""
        if update not in self._meters:
            if update != self.rule.update and self._is_learnable:
                rule = replace(self.rule, update=update)
                mapping.check_room(self.map, self.network, rule, self.formats.widths)
            code = cores.UPDATES[update]
            self._meters[update] = charging.build(self.map, self._core, code, self.rule.feedback)
        return self._meters[update].apart()

    @property
    def _is_learnable(self) -> bool:
        return not self._loops and not any(layer.is_listed for layer in self._plan)

    def _account(self, meter: meters.Meter, update: Update, samples: int) -> account.Account:
        """The price of what a meter of one way to update has counted."""
        with self.stages("pricing"):
            return account.account(meters.read(meter), self.map, update, samples)

    def clock(self, update: Update | None = None) -> cycle.Clock:
        """What times samples message by message; see `neurochip.chip.cycle`.

        Args:
            update: when weights change; as the rule says if None.

        Raises:
            LimitError, HardwareError: as `costs` with cycle timing.
        """
        return cycle.Clock(self, update)

    def choose_rates(self, inputs: NDArray[np.uint8]) -> tuple[int, ...]:
        """Rate shifts m, one a layer, for inputs as `encode` gives them; see `chip.rates`."""
        return learning_rates.chosen(
            cores.apart(self._core), self._plan, self.formats, self.rule.update, inputs
        )

    def _set_base_rates(self, rate_shifts: tuple[int, ...]) -> None:
        learning_rates.check(rate_shifts, self.formats, len(self.rule.halve_at))
        self.rate_shifts = rate_shifts

    def rates_of_epoch(self, inputs: NDArray[np.uint8]) -> tuple[int, ...]:
        """Rate shifts of the next epoch, one a layer, after its halvings (see `choose_rates`)."""
        halvings = sum(self.epoch >= epoch for epoch in self.rule.halve_at)
        return tuple(shift + halvings for shift in self.rate_shifts or self.choose_rates(inputs))

    def _check_learns(self) -> None:
        """Raise LimitError where this chip can't learn, or can't learn this network."""
        mapping.check_learns(self.hardware, self.rule)
        mapping.check_synapses(self.network)
        mapping.check_currents(self.network)

    def _predict(
        self,
        core: layout.Core,
        meter: Meter,
        inputs: NDArray[np.uint8],
        samples: NDArray[np.int64],
        epoch: int = layout.EVALUATION_EPOCH,
    ) -> NDArray[np.int64]:
        predictions = np.empty(len(samples), np.int64)
        with self.stages.kernels(core) as watch:
            for first in range(0, len(samples), CHUNK):
                part = slice(first, first + CHUNK)
                own = (inputs, samples[part], epoch, predictions[part], *watch)
                self._circuit.infer(core, meter, *own)
        return predictions

    def _learn_epoch(
        self, inputs: NDArray[np.uint8], labels: NDArray[np.int64], progress: Progress | None
    ) -> EpochRecord:
        rates = self.rates_of_epoch(inputs)
        cores.set_rates(self._core, self.formats, rates)
        self._core.counters[:] = 0
        self._core.saturations[:] = 0
        meter, quiet = self._meter(self.rule.update), silent(len(self._plan))
        order = shuffled(len(labels), self.seed, self.epoch)
        scored, wrong = 0, 0
        for first in range(0, len(order), CHUNK):
            chunk = order[first : first + CHUNK]
            early = chunk[:SCORED]
            guesses = self._predict(cores.apart(self._core), quiet, inputs, early, self.epoch)
            scored, wrong = scored + early.size, wrong + int(np.sum(guesses != labels[early]))
            self._learn_chunk(meter.arrays, inputs, labels, chunk)
            self.n_learned += chunk.size
            if progress is not None:
                progress(first + chunk.size, scored, wrong)
        self.epoch += 1
        return EpochRecord(
            epoch=self.epoch - 1,
            samples=len(order),
            rate_shifts=rates,
            scored=scored,
            wrong=wrong,
            counters=self._core.counters.copy(),
            saturations=self._core.saturations.copy(),
            account=self._account(meter, self.rule.update, len(order)),
        )

    def _learn_chunk(
        self,
        meter: Meter,
        inputs: NDArray[np.uint8],
        labels: NDArray[np.int64],
        chunk: NDArray[np.int64],
    ) -> None:
        position = (inputs, labels, chunk, self.epoch, self.n_learned)
        with self.stages.kernels(self._core, chunk.size * self.network.timesteps) as watch:
            self._circuit.learn(self._core, meter, *position, *watch)
