"""SANA-FE's files, to the letter. benchmarks/sanafe.py runs them in SANA-FE itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurochip import hardware
from neurochip.chip import Chip
from neurochip.deploy import sanafe
from neurochip.deploy.sanafe.chips import core_name, port_name
from neurochip.errors import ExportError, OutputError
from neurochip.network import (
    LIF,
    Conv2d,
    Dense,
    Feedback,
    Flatten,
    Layer,
    Network,
    Parameters,
    Sparse,
)

LOIHI = hardware.load("loihi_calibrated")
NEURON = LIF(0.75, 9.0, "hard", 0.0, ">")
BACK = Feedback(1, 0, (Sparse.between([0, 1], [1, 0], 2, 2, bias=False),))


def chip_of(
    layers: tuple[Layer, ...],
    *weights: list[float],
    bias: float = 0.0,
    feedback: tuple[Feedback, ...] = (),
) -> Chip:
    """Two steps of a network of small whole weights, whose first layer has biases."""
    net = Network(layers, 2, feedback=feedback)
    shapes = [layer.weight_shape for layer in net.weight_layers]
    given = tuple(np.reshape(w, shape) for w, shape in zip(weights, shapes, strict=True))
    biases = [np.zeros(layer.n_out) for layer in net.weight_layers]
    biases[0] += bias
    start = Parameters(given, tuple(biases))
    return Chip(net, LOIHI, encoding="spikes", parameters=start)


def recurrent() -> Chip:
    """Two neurons that drive each other, and that no input drives."""
    layers = (Sparse.between([], [], 1, 2), NEURON)
    return chip_of(layers, [], [-3.0, 5.0], bias=2.0, feedback=(BACK,))


def test_a_recurrent_network_to_the_letter() -> None:
    """Weights and all that goes with them have three bits of fraction, so they are eightfold."""
    chip = recurrent()
    assert (sanafe.steps(chip), sanafe.is_exact(chip)) == (2, True)
    assert sanafe.network(chip, np.zeros(1)) == (
        "network:\n"
        "  name: neurochip\n"
        "  groups:\n"
        "    - name: layer0\n"
        "      attributes: []\n"
        "      neurons:\n"
        "        - 0: [soma: {threshold: 72.0, leak_decay: 0.75, reset_mode: hard, bias: 16.0}, "
        "log_spikes: true]\n"
        "        - 1: [soma: {threshold: 72.0, leak_decay: 0.75, reset_mode: hard, bias: 16.0}, "
        "log_spikes: true]\n"
        "  edges:\n"
        "    - layer0.0 -> layer0.1: [weight: -24.0]\n"
        "    - layer0.1 -> layer0.0: [weight: 40.0]\n"
        "mappings:\n"
        "  - layer0.0: [core: 0.0, soma: lif, dendrite: dendrites, synapse: sparse]\n"
        "  - layer0.1: [core: 0.0, soma: lif, dendrite: dendrites, synapse: sparse]\n"
    )


def test_inputs_and_a_read_out_to_the_letter() -> None:
    """Inputs are at the port; the read-out keeps nothing and never fires: 2^24 / 64 is beyond its
    membrane's 24 bits.
    """
    chip = chip_of((Dense(1, 1), NEURON, Dense(1, 1)), [4.0], [6.0])
    assert (sanafe.steps(chip), sanafe.is_exact(chip)) == (4, True)
    assert sanafe.network(chip, np.array([[1], [0]])) == (
        "network:\n"
        "  name: neurochip\n"
        "  groups:\n"
        "    - name: inputs\n"
        "      attributes: []\n"
        "      neurons:\n"
        "        - 0: [soma: {spikes: [1, 0]}]\n"
        "    - name: layer0\n"
        "      attributes: []\n"
        "      neurons:\n"
        "        - 0: [soma: {threshold: 72.0, leak_decay: 0.75, reset_mode: hard, bias: 0.0}, "
        "log_spikes: true]\n"
        "    - name: layer1\n"
        "      attributes: []\n"
        "      neurons:\n"
        "        - 0: [soma: {threshold: 262144.0, leak_decay: 0.0, reset_mode: hard, bias: 0.0}, "
        "log_spikes: true]\n"
        "  edges:\n"
        "    - inputs.0 -> layer0.0: [weight: 32.0]\n"
        "    - layer0.0 -> layer1.0: [weight: 48.0]\n"
        "mappings:\n"
        "  - inputs.0: [core: 0.4, soma: 'source[0]', dendrite: port_dendrites, "
        "synapse: port_synapses]\n"
        "  - layer0.0: [core: 0.0, soma: lif, dendrite: dendrites, synapse: dense]\n"
        "  - layer1.0: [core: 0.1, soma: lif, dendrite: dendrites, synapse: dense]\n"
    )


def test_biases_above_inputs_are_early() -> None:
    chip = chip_of((Dense(1, 1), NEURON, Dense(1, 1)), [4.0], [6.0], bias=1.0)
    assert not sanafe.is_exact(chip)


def test_tiles_are_counted_column_by_column() -> None:
    """8 x 4 tiles of 4 cores: core 4 is a tile to the east, core 32 one to the north."""
    assert [core_name(LOIHI, core) for core in (0, 3, 4, 32, 127)] == [
        "0.0",
        "0.3",
        "4.0",
        "1.0",
        "31.3",
    ]
    assert port_name(LOIHI) == "0.4"


def test_an_architecture_holds_every_cost() -> None:
    lines = sanafe.architecture(LOIHI).splitlines()
    assert "    latency_sync: {1: 6e-07, 2: 1e-06, 4: 1.4e-06, 29: 1.8e-06}" in lines
    assert "    - name: tile[0..31]" in lines
    assert "        - name: core[0..3]" in lines
    found = re.findall(r"^ +((?:energy|latency)_(?!sync)\w+): (.+)$", "\n".join(lines), re.M)
    costs = dict(found)
    assert {name: float(value) for name, value in costs.items()} == {
        "energy_north_hop": 4.2e-12,
        "latency_north_hop": 6.5e-9,
        "energy_east_hop": 3e-12,
        "latency_east_hop": 4.1e-9,
        "energy_south_hop": 4.2e-12,
        "latency_south_hop": 6.5e-9,
        "energy_west_hop": 3e-12,
        "latency_west_hop": 4.1e-9,
        "energy_message_in": 0.0,
        "latency_message_in": 16e-9,
        "energy_access_neuron": 51.2e-12,
        "latency_access_neuron": 6e-9,
        "energy_update_neuron": 21.6e-12,
        "latency_update_neuron": 3.7e-9,
        "energy_spike_out": 69.3e-12,
        "latency_spike_out": 30e-9,
        "energy_update": 0.0,
        "latency_update": 0.0,
        "energy_process_spike": 33.6e-12,
        "latency_process_spike": 4.7e-9,
        "energy_message_out": 111e-12,
        "latency_message_out": 5.1e-9,
    }
    assert ("energy_process_spike", "3.55e-11") in found


def test_the_port_is_free_and_in_the_first_tile() -> None:
    text = sanafe.architecture(LOIHI, inputs=3)
    first, others = text.split("    - name: tile[1..31]\n")
    assert "    - name: tile[0..0]\n" in first
    port = first.split("        - name: port\n")[1]
    assert "            - name: source[0..2]\n" in port
    assert {float(cost) for cost in re.findall(r"(?:energy|latency)_\w+: (.+)", port)} == {0.0}
    assert "name: port" not in others


def test_a_folder(tmp_path: Path) -> None:
    written = sanafe.write(recurrent(), np.zeros(1), tmp_path / "out")
    assert [path.name for path in written] == list(sanafe.FILES)
    chip, network, readme = (path.read_text(encoding="utf-8") for path in written)
    assert chip == sanafe.architecture(LOIHI)
    assert network == sanafe.network(recurrent(), np.zeros(1))
    assert "print(chip.sim(2, " in readme
    assert "at step t + l here. Spikes are the same, one by one.\n" in readme


def graded() -> Chip:
    return Chip(Network((Dense(1, 1), NEURON), 1), LOIHI)


REFUSALS = {
    "encoding is 'graded', but SANA-FE's neurons hear spikes; train with encoding 'rate', "
    "'bernoulli' or 'spikes'": graded,
    "neurons of layer 0 have current_lam 0.5, but SANA-FE's have a hard reset to 0 and currents "
    "that last a step; export a network of such neurons": lambda: chip_of(
        (Dense(1, 1), replace(NEURON, current_lam=0.5)), [1.0]
    ),
    "layer 0 is a convolution or hears pools, but for SANA-FE synapses are written one by one; "
    "export a network of Dense and Sparse layers": lambda: Chip(
        Network((Conv2d(1, 1, 2), NEURON, Flatten(), Dense(1, 1)), 1, (1, 2, 2)),
        LOIHI,
        encoding="spikes",
    ),
    "feedback leads from layer 1 to layer 0, but in SANA-FE spikes take one step to any layer; "
    "keep feedback within a layer": lambda: chip_of(
        (Dense(1, 2), NEURON, Dense(2, 2), NEURON),
        [1.0, 1.0],
        [1.0] * 4,
        [1.0, 1.0],
        feedback=(replace(BACK, source=3),),
    ),
    "neurons of layer 0 hear dense and sparse synapses, which cost differently on hardware "
    "'loihi_calibrated', but in SANA-FE a neuron has synapses of one kind; make the layers of one "
    "kind": lambda: chip_of((Dense(1, 2), NEURON), [1.0, 1.0], [1.0, 1.0], feedback=(BACK,)),
}


@pytest.mark.parametrize("sentence", REFUSALS, ids=lambda sentence: sentence.split(",")[0])
def test_what_sana_fe_cannot_express_is_refused(sentence: str, tmp_path: Path) -> None:
    chip = REFUSALS[sentence]()
    with pytest.raises(ExportError, match=f"^{re.escape(sentence)}$"):
        sanafe.write(chip, np.ones(chip.network.n_in), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_readme_of_no_export_is_not_replaced(tmp_path: Path) -> None:
    chip, folder = recurrent(), tmp_path
    (folder / "README").write_text("mine")
    sentence = (
        f"{folder} holds a README that is of no exported network and would be replaced; choose "
        f"another folder"
    )
    with pytest.raises(OutputError, match=f"^{re.escape(sentence)}$"):
        sanafe.write(chip, np.ones(chip.network.n_in), folder)
    assert [path.name for path in folder.iterdir()] == ["README"]
    (folder / "README").unlink()
    for _again in range(2):
        assert len(sanafe.write(chip, np.ones(chip.network.n_in), folder)) == len(sanafe.FILES)


def test_unknown_costs_are_refused() -> None:
    sentence = (
        "hardware 'loihi' leaves open what SANA-FE needs (message out, message in); "
        "give it in a file that extends 'loihi', or use 'loihi_calibrated'"
    )
    with pytest.raises(ExportError, match=f"^{re.escape(sentence)}$"):
        sanafe.architecture(hardware.load("loihi"))


def test_costs_that_it_does_not_have_are_refused() -> None:
    sentence = (
        "word_read of hardware 'loihi_calibrated' costs something, but SANA-FE's chips have no "
        "such event; set costs.energy.word_read and costs.time.word_read to 0"
    )
    with pytest.raises(ExportError, match=f"^{re.escape(sentence)}$"):
        sanafe.architecture(LOIHI.with_values({"costs.energy.word_read": 1.0}))
