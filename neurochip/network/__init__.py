"""What is learned: layers, neurons, shapes and parameters, with no arithmetic of their own.

One `Network` feeds the float reference, the chip and the exports. The papers' networks are in
`neurochip.network.presets`.
"""

from __future__ import annotations

from neurochip.network.layers import (
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Reshape,
    Residual,
    Scale,
    SumPool,
    Upsample,
    WeightLayer,
)
from neurochip.network.network import Network, Readout
from neurochip.network.neurons import LI, LIF, Fires, LowPass, Reset, Shape
from neurochip.network.order import Feedback
from neurochip.network.parameters import Norm, Parameters, initialise
from neurochip.network.sparse import Sparse

__all__ = [
    "LI",
    "LIF",
    "AdaptiveAvgPool",
    "AvgPool",
    "BatchNorm",
    "Conv2d",
    "Dense",
    "Dropout",
    "Feedback",
    "Fires",
    "Flatten",
    "Layer",
    "LowPass",
    "Network",
    "Norm",
    "Parameters",
    "Readout",
    "Reset",
    "Reshape",
    "Residual",
    "Scale",
    "Shape",
    "Sparse",
    "SumPool",
    "Upsample",
    "WeightLayer",
    "initialise",
]
