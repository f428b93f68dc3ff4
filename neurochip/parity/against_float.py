"""The chip against float64: same network, weights, inputs, surrogate and reset (datapath.md).

The float side has no widths, no rounding and no saturation; it starts each sample from the numbers
that the chip's integers stand for, and gets the inputs that the chip got.

A membrane that ends within an LSB of its threshold may fire on one side alone, and layers above
hear that. So the share of differing spikes grows with depth, above all where resets are hard,
though each layer computes the same from the same spikes; the limit is that of the worst layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.chip import SATURATED_REGISTERS, Chip, Observation
from neurochip.chip.faults import check_sound
from neurochip.data import Split
from neurochip.errors import ConfigError, LimitError
from neurochip.mapping import plan_of
from neurochip.reference import Recording, record

#: Samples of a comparison, unless fewer are there or asked for.
SAMPLES = 100
#: Share of (neuron, step) pairs whose spikes may differ.
MAX_SPIKES = 0.001
#: Share of predictions that may differ.
MAX_PREDICTIONS = 0.01
#: Least cosine between a layer's gradients.
MIN_COSINE = 0.98

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LayerParity:
    """One weight layer with the neurons it drives, compared.

    Attributes:
        name: "layer 0", ... or "read-out".
        first_spike: (sample, step, neuron) of the first spike that differs; None if none does.
        spikes: share of (sample, step, neuron) whose spikes differ; None for a read-out that
            doesn't spike.
        membrane_mean: mean distance of membranes (before the reset; the read-out's o) in LSB.
        membrane_max: the largest.
        cosine: between the gradients of the weights, summed over the samples, before any rounding
            of an update; None where both are zero, which proves nothing and doesn't agree.
        saturations: values outside their registers' ranges, by register, without the zeros.
    """

    name: str
    first_spike: tuple[int, int, int] | None
    spikes: float | None
    membrane_mean: float
    membrane_max: float
    cosine: float | None
    saturations: dict[str, int]

    @property
    def agrees(self) -> bool:
        """Whether this layer is within the criteria."""
        spikes = self.spikes is None or self.spikes <= MAX_SPIKES
        return spikes and self.cosine is not None and self.cosine >= MIN_COSINE


@dataclass(frozen=True)
class FloatParity:
    """The verdict on a whole network.

    Attributes:
        samples: how many were compared.
        predictions: share of samples that are predicted differently.
        layers: one a weight layer.
    """

    samples: int
    predictions: float
    layers: tuple[LayerParity, ...]

    @property
    def spikes(self) -> float:
        """Largest share of differing spikes of any layer."""
        return max((layer.spikes for layer in self.layers if layer.spikes is not None), default=0.0)

    @property
    def agrees(self) -> bool:
        """Whether every criterion holds."""
        return self.predictions <= MAX_PREDICTIONS and all(layer.agrees for layer in self.layers)


def compare_with_float(chip: Chip, data: Split, samples: int = SAMPLES) -> FloatParity:
    """Show the first samples of a set to the chip and to the float reference, without learning.

    Args:
        chip: in the state that is to be compared; it isn't changed.
        data: samples and labels.
        samples: how many, fewer where the set is smaller.

    Raises:
        ConfigError: no sample was asked for.
        LimitError: neurons keep their synaptic current, for which OTTT has no gradient, or the
            chip has faults.
    """
    _check_gradients(chip)
    check_sound(chip, "the float reference")
    if samples < 1:
        raise ConfigError(f"parity was asked for {samples} samples; it needs 1 or more")
    part = data.take(min(samples, len(data)))
    seen = [chip.observe(x, int(y), i) for i, (x, y) in enumerate(zip(part.x, part.y, strict=True))]
    reference = _reference(chip, seen, part.y)
    chip_out = np.array([shot.outputs.sum(axis=0) for shot in seen])
    differing = chip_out.argmax(axis=1) != reference.out.sum(axis=0).argmax(axis=1)
    layers = tuple(
        _compare_layer(chip, seen, reference, number) for number in range(len(chip.formats.layers))
    )
    return FloatParity(len(seen), float(differing.mean()), layers)


def _check_gradients(chip: Chip) -> None:
    for number, neuron in enumerate(chip.network.neurons):
        if neuron.current_lam:
            raise LimitError(
                f"parity with float compares OTTT's gradients, but neurons of layer {number} keep "
                f"their synaptic current (current_lam is {neuron.current_lam:.6g}), for which it "
                f"has none; neurochip map compares the spikes of a trained network"
            )


def _reference(chip: Chip, seen: list[Observation], y: NDArray[Any]) -> Recording:
    inputs = np.stack([shot.signal[0] for shot in seen], axis=1)
    x = (
        inputs.reshape(*inputs.shape[:2], *chip.network.in_shape)
        * 2.0**-chip.formats.input_fraction
    )
    rule = replace(chip.rule, trace_input=chip.formats.traced_input)
    return record(chip.network, chip.parameters, x, y, rule, _feedback(chip))


def _feedback(chip: Chip) -> list[Floats | float] | None:
    formats = chip.formats.layers[1:]
    if chip.rule.feedback == "symmetric":
        return None
    if chip.rule.feedback == "sign":
        return [2.0**-layer.feedback for layer in formats]
    fixed = chip.integers.feedback
    return [b * 2.0**-layer.feedback for b, layer in zip(fixed, formats, strict=True)]


def _compare_layer(
    chip: Chip, seen: list[Observation], reference: Recording, number: int
) -> LayerParity:
    is_readout = number == len(chip.formats.layers) - 1
    scale = 2.0 ** chip.formats.layers[number].membrane
    if is_readout:
        membranes = np.stack([shot.outputs for shot in seen], axis=1) / scale
        exact = reference.out
        spiking = chip.network.readout == "spiking"
    else:
        membranes = np.stack([shot.v_pre[number] for shot in seen], axis=1) / scale
        exact = reference.u[number].reshape(membranes.shape)
        spiking = True
    distance = np.abs(membranes - exact) * scale
    differs = None
    if spiking:
        spikes = np.stack([shot.signal[number + 1] for shot in seen], axis=1)
        wanted = reference.out if is_readout else reference.s[number]
        differs = spikes != wanted.reshape(spikes.shape)
    return LayerParity(
        name="read-out" if is_readout else f"layer {number}",
        first_spike=None if differs is None else _first(differs),
        spikes=None if differs is None else float(differs.mean()),
        membrane_mean=float(distance.mean()),
        membrane_max=float(distance.max()),
        cosine=_cosine(*_gradients(chip, seen, reference, number)),
        saturations=_saturations(seen, number),
    )


def _first(differs: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    where = np.argwhere(differs.transpose(1, 0, 2))
    return None if not len(where) else (int(where[0, 0]), int(where[0, 1]), int(where[0, 2]))


def _gradients(
    chip: Chip, seen: list[Observation], reference: Recording, number: int
) -> tuple[Floats, Floats]:
    timesteps = chip.network.timesteps
    used = [t for t in range(timesteps) if chip.rule.uses_error_of(t, timesteps)]
    projection = plan_of(chip.network)[number]
    ours = np.zeros(projection.layer.weight_shape)
    for shot in seen:
        ours += projection.products(shot.delta[number][used], shot.factor[number][used])
    theirs = reference.g_W[number][used].sum(axis=0)
    return ours, theirs.astype(np.float64)


def _cosine(a: Floats, b: Floats) -> float | None:
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    if norms == 0.0:
        return None if np.array_equal(a, b) else 0.0
    return float(np.vdot(a, b)) / norms


def _saturations(seen: list[Observation], number: int) -> dict[str, int]:
    counts = sum(shot.saturations[:, number].sum(axis=0) for shot in seen)
    return {
        name: int(count)
        for name, count in zip(SATURATED_REGISTERS, np.asarray(counts), strict=True)
        if count
    }
