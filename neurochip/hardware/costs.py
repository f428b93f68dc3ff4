"""What events cost: energy, time, and the power that is drawn whatever happens."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from neurochip.hardware.quantities import Allowed, Curve, MaybeReal, Part

# A costlier event than this is a slip of the unit.
_MOST_COST = 1e12

_Picojoule = Annotated[MaybeReal, AfterValidator(Allowed(0.0, _MOST_COST, "pJ"))]
# A chip with a clock may give its times in cycles.
_Duration = Annotated[MaybeReal, AfterValidator(Allowed(0.0, _MOST_COST, "ns", "cycle"))]
_Barrier = Annotated[Curve, AfterValidator(Allowed(0.0, _MOST_COST, "ns", "cycle"))]
_Milliwatt = Annotated[MaybeReal, AfterValidator(Allowed(0.0, _MOST_COST, "mW"))]
_Megahertz = Annotated[MaybeReal, AfterValidator(Allowed(1e-6, 1e6, "MHz"))]


class Energy(Part):
    """Energy of one event, in pJ.

    A cost that its chip's source charges as part of another event is 0, with a source that says so.

    Attributes:
        message_out: a core sends one message, to one core.
        message_in: a core receives one message.
        spike_in_tile: a message is handed to its core by the router of that core's tile.
        hop_east_west: a message goes on to the next tile in its row.
        hop_north_south: the same in its column.
        word_read: a word of the weight memory is read.
        word_written: a word of the weight memory is written.
        synaptic_operation: one weight of a full row is read and accumulated.
        synaptic_operation_sparse: the same for a weight that is stored with its target; where a
            model doesn't say, as `synaptic_operation`.
        synaptic_operation_convolution: the same for a weight that many synapses share.
        neuron_inactive: a compartment with nothing to update is scanned.
        neuron_active: a compartment that a spike reaches, or that has a bias or a membrane that
            isn't 0, is scanned and updated.
        neuron_fired: what firing costs on top of that.
        trace_update: one trace decays or gets an impulse.
        error_message: a core sends one error, to one core; it travels as any message does.
        error_operation: one weight is read backwards and accumulated.
        synaptic_update: one weight is changed by learning.
        learning_word: the learning engine takes up one word of weights.
    """

    message_out: _Picojoule
    message_in: _Picojoule
    spike_in_tile: _Picojoule
    hop_east_west: _Picojoule
    hop_north_south: _Picojoule
    word_read: _Picojoule
    word_written: _Picojoule
    synaptic_operation: _Picojoule
    synaptic_operation_sparse: _Picojoule
    synaptic_operation_convolution: _Picojoule
    neuron_inactive: _Picojoule
    neuron_active: _Picojoule
    neuron_fired: _Picojoule
    trace_update: _Picojoule
    error_message: _Picojoule
    error_operation: _Picojoule
    synaptic_update: _Picojoule
    learning_word: _Picojoule


class Time(Part):
    """Time of one event, in ns or in cycles of the clock; the events of `Energy`.

    Attributes:
        barrier: what ends a time step, by the number of tiles that take part.
    """

    message_out: _Duration
    message_in: _Duration
    spike_in_tile: _Duration
    hop_east_west: _Duration
    hop_north_south: _Duration
    word_read: _Duration
    word_written: _Duration
    synaptic_operation: _Duration
    synaptic_operation_sparse: _Duration
    synaptic_operation_convolution: _Duration
    neuron_inactive: _Duration
    neuron_active: _Duration
    neuron_fired: _Duration
    trace_update: _Duration
    error_message: _Duration
    error_operation: _Duration
    synaptic_update: _Duration
    learning_word: _Duration
    barrier: _Barrier


class Power(Part):
    """Power that is drawn whatever happens, in mW."""

    static: _Milliwatt


class Clock(Part):
    """The clock of a chip that has one, in MHz; it gives cycles their length."""

    frequency: _Megahertz


class Costs(Part):
    """What events cost."""

    energy: Energy
    time: Time
    power: Power
    clock: Clock


#: Names of all events that cost energy and time, in the order of every array of counts or costs.
EVENTS: tuple[str, ...] = tuple(Energy.model_fields)
#: Operations of one kind of synapse; a model that gives none has them cost as the general one.
SYNAPSE_KINDS = ("synaptic_operation_sparse", "synaptic_operation_convolution")
