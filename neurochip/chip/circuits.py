"""How a chip works through samples: as a sound one, a pipelined one, or one with faults.

Each is the same list of phases, called one by one by whoever looks on, and streams of samples that
are one call of a kernel.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from neurochip.chip.faults import damage_of, hold_stuck
from neurochip.errors import ConfigError, LimitError
from neurochip.hardware import Faults
from neurochip.kernels import faults as faulty
from neurochip.kernels import layout, stream
from neurochip.kernels.faults import Damage
from neurochip.kernels.jit import unfused
from neurochip.kernels.neuron import neurons, surrogates
from neurochip.kernels.pipelined import delay_lines, late_view, learn_stream_pipelined
from neurochip.kernels.readout import error_in, read_out
from neurochip.kernels.synapse import synapses
from neurochip.kernels.transport import transport
from neurochip.mapping.chipmap import ChipMap
from neurochip.network import Network

__all__ = ["Faulty", "Pipelined", "Schedule", "Sound", "check_schedule", "circuit_of"]

#: When a spike of step t reaches the next layer: within the step, or at t + 1 as on Loihi.
Schedule: TypeAlias = Literal["layered", "pipelined"]
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


def check_schedule(schedule: str, network: Network) -> None:
    """Raise an error where a schedule is none, or doesn't go with a network."""
    if schedule not in SCHEDULES:
        raise ConfigError(f"schedule {schedule!r} is unknown; choose one of {', '.join(SCHEDULES)}")
    if schedule == "pipelined" and network.unlike_feedforward is not None:
        raise LimitError(
            f"the network has {network.unlike_feedforward}, but the pipelined schedule moves "
            f"spikes through Dense, Conv2d, pools and LIF in turn; set schedule to 'layered'"
        )


def circuit_of(faults: Faults, core: layout.Core, chip_map: ChipMap, schedule: Schedule) -> Sound:
    """What works through the samples of a chip; stuck bits take hold of its weights."""
    if faults.any:
        damage = damage_of(faults, core, chip_map)
        hold_stuck(core, damage)
        return Faulty(damage)
    return Sound() if schedule == "layered" else Pipelined(core)


class Sound:
    """A sound chip; spikes pass all layers within a step.

    Streams take the arguments of their kernels, phases those of theirs.
    """

    def infer(self, core: layout.Core, meter: Any, *stream_of: Any) -> None:
        """`stream.infer_stream`."""
        stream.infer_stream(core, meter, *stream_of)

    def learn(self, core: layout.Core, meter: Any, *stream_of: Any) -> None:
        """`stream.learn_stream`."""
        stream.learn_stream(core, meter, *stream_of)

    def sense(self, core: layout.Core, *step_of: Any) -> None:
        """Phases 1 to 4 and the read-out: `stream.sense_step`."""
        unfused(stream.sense_step)(core, *step_of)

    def synapses(self, core: layout.Core, number: int, sample: int, epoch: int, t: int) -> None:
        """Phase 2 of one weight layer, in step t of a sample of an epoch."""
        synapses(core, number, t)

    def neurons(self, core: layout.Core, number: int, t: int) -> None:
        """Phase 3 of one spiking population."""
        neurons(core, number, t)

    def read_out(self, core: layout.Core, t: int) -> None:
        """Phase 3 of the read-out."""
        read_out(core, t)

    def errors(self, core: layout.Core, label: int, t: int) -> None:
        """Phase 5."""
        error_in(core, label, t)

    def transport(self, core: layout.Core, t: int, step: int) -> None:
        """Phase 6."""
        transport(core, t, step)

    def surrogates(self, core: layout.Core, number: int) -> None:
        """Psi of one population, which phase 6 leaves out where there is no error."""
        surrogates(core, number)

    def update(self, core: layout.Core, number: int, t: int, step: int) -> None:
        """Phase 7 of one weight layer."""
        unfused(stream.update)(core, number, t, step)


class Pipelined(Sound):
    """A sound chip whose spikes pass one layer a step.

    Args:
        core: the one that learns.
    """

    def __init__(self, core: layout.Core) -> None:
        self._waiting = late_view(core), delay_lines(core)

    def learn(self, core: layout.Core, meter: Any, *stream_of: Any) -> None:
        """`pipelined.learn_stream_pipelined`."""
        learn_stream_pipelined(core, meter, *self._waiting, *stream_of)


class Faulty(Sound):
    """A chip with faults; spikes pass all layers within a step.

    Args:
        damage: what of the core is broken.
    """

    def __init__(self, damage: Damage) -> None:
        self.damage = damage

    def infer(self, core: layout.Core, meter: Any, *stream_of: Any) -> None:
        """`faults.infer_faulty_stream`."""
        faulty.infer_faulty_stream(core, meter, self.damage, *stream_of)

    def learn(self, core: layout.Core, meter: Any, *stream_of: Any) -> None:
        """`faults.learn_faulty_stream`."""
        faulty.learn_faulty_stream(core, meter, self.damage, *stream_of)

    def sense(self, core: layout.Core, *step_of: Any) -> None:
        """Phases 1 to 4 and the read-out: `faults.faulty_sense_step`."""
        unfused(faulty.faulty_sense_step)(core, self.damage, *step_of)

    def synapses(self, core: layout.Core, number: int, sample: int, epoch: int, t: int) -> None:
        """Phase 2 of one weight layer, as its words are read."""
        unfused(faulty.faulty_synapses)(core, self.damage, number, sample, epoch, t)

    def neurons(self, core: layout.Core, number: int, t: int) -> None:
        """Phase 3 of one spiking population."""
        faulty.faulty_neurons(core, self.damage, number, t)

    def read_out(self, core: layout.Core, t: int) -> None:
        """Phase 3 of the read-out."""
        faulty.faulty_read_out(core, self.damage, t)

    def errors(self, core: layout.Core, label: int, t: int) -> None:
        """Phase 5."""
        faulty.faulty_error_in(core, self.damage, label, t)

    def transport(self, core: layout.Core, t: int, step: int) -> None:
        """Phase 6."""
        faulty.faulty_transport(core, self.damage, t, step)

    def surrogates(self, core: layout.Core, number: int) -> None:
        """Psi of one population."""
        faulty.faulty_surrogates(core, self.damage, number)

    def update(self, core: layout.Core, number: int, t: int, step: int) -> None:
        """Phase 7 of one weight layer."""
        faulty.faulty_update(core, self.damage, number, t, step)
