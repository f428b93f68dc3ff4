"""Looking into a core: every register of every step while one sample is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.circuits import Sound
from neurochip.chip.memory import Plan, in_network_order
from neurochip.kernels import layout
from neurochip.kernels.arithmetic import fit_all, shift_all
from neurochip.kernels.jit import unfused
from neurochip.kernels.neuron import NO_MEMORY
from neurochip.kernels.stream import frame_of, start_sample
from neurochip.mapping.plan import Order

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Observation:
    """The registers of a core over the T steps of one sample, as integers, in the network's order.

    Attributes:
        signal: for each population, inputs first, spikes or graded inputs (T, n).
        factor: for each weight layer its presynaptic factor, trace or raw input (T, n_in); where
            spikes are pooled, traces of what the pool puts out.
        current: for each weight layer the synaptic currents that it gives (T, n_out).
        v_pre: for each weight layer the membranes it drives, before the reset (T, n_out); the
            read-out's are o unless it spikes.
        v: the same after the reset.
        psi: the same, surrogates in sixteenths.
        delta: the same, errors.
        error: e of the read-out (T, C).
        outputs: o[t] (T, C), in units of the read-out's membrane.
        saturations: values outside their registers' ranges, (T, L, len(SATURATIONS)).
    """

    signal: tuple[Ints, ...]
    factor: tuple[Ints, ...]
    current: tuple[Ints, ...]
    v_pre: tuple[Ints, ...]
    v: tuple[Ints, ...]
    psi: tuple[Ints, ...]
    delta: tuple[Ints, ...]
    error: Ints
    outputs: Ints
    saturations: Ints


def observe(
    core: layout.Core,
    circuit: Sound,
    plan: Plan,
    frames: NDArray[np.uint8],
    label: int,
    sample: int,
    epoch: int,
) -> Observation:
    """Show one sample (1 or T, n_in) without learning; the core's weights stay as they are.

    Errors are computed in every step, also where the rule would use only the last one.
    """
    core = _counting(core)
    snapshots: list[dict[str, Any]] = []
    total = np.zeros_like(core.output_sum)
    unfused(start_sample)(core)
    for t in range(int(core.settings[0].timesteps)):
        frame = unfused(frame_of)(frames, t)
        circuit.sense(core, frame, sample, epoch, t, t)
        circuit.errors(core, label, t)
        circuit.transport(core, t, t)
        for number in range(core.layers.size - 1):
            circuit.surrogates(core, number)
        shot = {name: getattr(core, name).copy() for name in _REGISTERS}
        shot["current"] = _currents(core)
        snapshots.append({**shot, "outputs": core.output_sum - total})
        total = core.output_sum.copy()
    return _by_layer(core, plan, snapshots)


_REGISTERS = ("signal", "trace", "v_pre", "v", "psi", "delta", "error")


def _counting(core: layout.Core) -> layout.Core:
    """The same core, counting saturations apart."""
    settings = core.settings.copy()
    settings["count_saturations"] = 1
    return core._replace(settings=settings, saturations=np.zeros_like(core.saturations))


def _currents(core: layout.Core) -> Ints:
    """The current of every neuron (N,): its register, or where nothing outlives a step and so none
    is kept, from the accumulators as the last step left them.
    """
    s = core.settings[0]
    currents = np.zeros(core.v.size, np.int64)
    for layer in core.layers:
        part = slice(layer.post, layer.post + layer.n_out)
        if layer.current_decay < NO_MEMORY:
            currents[part] = core.current[part]
            continue
        shift_all(core.accumulator[part], layer.current_shift, currents[part])
        if s.current_bits:
            fit_all(currents[part], s.current_low, s.current_high, s.current_wraps, currents[part])
    return currents


def _by_layer(core: layout.Core, plan: Plan, snapshots: list[dict[str, Any]]) -> Observation:
    stacked = {
        name: np.array([shot[name] for shot in snapshots], dtype=np.int64)
        for name in (*_REGISTERS, "current", "outputs")
    }
    below = [
        (slice(k.pre, k.pre + k.n_in), projection.axon_order)
        for k, projection in zip(core.layers, plan, strict=True)
    ]
    above = [
        (slice(k.post, k.post + k.n_out), projection.neuron_order)
        for k, projection in zip(core.layers, plan, strict=True)
    ]

    def parts(name: str, where: list[tuple[slice, Order]]) -> tuple[Ints, ...]:
        return tuple(in_network_order(stacked[name][:, part], order) for part, order in where)

    return Observation(
        signal=(*parts("signal", below[:1]), *parts("signal", above)),
        factor=parts("trace", below),
        current=parts("current", above),
        v_pre=parts("v_pre", above),
        v=parts("v", above),
        psi=parts("psi", above),
        delta=parts("delta", above),
        error=stacked["error"],
        outputs=stacked["outputs"],
        saturations=core.saturations,
    )
