"""Registers of single layers that have a width of their own: weights, and the read-out's v."""

from __future__ import annotations

from dataclasses import dataclass

from neurochip.errors import LimitError
from neurochip.hardware import Hardware

#: A weight needs a sign and a bit.
LEAST_WEIGHT_BITS = 2
#: The narrowest and the widest membrane that a hardware model may have.
MEMBRANE_BITS = (6, 32)


@dataclass(frozen=True)
class Widths:
    """Widths of single layers; the chip's own hold for what isn't named.

    Attributes:
        weights: bits of each layer's weights, at most the chip's; () for the chip's in all layers.
        readout: bits of the read-out's membrane; None for the chip's.
        readout_fraction: how many of them lie below the binary point, as the chip's file counts
            them; None for the chip's.
    """

    weights: tuple[int, ...] = ()
    readout: int | None = None
    readout_fraction: int | None = None

    def weight(self, hardware: Hardware, number: int) -> int:
        """Bits of a weight of layer ``number``; loops have those of the layer that they reach."""
        return self.weights[number] if self.weights else hardware.registers.weight.bits.value

    def check(self, n_layers: int, hardware: Hardware) -> None:
        """Raise LimitError where a width isn't one that the chip's registers can stand in for.

        Args:
            n_layers: number of weight layers.
            hardware: the chip.
        """
        most = hardware.registers.weight.bits.value
        if self.weights and len(self.weights) != n_layers:
            raise LimitError(
                f"layer_bits has {len(self.weights)} entries, but the network has {n_layers} "
                f"weight layers; give one for each"
            )
        for number, bits in enumerate(self.weights):
            if not LEAST_WEIGHT_BITS <= bits <= most:
                raise LimitError(
                    f"layer_bits of layer {number} is {bits}, but weights of hardware "
                    f"{hardware.name!r} have {LEAST_WEIGHT_BITS} to {most} bits; choose one of "
                    f"these, or widen weight_bits"
                )
        self._check_readout(hardware)

    def _check_readout(self, hardware: Hardware) -> None:
        membrane, (least, most) = hardware.registers.membrane, MEMBRANE_BITS
        bits = membrane.bits.value if self.readout is None else self.readout
        if not least <= bits <= most:
            raise LimitError(
                f"readout_bits is {bits}, but membranes have {least} to {most} bits; choose one of "
                f"these"
            )
        fraction = self.readout_fraction
        if fraction is None:
            fraction = membrane.fraction.value
        if not 0 <= fraction <= bits - 2:
            raise LimitError(
                f"readout_fraction is {fraction}, but a read-out of {bits} bits holds 1.0 with 0 "
                f"to {bits - 2}; lower it or widen readout_bits"
            )


#: The chip's own widths everywhere.
CHIP_WIDTHS = Widths()
