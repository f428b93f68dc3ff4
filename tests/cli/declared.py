"""Every option of a run with a value other than its default, as flags and as TOML."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

#: 150 samples of 8 units, for the options of events.
EVENTS: dict[str, Any] = {
    "when": np.tile([0, 2, 4, 6], 150),
    "who": np.repeat(np.arange(150) % 2 * 4, 4) + np.tile([0, 1, 2, 3], 150),
    "begin": np.arange(0, 601, 4),
    "class": np.arange(150) % 2,
    "part": np.arange(150) // 100,
}
CHANGED: dict[str, Any] = {
    "data": "events.npz",
    "arrays": {"t": "when", "unit": "who", "offsets": "begin", "label": "class"},
    "test_where": "part=1,2",
    "sensor": (8,),
    "duration": 5.5,
    "binning": "count",
    "full_count": 2,
    "hidden": (12, 8),
    "timesteps": 3,
    "lam": 0.75,
    "v_th": 0.5,
    "reset": "hard",
    "readout": "leaky",
    "bias": False,
    "encoding": "rate",
    "hardware": "neurochip",
    "placer": "traffic",
    "neurons_per_core": 5,
    "rule": "ottt",
    "update": "accumulate",
    "schedule": "pipelined",
    "surrogate": "triangle",
    "alpha": 2.0,
    "width": 0.75,
    "feedback": "random",
    "loss": "mse",
    "trace_input": True,
    "rate_shifts": (4, 3, 3),
    "halve_at": (1, 2),
    "epochs": 1,
    "seed": 7,
    "train_samples": 100,
    "test_samples": 50,
    "holdout": 0.25,
    "rounding": "nearest",
    "weight_bits": 7,
    "headroom": 1.5,
    "shadow_bits": 12,
    "trace_bits": 6,
    "trace_rounding": "stochastic",
    "error_bits": 7,
    "delta_bits": 6,
    "delta_rounding": "stochastic",
    "membrane_bits": 20,
    "membrane_fraction": 10,
    "accumulator_bits": 20,
    "gradient_bits": 14,
    "bias_bits": 12,
    "input_bits": 6,
    "count_saturations": True,
}
#: Options that events haven't.
OF_NUMBERS: dict[str, Any] = {"series": True, "value_range": (-1.0, 2.5), "timing": "cycle"}
#: Options of networks without `hidden`.
OF_IMAGES: dict[str, Any] = {"conv": "4C3-P2-6", "padding": 1, "augment": "shift1"}
#: Options of single layers and registers, and of random words that OTTT-A's nearest rounding lacks.
OF_WIDTHS: dict[str, Any] = {
    "layer_bits": (8, 4),
    "readout_bits": 20,
    "readout_fraction": 10,
    "membrane_overflow": "wrap",
    "accumulator_overflow": "wrap",
    "random_words": "synapse",
}
#: Options of a chip with faults.
OF_FAULTS: dict[str, Any] = {
    "stuck_bits": 0.05,
    "stuck_at_one": 0.25,
    "dead_neurons": 0.1,
    "dead_cores": 1,
    "threshold_mismatch": 0.2,
    "weight_drift": 0.01,
    "read_flips": 0.001,
    "fault_seed": 3,
    "sound_epochs": 1,
}
#: Options of another engine than the chip's own.
OF_ENGINES: dict[str, Any] = {"engine": "loihi3f", "t_epoch": 2}


def flags(options: dict[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else flag.replace("--", "--no-", 1))
        else:
            if isinstance(value, dict):
                value = tuple(f"{role}={key}" for role, key in value.items())
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [flag, shown]
    return words


def toml(options: dict[str, Any]) -> str:
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in options.items()}
    text = ""
    for key, value in plain.items():
        if isinstance(value, dict):
            inline = ", ".join(f"{role} = {json.dumps(name)}" for role, name in value.items())
            text += f"{key} = {{{inline}}}\n"
        else:
            text += f"{key} = {json.dumps(value)}\n"
    return text
