"""A chip of ours in a NIR file: formats, integers and learning state as metadata of the graph."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip import hardware as hardware_models
from neurochip import mapping
from neurochip.chip import Chip
from neurochip.chip.faults import check_sound
from neurochip.deploy import states
from neurochip.deploy.nir.graph import blamed_on, graph_of, ours_of, read_graph, write_graph
from neurochip.deploy.nir.layers import network_of
from neurochip.deploy.recording import record
from neurochip.deploy.states import Verdict
from neurochip.errors import ExportError
from neurochip.mapping import Formats, Integers, LayerFormats
from neurochip.network import Network, Parameters
from neurochip.rules import OTTT

__all__ = ["compare", "read_chip", "write"]


def write(chip: Chip, path: str | Path) -> None:
    """Write a chip: its network with the float numbers that its integers stand for, and its state.

    Raises:
        ExportError: the package nir is missing, or the chip has faults.
        OutputError: the file can't be written.
    """
    check_sound(chip, "an export to NIR", ExportError)
    write_graph(graph_of(chip.network, chip.parameters, _state(chip)), path)


def read_chip(path: str | Path) -> Chip:
    """The chip of a file that `write` wrote: formats, integers, learning state, bit for bit.

    Raises:
        ExportError: the file holds no chip, is damaged, or another program changed its weights.
    """
    graph = read_graph(path)
    with blamed_on(path):
        return _chip(path, graph)


def _chip(path: str | Path, graph: Any) -> Chip:
    network, told = network_of(graph), ours_of(graph)
    if "formats" not in told:
        raise ExportError(
            f"{str(path)!r} holds no chip of neurochip; load its network with nc.from_nir and map "
            f"it"
        )
    formats, integers = _formats(told["formats"]), _integers(told)
    chip = Chip(
        network,
        hardware_models.from_toml(told["hardware"]),
        OTTT.from_dict(json.loads(told["rule"])),
        int(told["seed"]),
        encoding=formats.encoding,
        # Files of before had no schedule; where that matters, it was this one.
        schedule=told.get("schedule", "layered"),
        formats=formats,
    )
    _check_unchanged(path, network, mapping.dequantise(network, integers, formats))
    chip.load(
        integers,
        epoch=int(told["epoch"]),
        n_learned=int(told["n_learned"]),
        rate_shifts=tuple(int(n) for n in np.ravel(told.get("rate_shifts", ()))) or None,
    )
    return chip


def compare(chip: Chip, x: ArrayLike, path: str | Path) -> tuple[Verdict, ...]:
    """Run samples on a chip and on that of a NIR file, and compare every integer.

    Args:
        chip: what the file was written from; it isn't changed.
        x: (n, ...) samples as `Chip.encode` takes them.
        path: the file.

    Returns:
        One verdict for u, v and s of every layer, over all steps.
    """
    return states.compare(record(chip, x).layers, record(read_chip(path), x).layers)


def _state(chip: Chip) -> dict[str, Any]:
    kept = {
        kind: {str(number): array for number, array in enumerate(arrays)}
        for kind, arrays in vars(chip.integers).items()
        if arrays
    }
    rates = {} if chip.rate_shifts is None else {"rate_shifts": np.array(chip.rate_shifts)}
    return {
        "hardware": chip.hardware.to_toml(),
        "rule": json.dumps(chip.rule.to_dict(), sort_keys=True),
        "formats": json.dumps(asdict(chip.formats)),
        "schedule": chip.schedule,
        "seed": chip.seed,
        "epoch": chip.epoch,
        "n_learned": chip.n_learned,
        **rates,
        **kept,
    }


def _formats(text: str) -> Formats:
    told = json.loads(text)
    layers = tuple(LayerFormats(**layer) for layer in told.pop("layers"))
    return Formats(**told, layers=layers)


def _integers(told: dict[str, Any]) -> Integers:
    def arrays(kind: str) -> tuple[NDArray[Any], ...]:
        layers = told.get(kind, {})
        return tuple(layers[str(number)] for number in range(len(layers)))

    return Integers(arrays("weights"), arrays("shadow"), arrays("biases"), arrays("feedback"))


def _check_unchanged(path: str | Path, network: Network, parameters: Parameters) -> None:
    found = network.initial or parameters
    for number in range(len(network.weight_layers)):
        same = np.array_equal(found.weights[number], parameters.weights[number])
        if not same or not np.array_equal(found.biases[number], parameters.biases[number]):
            raise ExportError(
                f"the weights of layer {number} of {str(path)!r} are no longer those of its "
                f"integers; load its network with nc.from_nir and map it anew"
            )
