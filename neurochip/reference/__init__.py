"""The float engine: the ground truth that the chip is compared with.

Layers are batched arrays (B, n) in float64 or float32; time is a loop.
"""

from neurochip.reference.recording import Recording, record
from neurochip.reference.trainer import Trainer

__all__ = ["Recording", "Trainer", "record"]
