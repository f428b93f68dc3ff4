"""Which of some numbers aren't 0: sixty-four at a time, as the bits of one word.

A compare of 64 lanes makes a mask in few instructions, and a mask is counted, or walked bit by bit,
in as many steps as it has bits. Interpreted (``NUMBA_DISABLE_JIT=1``), each of the intrinsics here
is a Python function with the same result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurochip.kernels.jit import INTERPRETED, kernel

#: Numbers in a mask.
LANES = 64
_I1, _I32, _I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
_FLAGS = ir.VectorType(_I1, LANES)
_BITS_OF_A_BYTE = 8
NO_BITS, LOWEST_BIT = np.uint64(0), np.uint64(1)
ALL_BITS = ~NO_BITS


def _lanes_at(context: Any, builder: Any, kind: Any, arguments: Any) -> Any:
    """An array as `numba` knows it, its lanes from a place on, and their pointer."""
    array = context.make_array(kind)(context, builder, arguments[0])
    vector = ir.VectorType(ir.IntType(kind.dtype.bitwidth), LANES)
    at = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
    return array, vector, at


def _nonzero(typingctx: Any, values: Any, first: Any) -> Any:
    if values.layout != "C":
        return None  # no such signature: lanes lie side by side

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, vector, at = _lanes_at(context, builder, signature.args[0], arguments)
        n = builder.sub(builder.extract_value(array.shape, 0), arguments[1])
        zeros = ir.Constant(vector, None)
        lanes = _load(builder, vector, at, _first_lanes(builder, n), zeros)
        return builder.bitcast(builder.icmp_unsigned("!=", lanes, zeros), _I64)

    return types.uint64(values, types.int64), codegen


def _nonzero_of_all(typingctx: Any, values: Any, first: Any) -> Any:
    if values.layout != "C":
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        _, vector, at = _lanes_at(context, builder, kind, arguments)
        lanes = builder.load(at, align=kind.dtype.bitwidth // _BITS_OF_A_BYTE)
        return builder.bitcast(builder.icmp_unsigned("!=", lanes, ir.Constant(vector, None)), _I64)

    return types.uint64(values, types.int64), codegen


def _first_lanes(builder: Any, n: Any) -> Any:
    """A mask of the first n > 0 lanes; of all, where there are more."""
    full, every = ir.Constant(_I64, LANES), ir.Constant(_I64, -1)
    shifted = builder.lshr(every, builder.sub(full, n))
    return builder.bitcast(
        builder.select(builder.icmp_signed(">=", n, full), every, shifted), _FLAGS
    )


def _load(builder: Any, vector: Any, at: Any, mask: Any, others: Any) -> Any:
    """The lanes of a mask; nothing else is touched in memory."""
    width = vector.element.width
    kind = ir.FunctionType(vector, [vector.as_pointer(), _I32, _FLAGS, vector])
    name = f"llvm.masked.load.v{LANES}i{width}.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    alignment = ir.Constant(_I32, width // _BITS_OF_A_BYTE)
    return builder.call(function, [at, alignment, mask, others])


def _ones(typingctx: Any, mask: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), codegen


def _lowest(typingctx: Any, mask: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(_I1, 1))

    return types.int64(types.uint64), codegen


if INTERPRETED:

    def nonzero(values: Any, first: Any) -> Any:
        """The mask in Python."""
        mask = sum(1 << k for k, value in enumerate(values[first : first + LANES]) if value)
        return np.uint64(mask)

    nonzero_of_all = nonzero

    def ones(mask: Any) -> Any:
        """The count in Python."""
        return np.int64(int(mask).bit_count())

    def lowest(mask: Any) -> Any:
        """The place in Python."""
        return np.int64((int(mask) & -int(mask)).bit_length() - 1)

else:
    #: Bit k is set where ``values[first + k]`` isn't 0, k < 64: ``first`` is inside of ``values``.
    nonzero = intrinsic(_nonzero)
    #: The same where there are 64 values or more from ``first`` on, which costs half as much.
    nonzero_of_all = intrinsic(_nonzero_of_all)
    #: How many bits are set.
    ones = intrinsic(_ones)
    #: The place of the lowest bit that is set; there must be one.
    lowest = intrinsic(_lowest)


@kernel
def count_nonzero(values):  # type: ignore[no-untyped-def]
    """How many values are not 0."""
    n, whole = np.int64(0), values.size - values.size % LANES
    for first in range(0, whole, LANES):
        n += ones(nonzero_of_all(values, first))
    if whole < values.size:
        n += ones(nonzero(values, whole))
    return n


@kernel
def bits_between(word, first, last):  # type: ignore[no-untyped-def]
    """Of sixty-four bits those that are first .. last-1 of all."""
    begin, found = word * LANES, ALL_BITS
    if begin < first:
        found &= ALL_BITS << np.uint64(first - begin)
    if begin + LANES > last:
        found &= ALL_BITS >> np.uint64(begin + LANES - last)
    return found


@kernel
def list_bits(mask, first, out, found):  # type: ignore[no-untyped-def]
    """Write each bit's place, counted from ``first``, to out from ``found`` on; return the end."""
    while mask != NO_BITS:
        out[found] = first + lowest(mask)
        found += 1
        mask &= mask - LOWEST_BIT
    return found


@kernel
def compact_into(values, out):  # type: ignore[no-untyped-def]
    """Write the positions of the nonzero values to out; return how many there are."""
    found, whole = np.int64(0), values.size - values.size % LANES
    for first in range(0, whole, LANES):
        found = list_bits(nonzero_of_all(values, first), first, out, found)
    if whole < values.size:
        found = list_bits(nonzero(values, whole), whole, out, found)
    return found
