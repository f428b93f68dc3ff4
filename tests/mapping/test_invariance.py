"""What a network computes doesn't depend on how it is spread over cores: bit for bit, any map."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.kernels.jit import INTERPRETED
from neurochip.kernels.meter import silent
from neurochip.kernels.stream import learn_stream
from neurochip.mapping import ChipMap, map_network
from neurochip.network import LIF, AvgPool, Conv2d, Dense, Flatten, Network
from tests.kernels import bridge
from tests.mapping.nets import chip
from tests.naive.mapped import MappedChip
from tests.naive.strategies import Case, cases_of, convolutional_configs, core_configs

CHIP = chip(cores=16, width=2, height=2)
EXAMPLES = 15 if INTERPRETED else 40


def network_of(case: Case) -> Network:
    """A network of the same layers, which is what is mapped."""
    layers: list[Any] = []
    first = case.config.layers[0].convolution
    in_shape: tuple[int, ...] = (case.config.layers[0].n_in,)
    if first is not None:
        in_shape = (first.c_in, first.h_in, first.w_in)
    is_flat = first is None
    for layer in case.config.layers:
        if layers:
            layers.append(LIF())
        if layer.pool is not None:
            layers.append(AvgPool(layer.pool.side))
        if layer.convolution is not None:
            c = layer.convolution
            layers.append(Conv2d(c.c_in, c.c_out, c.kernel, stride=c.stride, padding=c.padding))
            continue
        if not is_flat:
            layers.append(Flatten())
            is_flat = True
        layers.append(Dense(layer.n_in, layer.n_out))
    return Network(tuple(layers), case.config.T, in_shape)


def placement(rng: random.Random, case: Case) -> str:
    """A file that cuts every layer somewhere and puts the slices anywhere."""
    lines = ["layer,first,last,core"]
    for ell, layer in enumerate(case.config.layers):
        cuts = {0, layer.n_out} | {rng.randrange(layer.n_out) for _ in range(rng.randrange(5))}
        bounds = sorted(cuts)
        lines += [
            f"{ell},{first},{last},{rng.randrange(CHIP.limits.cores.value)}"
            for first, last in itertools.pairwise(bounds)
        ]
    return "\n".join(lines) + "\n"


@st.composite
def mapped_cases(draw: st.DrawFn, configs: Any, folder: Path) -> tuple[Case, ChipMap]:
    """A case of any modes but direct feedback, and a map of it of any kind."""
    config = draw(configs)
    if config.feedback == "direct":
        config = replace(config, feedback="symmetric")
    config = replace(
        config,
        membrane=replace(config.membrane, bits=min(config.membrane.bits, 31)),
        layers=tuple(replace(y, fires=config.layers[0].fires) for y in config.layers),
    )
    case = draw(cases_of(st.just(config), max_samples=2))
    placer = draw(st.sampled_from(["greedy", "traffic", "by hand"]))
    each = draw(st.one_of(st.none(), st.integers(1, 6)))
    if placer == "by hand":
        path = folder / "cores.csv"
        path.write_text(placement(random.Random(draw(st.integers(0, 2**32 - 1))), case))
        placer = str(path)
    return case, map_network(network_of(case), CHIP, placer=placer, neurons_per_core=each)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("placements")


@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_dense_networks_learn_the_same_on_any_cores(data: st.DataObject, folder: Path) -> None:
    assert_same(*data.draw(mapped_cases(core_configs(), folder)))


@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_convolutions_learn_the_same_on_any_cores(data: st.DataObject, folder: Path) -> None:
    assert_same(*data.draw(mapped_cases(convolutional_configs(), folder)))


def assert_same(case: Case, mapped: ChipMap) -> None:
    """Core by core, on one core, and compiled: the same registers in every step, and memories."""
    c, whole, parts = case.config, case.core(), MappedChip(case, mapped)
    _, _, places = bridge.stream(case)
    for k, (sample, place) in enumerate(zip(case.samples, places.tolist(), strict=True)):
        whole.start_sample()
        parts.start_sample()
        for t in range(c.T):
            given_to_both = (t, sample, case.labels[k], case.learned_before + k, case.epoch, place)
            wanted, found = whole.step(*given_to_both), parts.step(*given_to_both)
            assert (found["o"], found["e"]) == (wanted["o"], wanted["e"])
            for name in ("v_pre", "v", "s", "psi", "x", "d"):
                assert_held(found[name], wanted[name])
    memories = {"weights": whole.w, "shadow": whole.shadow, "bias": whole.bias}
    assert_memories_held(parts.memories(), memories)
    compiled = bridge.build(case.core())
    inputs, labels, order = bridge.stream(case)
    learn_stream(
        compiled,
        silent(compiled.layers.size),
        inputs,
        labels,
        order,
        case.epoch,
        case.learned_before,
    )
    assert_memories_held(
        parts.memories(),
        {
            "weights": bridge.matrices(compiled, "weights"),
            "shadow": bridge.matrices(compiled, "shadow"),
            "bias": bridge.channels(compiled, "bias"),
        },
    )


def assert_held(found: list[dict[int, int]], wanted: list[list[int]] | None) -> None:
    """What cores hold of each layer is what the whole has there."""
    for held, layer in zip(found, wanted or [[]] * len(found), strict=True):
        assert held == {number: layer[number] for number in held}


def assert_memories_held(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert_held(found["bias"], wanted["bias"])
    for name in ("weights", "shadow"):
        assert (found[name] is None) == (wanted[name] is None)
        for rows, matrix in zip(found[name] or [], wanted[name] or [], strict=True):
            assert_held(list(rows.values()), [matrix[row] for row in rows])
