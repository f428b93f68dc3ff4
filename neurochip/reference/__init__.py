"""The float engine: the ground truth that the chip is compared with, and its trainer.

Layers are batched arrays in float64 or float32, on-line one time step at a time, or all at once
for the rules that go back through time.
"""

from neurochip.reference.fit import Epoch, Progress, Stage, fit
from neurochip.reference.folding import folded
from neurochip.reference.inference import Inference
from neurochip.reference.recording import Recording, record
from neurochip.reference.sharpness import Curvature, largest_curvature, loss_along
from neurochip.reference.trainer import Trainer, View

__all__ = ["Curvature", "Epoch", "Progress", "Recording", "Stage", "Trainer", "fit", "folded"]
__all__ += ["Inference", "View"]
__all__ += ["largest_curvature", "loss_along", "record"]
