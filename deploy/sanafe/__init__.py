"""Export to SANA-FE: a chip and a network on it as its YAML, to set time and energy beside ours.

    nc.deploy.sanafe.write(chip, x, "folder")  # and run it there as folder/README says

SANA-FE 2.2.9 (J. A. Boyle et al., IEEE TCAD, 2025) simulates time and energy of inference on chips
of many cores. Its neurons are Loihi's leaky ones: potentials in 64ths, a leak that rounds toward
zero, a hard reset. So one of its units is 64 of the chip's membranes, and every number is exact.

There a spike reaches other neurons a step later. What weight layer l does at t here it does at
t + l there, and one more where inputs spike. Biases know nothing of that: they act from step 0 on,
so that spikes are ours, one by one, only where no layer waits that has any (`is_exact`).

Inputs are neurons of one more core in tile 0, the port, which takes no time and no energy; inputs
without any synapse are left out. SANA-FE counts tiles column by column (``x * height + y``), we
count them row by row. It has no cost of a router's hand-over to its core, so that joins a
message's arrival, and no time for the way into the first router.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurochip import files, fixed
from neurochip.chip import Chip
from neurochip.chip.faults import check_sound
from neurochip.deploy.sanafe.chips import KINDS, architecture, core_name, costs_of, port_name
from neurochip.errors import ExportError, OutputError
from neurochip.hardware import Hardware
from neurochip.mapping import loops_of, plan_of
from neurochip.mapping.formats import decay_factor
from neurochip.network import LIF, Sparse, WeightLayer

__all__ = ["FILES", "architecture", "is_exact", "network", "steps", "write"]

#: What is written: the chip, the network on it, and how to run them.
FILES = ("chip.yaml", "network.yaml", "README")
#: Membranes of ours that are one of SANA-FE's potential.
UNIT = 64
_DECAY_ONE = 1 << fixed.DECAY_BITS
_README = """\
A network on a chip for SANA-FE 2.2.9 (pip install sanafe), written by neurochip.

    import sanafe

    architecture = sanafe.load_arch("chip.yaml")
    chip = sanafe.SpikingChip(architecture)
    chip.load(sanafe.load_net("network.yaml", architecture))
    print(chip.sim({steps}, timing_model="detailed")["energy"])

Inputs spike as in sample {sample}. What weight layer l does at step t of the sample, its neurons do
at step t + l{wait} here. {exact}
"""
_EXACT = "Spikes are the same, one by one."
_INEXACT = (
    "Biases act from step 0 on, also while a layer waits for its first spikes, so that\n"
    "spikes aren't the same one by one."
)


@dataclass(frozen=True, eq=False)
class _Synapses:
    """Synapses from one population to another, the inputs being 0; weights in membrane units."""

    source: int
    target: int
    kind: str
    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    weights: NDArray[np.int64]


def write(chip: Chip, x: ArrayLike, folder: str | Path, index: int = 0) -> list[Path]:
    """Write a folder with a chip and a network that SANA-FE runs.

    Args:
        chip: in the state that is exported.
        x: one sample, as `Chip.encode` takes it but without the first axis: what inputs send.
        folder: made where it's missing; files of the same names are replaced.
        index: the sample's number in its set, which keys Bernoulli inputs.

    Returns:
        The files.

    Raises:
        ExportError: neurons, synapses, inputs or costs that SANA-FE doesn't have, or faults.
        DataError: the sample isn't the network's.
        OutputError: the folder can't be written, or a README in it would be replaced that is of no
            export.
    """
    check_sound(chip, "an export to SANA-FE", ExportError)
    folder = Path(folder)
    _check_replaceable(folder)
    text = network(chip, x, index)
    hears = _hears_inputs(chip)
    readme = _README.format(
        steps=steps(chip),
        sample=index,
        wait=" + 1" if hears else "",
        exact=_EXACT if is_exact(chip) else _INEXACT,
    )
    inputs = chip.network.n_in if hears else 0
    files.make_folder(folder)
    for name, own in zip(FILES, (architecture(chip.hardware, inputs), text, readme), strict=True):
        files.write_text_atomic(folder / name, own)
    return [folder / name for name in FILES]


def _check_replaceable(folder: Path) -> None:
    """A README is common: it goes only where the other files of an earlier export are."""
    *others, readme = FILES
    if (folder / readme).exists() and not all((folder / name).exists() for name in others):
        raise OutputError(
            f"{folder} holds a {readme} that is of no exported network and would be replaced; "
            f"choose another folder"
        )


def steps(chip: Chip) -> int:
    """Steps of a sample in SANA-FE, until its last spikes have come to the last neurons."""
    return chip.network.timesteps + len(plan_of(chip.network)) - 1 + _hears_inputs(chip)


def is_exact(chip: Chip) -> bool:
    """Whether no layer with a bias has to wait for its first spikes."""
    waiting = chip.integers.biases[0 if _hears_inputs(chip) else 1 :]
    return not any(biases.any() for biases in waiting)


def network(chip: Chip, x: ArrayLike, index: int = 0) -> str:
    """A network on a chip as the text of SANA-FE's network file; as `write`."""
    synapses, names = _synapses(chip), _names(chip)
    lines = ["network:", "  name: neurochip", "  groups:"]
    if _hears_inputs(chip):
        lines += _inputs(chip, x, index)
    for number, name in enumerate(names[1:]):
        lines += _neurons(chip, number, name)
    lines.append("  edges:")
    for entry in synapses:
        source, target = names[entry.source], names[entry.target]
        columns = zip(entry.pre.tolist(), entry.post.tolist(), entry.weights.tolist(), strict=True)
        lines += [
            f"    - {source}.{i} -> {target}.{j}: [weight: {w / UNIT}]" for i, j, w in columns
        ]
    lines += ["mappings:", *_mappings(chip, synapses, names)]
    return "\n".join(lines) + "\n"


def _names(chip: Chip) -> list[str]:
    """Names of the populations, the inputs first."""
    return ["inputs", *(f"layer{number}" for number in range(len(plan_of(chip.network))))]


def _hears_inputs(chip: Chip) -> bool:
    return bool(plan_of(chip.network)[0].n_weights)


def _inputs(chip: Chip, x: ArrayLike, index: int) -> Iterator[str]:
    if chip.encoding == "graded":
        raise ExportError(
            "encoding is 'graded', but SANA-FE's neurons hear spikes; train with encoding 'rate', "
            "'bernoulli' or 'spikes'"
        )
    sent = chip.observe(x, 0, index).signal[0] != 0
    yield "    - name: inputs"
    yield "      attributes: []"
    yield "      neurons:"
    for i, spikes in enumerate(sent.T.astype(int).tolist()):
        yield f"        - {i}: [soma: {{spikes: {spikes}}}]"


def _neurons(chip: Chip, number: int, name: str) -> Iterator[str]:
    """The neurons of one weight layer; a read-out that doesn't spike has no threshold to reach."""
    entry, formats = plan_of(chip.network)[number], chip.formats.layers[number]
    highest = 1 << chip.hardware.registers.membrane.bits.value
    threshold, leak = highest, 0.0
    if entry.neuron is not None:
        leak = 1 - decay_factor(entry.neuron.lam) / _DECAY_ONE
    if isinstance(entry.neuron, LIF):
        _check_neuron(number, entry.neuron)
        threshold = max(1, int(np.floor(entry.neuron.v_th * 2.0**formats.membrane + 0.5)))
        threshold -= chip.hardware.neuron.fires == ">="
    soma = f"threshold: {threshold / UNIT}, leak_decay: {leak!r}, reset_mode: hard"
    biases = chip.integers.biases[number].astype(np.int64) << formats.bias_exponent
    yield f"    - name: {name}"
    yield "      attributes: []"
    yield "      neurons:"
    for i, bias in enumerate(biases.tolist()):
        yield f"        - {i}: [soma: {{{soma}, bias: {bias / UNIT}}}, log_spikes: true]"


def _check_neuron(number: int, neuron: LIF) -> None:
    odd = [
        f"{name} {value!r}"
        for name, value, usual in (
            ("reset", neuron.reset, "hard"),
            ("v_reset", neuron.v_reset, 0.0),
            ("current_lam", neuron.current_lam, 0.0),
        )
        if value != usual
    ]
    if odd:
        raise ExportError(
            f"neurons of layer {number} have {' and '.join(odd)}, but SANA-FE's have a hard reset "
            f"to 0 and currents that last a step; export a network of such neurons"
        )


def _synapses(chip: Chip) -> list[_Synapses]:
    """All synapses, layers first."""
    plan, weights, found = plan_of(chip.network), chip.integers.weights, []
    loops = loops_of(chip.network)
    layers = [*(entry.layer for entry in plan), *(loop.layer for loop in loops)]
    for number, projection in enumerate(chip.map.topology.projections):
        source, layer = projection.source, projection.target - 1
        if projection.kind not in KINDS or projection.wiring is not None:
            raise ExportError(
                f"layer {layer} is a convolution or hears pools, but for SANA-FE synapses are "
                f"written one by one; export a network of Dense and Sparse layers"
            )
        if number >= len(plan) and source != projection.target:
            raise ExportError(
                f"feedback leads from layer {source - 1} to layer {layer}, but in SANA-FE spikes "
                f"take one step to any layer; keep feedback within a layer"
            )
        formats = chip.formats.layers[layer]
        shift = formats.membrane - formats.weight
        if shift < 0:
            raise ExportError(
                f"weights of layer {layer} have {-shift} fraction bits more than its membranes, "
                f"which SANA-FE would keep; export a network of larger weights"
            )
        pre, post = _ends(layers[number], (projection.n_source, projection.n_target))
        w = weights[number].astype(np.int64).ravel() << shift
        found.append(_Synapses(source, projection.target, projection.kind, pre, post, w))
    return found


def _ends(
    layer: WeightLayer, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each synapse begins and ends, in the order of the weights, (synapses,) each."""
    if isinstance(layer, Sparse):
        starts = np.repeat(np.arange(layer.n_in), np.diff(layer.offsets))
        return starts, layer.targets.astype(np.int64)
    pre, post = np.indices(shape, np.int64).reshape(2, -1)
    return pre, post


def _mappings(chip: Chip, synapses: list[_Synapses], names: list[str]) -> Iterator[str]:
    """Which core holds each neuron, in the order in which the cores look at them."""
    slices, hardware = chip.map.slices, chip.hardware
    if _hears_inputs(chip):
        units = "dendrite: port_dendrites, synapse: port_synapses"
        for i in range(chip.network.n_in):
            yield f"  - inputs.{i}: [core: {port_name(hardware)}, soma: 'source[{i}]', {units}]"
    for number, name in enumerate(names[1:], start=1):
        units = f"soma: lif, dendrite: dendrites, synapse: {_kind(hardware, synapses, number)}"
        own = slices.of(number)
        spans = zip(slices.first[own].tolist(), slices.last[own].tolist(), strict=True)
        for (first, last), core in zip(spans, chip.map.core[own].tolist(), strict=True):
            place = core_name(hardware, core)
            yield from (f"  - {name}.{i}: [core: {place}, {units}]" for i in range(first, last))


def _kind(hardware: Hardware, synapses: list[_Synapses], population: int) -> str:
    """The kind of the synapses that a population hears: SANA-FE has one for a neuron."""
    heard = [entry.kind for entry in synapses if entry.target == population and entry.pre.size]
    costs = costs_of(hardware)
    if len({costs[kind] for kind in heard}) > 1:
        raise ExportError(
            f"neurons of layer {population - 1} hear {' and '.join(sorted(set(heard)))} synapses, "
            f"which cost differently on hardware {hardware.name!r}, but in SANA-FE a neuron has "
            f"synapses of one kind; make the layers of one kind"
        )
    return heard[0] if heard else "dense"
