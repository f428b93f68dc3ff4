"""Stages add up to the whole; the least time follows from products and bytes."""

from __future__ import annotations

import time

import numpy as np
import pytest

import neurochip as nc
from neurochip.chip.limits import (
    INPUT_BYTES,
    NEURON_BYTES,
    TRACE_BYTES,
    Machine,
    machine,
    of_phases,
)
from neurochip.chip.stages import REST, Stages
from neurochip.kernels import layout
from neurochip.network import Network
from neurochip.rules import OTTT
from neurochip.rules.ottt import Update

SIZES = (12, 9, 5)
#: So slow that every number is a round one: a product, and a byte, a second.
SLOW = Machine(products=1.0, read=1.0, changed=1.0, size=1)


def test_a_stage_within_another_is_taken_out_of_it() -> None:
    begun = time.perf_counter()
    stages = Stages()
    with stages("outer"):
        time.sleep(0.01)
        with stages("inner"):
            time.sleep(0.02)
        with pytest.raises(ZeroDivisionError), stages("failing"):
            raise ZeroDivisionError
    stages.count()
    took = time.perf_counter() - begun
    assert set(stages.seconds) == {"outer", "inner", "failing", REST}
    assert stages.seconds["inner"] >= 0.02
    assert stages.seconds["outer"] >= 0.01
    assert sum(stages.seconds.values()) == pytest.approx(took, abs=0.01)


def test_kernels_are_watched_on_request_only() -> None:
    core = chip()._core
    stages = Stages()
    with stages.kernels(core) as watch:
        assert watch == ()
    assert stages.phases() == ({}, 0.0)
    assert (stages.steps, stages.error_steps) == (0, 0)
    stages.watch_kernels()
    with stages.kernels(core, learned=7) as watch:
        core.counters[0, 1, layout.SYNAPTIC_OPS] += 3
    assert len(watch) == 1
    assert stages.learned_steps == 7
    assert np.sum(stages.work) == 3
    phases, clock = stages.phases()
    assert set(phases.values()) == {0.0}
    assert clock == 0


def test_a_machine_is_measured() -> None:
    own = machine(1 << 16)
    assert own.size == 1 << 16
    assert min(own.products, own.read, own.changed) > 1e6


def test_products_and_bytes_go_on_at_once() -> None:
    assert SLOW.least(products=5, read=2, changed=4) == 6
    assert SLOW.least(products=7, read=2, changed=4) == 7


@pytest.mark.parametrize(("update", "bytes_each"), [("online", 1), ("accumulate", 2)])
def test_the_least_time_of_phases(update: Update, bytes_each: int) -> None:
    n_in, n, n_out = SIZES
    work = np.zeros((2, len(layout.COUNTERS)), np.int64)
    work[:, layout.SYNAPTIC_OPS] = 100, 20
    work[:, layout.WEIGHT_UPDATES] = 50, 7
    assert of_phases(chip(update)._core, SLOW, work, steps=6, learned=4, errors=3) == {
        "axon in": 6 * n_in * INPUT_BYTES,
        "synapse": 120,
        "neuron": 6 * (n + n_out) * NEURON_BYTES,
        "trace": 4 * (n_in + n) * TRACE_BYTES,
        "transport": 3 * n * n_out,
        "update": 57 * 2 * bytes_each,
    }


def chip(update: Update = "online") -> nc.Chip:
    return nc.Chip(Network.mlp(SIZES, 4), rule=OTTT(update))
