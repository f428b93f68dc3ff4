"""Reference vectors as the float engine's objects: a file's configuration, network and rule."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurochip.network import (
    LIF,
    AdaptiveAvgPool,
    AvgPool,
    BatchNorm,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    Layer,
    LowPass,
    Network,
    Norm,
    Parameters,
    Scale,
    SumPool,
    Upsample,
)
from neurochip.network.presets import SWS_SCALE, tssl_neuron
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, SpikeRepresentation, Surrogate

FOLDER = Path(os.environ.get("NEUROCHIP_GOLDEN") or Path(__file__).parents[1] / "vectors")


def files(family: str) -> list[Path]:
    """Files of a family: ottt, tet, tssl, or vggf, the one of ottt's with feedback."""
    found = sorted(FOLDER.glob(f"{'ottt' if family == 'vggf' else family}_*.npz"))
    return [path for path in found if path.stem.startswith("ottt_vggf") == (family == "vggf")]


@dataclass(frozen=True)
class Vectors:
    """One file."""

    config: dict[str, Any]
    arrays: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> Any:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        return cls(json.loads(str(arrays.pop("config_json"))), arrays)

    @property
    def in_shape(self) -> tuple[int, ...]:
        return tuple(self.config["in_shape"])

    @property
    def y(self) -> Any:
        return self.arrays["y"]

    def weight_layer(self, number: int, op: dict[str, Any]) -> Layer:
        """Layer W{number} of a spec."""
        bias, sws = f"b{number}" in self.arrays, f"gain{number}" in self.arrays
        if "cin" in op:
            padding = op.get("p", 0)
            return Conv2d(op["cin"], op["cout"], op["k"], op.get("s", 1), padding, bias, sws)
        return Dense(op["n_in"], op["n_out"], bias, sws)

    @property
    def network(self) -> Network:
        raise NotImplementedError

    def layers(self, lif: LIF) -> tuple[Layer, ...]:
        layers: list[Layer] = []
        number = 0
        for op in self.config["spec"]:
            name = op["op"]
            if name == "lif":
                layers.append(lif)
            elif name == "avgpool":
                layers.append(AvgPool(op["k"]))
            elif name == "scale":
                layers.append(Scale(op["s"]))
            elif name == "flatten":
                layers.append(Flatten())
            else:
                number += 1
                layers.append(self.weight_layer(number, op))
                if name == "convbn":
                    layers += [BatchNorm(op["cout"]), lif]
        return tuple(layers)

    @property
    def numbers(self) -> range:
        """Numbers of the weight layers, from 1."""
        return range(1, sum(name[0] == "W" for name in self.arrays) + 1)

    @property
    def params(self) -> Parameters:
        return self.parameters("{}{}")

    def parameters(self, form: str) -> Parameters:
        """Parameters or gradients; `form` makes an array's name of kind and number."""
        arrays = self.arrays
        weights, biases, gains, norms = [], [], [], []
        for i in self.numbers:
            weights.append(arrays[form.format("W", i)])
            biases.append(arrays.get(form.format("b", i), np.zeros(len(weights[-1]))))
            if form.format("gain", i) in arrays:
                gains.append(arrays[form.format("gain", i)].reshape(-1))
            if form.format("bng", i) in arrays:
                weight, bias = arrays[form.format("bng", i)], arrays[form.format("bnb", i)]
                norms.append(Norm(weight, bias, np.zeros_like(weight), np.ones_like(weight)))
        return Parameters(tuple(weights), tuple(biases), tuple(gains), tuple(norms))


class OTTTVectors(Vectors):
    """A file of ottt_*."""

    @property
    def neuron(self) -> LIF:
        config = self.config
        lam = 1.0 - 1.0 / config["tau"]
        if config["v_reset"] is None:
            return LIF(lam, config["v_th"])
        return LIF(lam, config["v_th"], "hard", config["v_reset"])

    @property
    def network(self) -> Network:
        return Network(self.layers(self.neuron), self.config["T"], self.in_shape)

    @property
    def is_mlp(self) -> bool:
        return self.network.unlike_mlp is None

    @property
    def x(self) -> Any:
        """(T, B, ...)."""
        return self.arrays["x"]

    @property
    def surrogate(self) -> Surrogate:
        return Surrogate("sigmoid", alpha=self.config["alpha"])

    def rule(self, update: Any = "online") -> OTTT:
        return OTTT(
            update=update,
            surrogate=self.surrogate,
            loss_lambda=self.config["loss_lambda"],
            trace_input=bool(self.config.get("trace_input", False)),
        )

    @property
    def others(self) -> dict[str, Any]:
        """Other rules by the prefix of their gradients' names."""
        surrogate, share = self.surrogate, self.config["loss_lambda"]
        return {
            "sltt_gacc_": SLTT(surrogate=surrogate, loss_lambda=share),
            "bptt_g_": BPTT(surrogate, detach_reset=True, loss_lambda=share),
            "bpttnd_g_": BPTT(surrogate, detach_reset=False, loss_lambda=share),
            "sr_g_": SpikeRepresentation(share),
        }


class VGGFVectors(OTTTVectors):
    """A file of ottt_vggf*: sizes are read off its arrays."""

    NAMES = ("conv1_", "conv2_", "fc_", "fb_")

    @property
    def network(self) -> Network:
        arrays = self.arrays
        sizes = {name: arrays[f"{name}W"].shape for name in self.NAMES}
        pool = self.in_shape[1] // arrays["s2"].shape[-1]
        convolutions: list[Layer] = []
        for name in ("conv1_", "conv2_"):
            c_out, c_in, kernel, _ = sizes[name]
            conv = Conv2d(c_in, c_out, kernel, padding=kernel // 2, sws=True)
            convolutions += [conv, self.neuron, Scale(SWS_SCALE)]
        convolutions.insert(3, AvgPool(pool))
        n_out, channels = sizes["fc_"]
        c_out, c_in, kernel, _ = sizes["fb_"]
        back = Conv2d(c_in, c_out, kernel, padding=kernel // 2)
        feedback = Feedback(len(convolutions) - 1, 0, (Upsample(pool), back))
        tail = (AdaptiveAvgPool(1), Flatten(), Dense(channels, n_out))
        return Network((*convolutions, *tail), self.config["T"], self.in_shape, (feedback,))

    @property
    def params(self) -> Parameters:
        arrays = self.arrays
        weights = tuple(arrays[f"{name}W"] for name in self.NAMES)
        biases = tuple(arrays[f"{name}b"] for name in self.NAMES)
        gains = tuple(arrays[f"{name}gain"].reshape(-1) for name in self.NAMES[:2])
        return Parameters(weights, biases, gains)


class TETVectors(Vectors):
    """A file of tet_*."""

    @property
    def network(self) -> Network:
        config = self.config
        lif = LIF(config["decay"], config["v_th"], "hard", fires=">")
        return Network(self.layers(lif), config["T"], self.in_shape)

    @property
    def x(self) -> Any:
        """(T, B, ...)."""
        return np.moveaxis(self.arrays["x"], 1, 0)

    def rule(self, loss: Any = "tet", loss_lambda: float | None = None) -> TET:
        config = self.config
        share = config["lamb"] if loss_lambda is None else loss_lambda
        surrogate = Surrogate("tent", width=config["gama"] / config["v_th"])
        return TET(surrogate, loss=loss, loss_lambda=share, phi=config["means"])


class TSSLVectors(Vectors):
    """A file of tssl_*."""

    @property
    def network(self) -> Network:
        config, network = self.config, self.config["network"]
        synapse = LowPass(network["tau_s"])
        layers: list[Layer] = [synapse]
        shape = self.in_shape
        for description in config["layers"].values():
            for layer in self._of(description, shape):
                layers.append(layer)
                shape = layer.out_shape(shape)
        return Network(tuple(layers), network["n_steps"], self.in_shape)

    def _of(self, layer: dict[str, Any], shape: tuple[int, ...]) -> list[Layer]:
        network = self.config["network"]
        after: list[Layer] = [
            tssl_neuron(network["tau_m"], layer.get("threshold", 1.0)),
            LowPass(network["tau_s"]),
        ]
        if layer["type"] == "conv":
            c_in, c_out, padding = (
                layer["in_channels"],
                layer["out_channels"],
                layer.get("padding", 0),
            )
            stride = layer.get("stride", 1)
            conv = Conv2d(c_in, c_out, layer["kernel_size"], stride, padding, bias=False)
            return [conv, *after]
        if layer["type"] == "pooling":
            return [SumPool(layer["kernel_size"], 1.1)]
        flat: list[Layer] = [Flatten()] if len(shape) == 3 else []
        return [*flat, Dense(layer["n_inputs"], layer["n_outputs"], bias=False), *after]

    @property
    def params(self) -> Parameters:
        shapes = [layer.weight_shape for layer in self.network.weight_layers]
        pairs = zip(self.numbers, shapes, strict=True)
        weights = tuple(self.arrays[f"W{i}"].reshape(shape) for i, shape in pairs)
        return Parameters(weights, tuple(np.zeros(shape[0]) for shape in shapes))

    @property
    def x(self) -> Any:
        """(B, c, h, w) or (T, B, c, h, w)."""
        x = self.arrays["x"]
        return np.moveaxis(x, -1, 0) if x.ndim == 2 + len(self.in_shape) else x

    @property
    def rule(self) -> TSSLBP:
        network = self.config["network"]
        return TSSLBP(network["loss"], network["desired_count"], network["undesired_count"])
