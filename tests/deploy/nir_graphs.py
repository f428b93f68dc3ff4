"""Small NIR graphs and files for the tests of the room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurochip as nc
from neurochip.errors import ExportError

nir: Any = pytest.importorskip("nir", reason="needs the package nir (the extra 'nir')")


def saved(tmp_path: Path, *nodes: Any, **options: Any) -> Path:
    """A file of nodes that follow one another."""
    path = tmp_path / "other.nir"
    nir.write(path, nir.NIRGraph.from_list(*nodes, **options))
    return path


def lif(n, tau=2.0, r=1.0, v_leak=0.0, v_threshold=1.0, v_reset=0.0):
    names = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": v_threshold, "v_reset": v_reset}
    return nir.LIF(**{name: np.full(n, value) for name, value in names.items()})


W1, B1 = np.arange(12.0).reshape(4, 3) / 10, np.array([0.1, -0.2, 0.3, 0.0])
W2 = np.arange(8.0).reshape(2, 4) / 8


def current_based(n):
    names = {"tau_syn": 2.5, "tau_mem": 4.0, "r": 1.5, "v_leak": 0.3, "v_threshold": 0.4}
    return nir.CubaLIF(**{k: np.full(n, v) for k, v in names.items()}, w_in=np.full(n, 2.0))


def refusal(path, **options) -> str:
    with pytest.raises(ExportError) as caught:
        nc.from_nir(path, **options)
    return str(caught.value)
