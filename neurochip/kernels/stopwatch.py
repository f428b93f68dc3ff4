"""A stopwatch in the pipeline: nanoseconds that went by in each phase, where somebody asks.

Pipelines mark where a phase ends. Nobody watches as a rule (the watch is None), and then a mark is
no code at all: the compiled pipeline is the same as one without marks. A watched pipeline is
compiled from the same source, apart; a mark in it reads the clock, which takes some 25 ns, and
`cost_of_marks` tells how long that is here.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from neurochip.kernels.jit import INTERPRETED, kernel, unit

#: Phases of the pipeline, in the order in which a step comes to them.
PHASES = (
    *("axon in", "synapse", "neuron", "trace", "read-out"),
    *("error", "transport", "update", "accounting"),
)
AXON_IN, SYNAPSE, NEURON, TRACE, READ_OUT, ERROR, TRANSPORT, UPDATE, ACCOUNTING = range(9)

#: Places of a watch: the time of its last mark, then nanoseconds and marks of each phase.
_LAST, _SPENT, _MARKS = 0, 1, 1 + len(PHASES)
_SIZE = 1 + 2 * len(PHASES)
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_NANOSECONDS = 1_000_000_000

Watch = NDArray[np.int64]


def new_watch() -> Watch:
    """A watch at zero."""
    return np.zeros(_SIZE, np.int64)


def spent(watch: Watch) -> NDArray[np.int64]:
    """Nanoseconds of each phase, (len(PHASES),)."""
    return watch[_SPENT : _SPENT + len(PHASES)]


def marks(watch: Watch) -> NDArray[np.int64]:
    """How often each phase came to its end, (len(PHASES),)."""
    return watch[_MARKS : _MARKS + len(PHASES)]


def _emit_now(builder: Any) -> Any:
    """Nanoseconds of the clock that `time.monotonic_ns` reads."""
    pair = cgutils.alloca_once(builder, ir.ArrayType(_I64, 2))
    kind = ir.FunctionType(_I32, [_I32, pair.type])
    clock = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
    builder.call(clock, [ir.Constant(_I32, time.CLOCK_MONOTONIC), pair])
    seconds, rest = (
        builder.load(cgutils.gep_inbounds(builder, pair, 0, place)) for place in range(2)
    )
    return builder.add(builder.mul(seconds, ir.Constant(_I64, _NANOSECONDS)), rest)


def _place(builder: Any, array: Any, number: Any) -> Any:
    return builder.gep(array.data, [number])


def _begin(typingctx: Any, watch: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not isinstance(watch, types.Array):
            return context.get_dummy_value()
        array = context.make_array(watch)(context, builder, arguments[0])
        builder.store(_emit_now(builder), _place(builder, array, ir.Constant(_I64, _LAST)))
        return context.get_dummy_value()

    return types.void(watch), codegen


def _mark(typingctx: Any, watch: Any, phase: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not isinstance(watch, types.Array):
            return context.get_dummy_value()
        array = context.make_array(watch)(context, builder, arguments[0])
        last = _place(builder, array, ir.Constant(_I64, _LAST))
        now = _emit_now(builder)
        for first, amount in (
            (_SPENT, builder.sub(now, builder.load(last))),
            (_MARKS, ir.Constant(_I64, 1)),
        ):
            at = _place(builder, array, builder.add(arguments[1], ir.Constant(_I64, first)))
            builder.store(builder.add(builder.load(at), amount), at)
        builder.store(now, last)
        return context.get_dummy_value()

    return types.void(watch, types.int64), codegen


if INTERPRETED:

    def _begin_now(watch: Any) -> None:
        if watch is not None:
            watch[_LAST] = time.monotonic_ns()

    def _mark_now(watch: Any, phase: int) -> None:
        if watch is not None:
            now = time.monotonic_ns()
            watch[_SPENT + phase] += now - watch[_LAST]
            watch[_MARKS + phase] += 1
            watch[_LAST] = now

else:
    _begin_now, _mark_now = intrinsic(_begin), intrinsic(_mark)


@kernel
def begin(watch):  # type: ignore[no-untyped-def]
    """Start the watch: what went by before belongs to no phase."""
    _begin_now(watch)


@kernel
def mark(watch, phase):  # type: ignore[no-untyped-def]
    """What went by since the last mark belongs to ``phase``."""
    _mark_now(watch, phase)


@unit
def mark_often(watch, times):  # type: ignore[no-untyped-def]
    """Mark and do nothing else."""
    begin(watch)
    for _ in range(times):
        mark(watch, AXON_IN)


def cost_of_marks(times: int = 20_000, repeats: int = 5) -> float:
    """Nanoseconds that one mark takes: the least of some measurements."""
    costs = []
    for _ in range(repeats):
        own = new_watch()
        mark_often(own, times)
        costs.append(spent(own)[AXON_IN] / times)
    return float(min(costs))
