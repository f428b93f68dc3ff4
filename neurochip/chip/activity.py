"""What a chip's neurons did in a sample, and what its cores work to learn from it.

    work = LearningWork(meter, ticks)
    seen = watch(chip.rehearse(x, label), work)
    seen.sends[t], seen.learned[t].updates

The chip's meter counts the events of learning while they happen; here its counters become ticks of
the cores, step by step, without what messages take on their way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurochip.chip.meter import ERRORS, INFERENCE, PHASES, TRACES, UPDATES, Meter
from neurochip.chip.pipeline import Pipeline
from neurochip.hardware import EVENTS
from neurochip.kernels import layout

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

__all__ = ["Activity", "Learned", "LearningWork", "watch"]

#: What errors take of the cores that send them; the rest is their messages' way.
_OF_ERRORS = ("error_operation", "word_read")


class Learned(NamedTuple):
    """Learning in one step, by core; L weight layers, C cores."""

    traces: Ints  # (C,) ticks
    errors: Ints  # (L, C) ticks, without those of messages
    sent: Ints  # (L, C) messages of errors that come down from a layer
    updates: Ints  # (C,) ticks


class Activity(NamedTuple):
    """One sample of T steps; N inputs and neurons in the topology's numbering."""

    sends: Flags  # (T, N) inputs that aren't 0, and neurons that fire
    holds: Flags  # (T, N) neurons with a bias, or a membrane that isn't 0 before the reset
    learned: tuple[Learned, ...]  # one a step; none where the network can't learn


class _Sums:
    """Weighted sums of counters, each at a place of its own.

    Args:
        place: (n,) where a counter is added up.
        counter: (n,) its number.
        amount: (n,) its weight.
        size: how many places there are.
    """

    def __init__(self, place: Ints, counter: Ints, amount: Ints, size: int) -> None:
        order = np.argsort(place, kind="stable")
        self._places, self._starts = np.unique(place[order], return_index=True)
        self._counter, self._amount, self._size = counter[order], amount[order], size

    def of(self, totals: Ints) -> Ints:
        """The sums, (size,), of counters (K,)."""
        sums = np.zeros(self._size, np.int64)
        if self._places.size:
            terms = self._amount * totals[self._counter]
            sums[self._places] = np.add.reduceat(terms, self._starts)
        return sums


class LearningWork:
    """Turns counters of a meter into ticks.

    Args:
        meter: whose counters.
        ticks: of each event.
    """

    def __init__(self, meter: Meter, ticks: Mapping[str, int]) -> None:
        _, layers, cores, _ = meter.shape
        counter, phase, layer, core, event, amount = meter.effects.astype(np.int64).T
        time = amount * np.array([ticks[name] for name in EVENTS])[event]
        own = np.isin(event, [EVENTS.index(name) for name in _OF_ERRORS])
        works = (phase != INFERENCE) & ((phase != ERRORS) | own)
        sends = event == EVENTS.index("error_message")
        self._shape = (layers, cores)
        at = layer * cores + core
        place = phase * layers * cores + at
        size = len(PHASES) * layers * cores
        self._work = _Sums(place[works], counter[works], time[works], size)
        self._sent = _Sums(at[sends], counter[sends], amount[sends], layers * cores)

    def of(self, totals: Ints) -> Learned:
        """What counters (K,) come to."""
        work = self._work.of(totals).reshape(len(PHASES), *self._shape)
        return Learned(
            traces=work[TRACES].sum(axis=0),
            errors=work[ERRORS],
            sent=self._sent.of(totals).reshape(self._shape),
            updates=work[UPDATES].sum(axis=0),
        )


def watch(pipeline: Pipeline, work: LearningWork) -> Activity:
    """Let a sample go through the pipeline to its end, and note what happens.

    Args:
        pipeline: as `Chip.rehearse` returns it.
        work: of its meter.
    """
    totals = pipeline.meter.arrays.ledger.totals
    before, sends, holds, learned = totals.copy(), [], [], []
    while not pipeline.is_over:
        pipeline.step()
        sends.append(_sends(pipeline.core))
        holds.append(_holds(pipeline.core))
        if pipeline.shown.label is not None:
            learned.append(work.of(totals - before))
            before = totals.copy()
    return Activity(np.array(sends), np.array(holds), tuple(learned))


def _sends(core: layout.Core) -> Flags:
    """Inputs and neurons whose signal isn't 0, (N,)."""
    inputs = core.layers[0]
    spans = [(inputs.pre, inputs.n_in), *((layer.post, layer.n_out) for layer in core.layers)]
    return np.concatenate([core.signal[first : first + n] != 0 for first, n in spans])


def _holds(core: layout.Core) -> Flags:
    """Neurons with a bias or a membrane, (N,); inputs have none."""
    spans = [slice(layer.post, layer.post + layer.n_out) for layer in core.layers]
    inputs = np.zeros(core.layers[0].n_in, np.bool_)
    return np.concatenate([inputs, *((core.bias[own] | core.v_pre[own]) != 0 for own in spans)])
