"""What every rule says of itself, and that it keeps no more than it says."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neurochip import rules
from neurochip.errors import RuleError
from neurochip.network import Network, initialise, presets
from neurochip.reference import Trainer
from neurochip.reference.neurons import LIFNode
from neurochip.reference.representation import RepresentationPass
from neurochip.reference.tssl import TSSLNode
from neurochip.reference.unrolled import UnrolledLIF
from neurochip.reference.weights import TracedNode
from neurochip.rules import BPTT, OTTT, SLTT, TET, TSSLBP, SpikeRepresentation, Surrogate

ALL = (OTTT, SLTT, BPTT, TET, TSSLBP, SpikeRepresentation)
BATCH = 3


def test_all_are_known_by_name() -> None:
    assert rules.names() == ("ottt", "sltt", "bptt", "tet", "tssl_bp", "spike_representation")
    assert tuple(rules.get(name.upper()) for name in rules.names()) == ALL


@pytest.mark.parametrize("rule", ALL)
def test_each_states_its_equation_and_factors(rule: Any) -> None:
    assert rule.__doc__ and "=" in rule.__doc__
    assert len(rule.factors) == 3
    assert rule.is_online == (rule in (OTTT, SLTT))
    assert rule.is_local == (rule not in (BPTT, TET, TSSLBP))
    assert not rule.is_online or rule().memory(6) == rule().memory(60)


def kept_by_neurons(trainer: Trainer) -> int:
    """Numbers that nodes of hidden neurons, and the weights above them, keep between steps."""
    if trainer.engine is not None:
        chain = trainer.engine.chain
    elif isinstance(trainer.passes, RepresentationPass):
        chain = trainer.passes.engine.chain
    else:
        assert trainer.passes is not None
        chain = trainer.passes.chain
    kept = 0
    for node in chain.walk():
        if isinstance(node, LIFNode):
            kept += node.v.size
        elif isinstance(node, TracedNode) and node.number > 0:
            kept += node.x.size
        elif isinstance(node, UnrolledLIF):
            kept += node.u.size + node.s.size
        elif isinstance(node, TSSLNode):
            kept += node.delta_u.size + node.u.size + node.s.size + node.psc.size
    return kept


@pytest.mark.parametrize("timesteps", [5, 20])
@pytest.mark.parametrize("rule", ALL)
def test_memory_is_as_declared(rule: Any, timesteps: int) -> None:
    if rule is TSSLBP:
        network = presets.tssl("8-7", (1, 3, 3), 4, timesteps)
        neurons = 8 + 7 + 4
    else:
        network = Network.mlp([9, 8, 7, 4], timesteps)
        neurons = 8 + 7
    trainer = Trainer(network, initialise(network, 0), rule(), 0.1)
    trainer.learn_batch(np.ones((BATCH, *network.in_shape)), np.zeros(BATCH, np.int64))
    assert kept_by_neurons(trainer) == rule().memory(timesteps).neuron * neurons * BATCH


@pytest.mark.parametrize("rule", [OTTT(), OTTT("accumulate"), OTTT("last"), SLTT("online"), SLTT()])
def test_memory_of_synapses_of_on_line_rules_is_as_declared(rule: Any) -> None:
    """What a rule keeps at its synapses between steps is what it would miss if it were lost."""
    network = Network.mlp([9, 8, 4], 5)
    params, x, y = initialise(network, 0), np.ones((BATCH, 9)), np.zeros(BATCH, np.int64)

    def learned(*, forgetful: bool) -> Any:
        trainer = Trainer(network, params, rule, 0.1)
        for _ in trainer.steps(x, y):
            assert trainer.engine is not None
            if forgetful:
                trainer.engine.clear()
        return trainer.params.weights

    pairs = zip(learned(forgetful=False), learned(forgetful=True), strict=True)
    misses = any(not np.array_equal(one, other) for one, other in pairs)
    assert rule.memory(5).synapse == int(misses)


@pytest.mark.parametrize("rule", [BPTT, TET, TSSLBP, SpikeRepresentation])
def test_memory_of_synapses_of_other_rules_is_one_gradient(rule: Any) -> None:
    network = presets.tssl("8", (9,), 4, 5) if rule is TSSLBP else Network.mlp([9, 8, 4], 5)
    trainer = Trainer(network, initialise(network, 0), rule(), 0.0)
    _, gradient = trainer.gradient(np.ones((BATCH, 9)), np.zeros(BATCH, np.int64))
    assert sum(k.size for k in gradient.weights) == rule().memory(5).synapse * network.n_weights
    assert any(k.any() for k in gradient.weights)


# What the type checker would refuse before the rule does.
an_sltt: Any = SLTT
a_bptt: Any = BPTT
a_tet: Any = TET
a_tssl: Any = TSSLBP


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: an_sltt(update="last"),
            "SLTT update is 'last'; it must be one of 'online', 'accumulate'.",
        ),
        (lambda: a_bptt(loss="x"), "BPTT loss is 'x'; it must be one of 'steps', 'tet', 'sdt'."),
        (
            lambda: a_tet(loss_lambda=1.5),
            "TET loss_lambda is 1.5; it must be a number from 0 to 1.",
        ),
        (lambda: a_tet(surrogate="x"), "TET surrogate is 'x'; it must be a Surrogate."),
        (lambda: a_tet(phi=float("nan")), "TET phi is nan; it must be a number."),
        (
            lambda: a_tssl("x"),
            "TSSLBP loss is 'x'; it must be one of 'kernel', 'count', 'softmax'.",
        ),
        (lambda: a_tssl(desired="x"), "TSSLBP desired is 'x'; it must be a number."),
        (
            lambda: SpikeRepresentation(-0.5),
            "SpikeRepresentation loss_lambda is -0.5; it must be a number from 0 to 1.",
        ),
    ],
)
def test_refused_options(make: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        make()


CONV = Network.conv("2C3-P2", (1, 8, 8), 3)
MLP = Network.mlp([9, 8, 3])
FEEDBACK = presets.vgg_f(3, (2, 8, 8), plan=(3, 0, 4))


@pytest.mark.parametrize(
    ("network", "rule", "message"),
    [
        (
            CONV,
            OTTT(feedback="random"),
            "feedback 'random' needs an mlp but the network has a Conv2d as layer 0; use feedback "
            "'symmetric'.",
        ),
        (
            presets.vggsnn(3, (2, 8, 8), plan=(3, 0)),
            OTTT(),
            "on-line rules can't train a BatchNorm, whose statistics are over all steps; use "
            "weight layers with sws=True, or train by BPTT or TET.",
        ),
        (
            presets.tssl("8", (1, 3, 3)),
            SLTT(),
            "on-line rules have no trace for a LowPass layer; train this network by TSSLBP or "
            "BPTT.",
        ),
        (
            FEEDBACK,
            TET(),
            "rule 'tet' can't train feedback between layers; use 'ottt' or 'sltt'.",
        ),
        (
            FEEDBACK,
            SpikeRepresentation(),
            "rule 'spike_representation' can't train feedback between layers; use 'ottt' or "
            "'sltt'.",
        ),
        (
            Network.mlp([9, 8, 3], reset="hard"),
            SpikeRepresentation(),
            "rule 'spike_representation' needs soft resets and a linear read-out; use another rule "
            "or network.",
        ),
        (
            MLP,
            TSSLBP(),
            "TSSLBP needs neurons with a hard reset to 0 that fire above the threshold, but layer "
            "1 is LIF(lam=0.5, v_th=1.0, reset='soft', v_reset=0.0, fires='>=', "
            "current_lam=0.0); use presets.tssl "
            "or presets.tssl_neuron.",
        ),
        (
            Network.mlp([9, 8, 3], reset="hard", fires=">"),
            TSSLBP(),
            "TSSLBP needs a LowPass after all neurons but layer 1 has none; use presets.tssl or "
            "add it.",
        ),
        (
            Network.mlp([9, 8, 3], lam=1.0, reset="hard", fires=">"),
            TSSLBP(),
            "TSSLBP needs neurons with a leak, whose time constant is 1 / (1 - lam), but layer 1 "
            "has lam = 1; lower it.",
        ),
        (
            Network.mlp([9, 3], readout="leaky"),
            TSSLBP(),
            "TSSLBP needs a spiking read-out but the network's is LI; end it with LIF and LowPass.",
        ),
    ],
)
def test_rules_on_networks_that_they_cannot_train(network: Any, rule: Any, message: str) -> None:
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        Trainer(network, initialise(network, 0), rule, 0.1)


def test_kernel_needs_whole_patterns() -> None:
    network = presets.tssl("8", (1, 3, 3), timesteps=7)
    trainer = Trainer(network, initialise(network, 0), TSSLBP(), 0.1)
    message = (
        "timesteps is 7, no multiple of the 5 steps of the target pattern of loss 'kernel'; use 5, "
        "10, 20, ... steps or the loss 'count'."
    )
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        trainer.learn_batch(np.ones((2, 1, 3, 3)), np.zeros(2, np.int64))


def test_trains_must_fit() -> None:
    network = presets.tssl("8", (1, 3, 3), 4, timesteps=7)
    x, trains = np.ones((2, 1, 3, 3)), np.zeros((7, 2, 5))
    trainer = Trainer(network, initialise(network, 0), TSSLBP(), 0.1)
    message = "target spike trains have shape (7, 2, 5); the network's outputs have (7, 2, 4)."
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        trainer.learn_batch(x, trains)
    trainer = Trainer(network, initialise(network, 0), TSSLBP("count"), 0.1)
    message = (
        "loss 'count' got targets of shape (7, 2, 5); it needs labels, (batch,), and only 'kernel' "
        "takes spike trains."
    )
    with pytest.raises(RuleError, match=f"^{re.escape(message)}$"):
        trainer.learn_batch(x, trains)


def test_the_ablation_changes_silent_neurons_alone() -> None:
    network = presets.tssl("20", (1, 3, 3), 4)
    params = initialise(network, 0)
    x, y = np.random.default_rng(0).random((8, 1, 3, 3)), np.arange(8) % 4
    found = {}
    for warm_up in (True, False):
        trainer = Trainer(network, params, TSSLBP(warm_up=warm_up), 0.0)
        trainer.gradient(x, y)
        assert trainer.passes is not None
        readout = [node for node in trainer.passes.chain.walk() if isinstance(node, TSSLNode)][-1]
        found[warm_up] = readout.g_current.copy()
        silent = readout.psc < 1 / 12
    assert silent.any() and not silent.all()
    assert np.array_equal(found[True][~silent], found[False][~silent])
    assert (found[True][silent] != found[False][silent]).any()


def test_a_tent_is_continuous() -> None:
    tent = Surrogate("tent", width=0.5)
    u = np.array([0.0, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert tent.derivative(u, 2.0).tolist() == [0.0, 0.0, 0.5, 1.0, 0.5, 0.0]
