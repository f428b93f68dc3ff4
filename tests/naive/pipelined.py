"""The pipelined schedule on the naive core, which keeps what it held of every logical step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .core import Counts, NaiveCore


class PipelinedCore(NaiveCore):
    """A core whose weight layer l works on logical step t - l; errors come with the read-out.

    Counters and saturations go by logical steps, so all T records of a sample are open at once.
    """

    def learn(
        self, sample: Sequence[Any], label: int, learned_before: int, epoch: int, index: int
    ) -> list[dict[str, Any]]:
        c = self.config
        self.start_sample()
        self.counters = [[Counts() for _ in range(c.L)] for _ in range(c.T)]
        names = ("acc", "i", "v_pre", "s", "v", "psi", "x")
        records: list[dict[str, Any]] = [{name: [None] * c.L for name in names} for _ in range(c.T)]
        arriving = [[[0]] * c.T for _ in range(c.L)]
        for tau in range(c.T):
            arriving[0][tau] = self.axon_in(tau, sample, epoch, index)
            records[tau]["values"] = arriving[0][tau]
        for t in range(c.T + c.L - 1):
            for ell in range(c.L):
                tau = t - ell
                if 0 <= tau < c.T:
                    clock = learned_before * c.T + tau
                    spikes = self.layer(ell, tau, clock, arriving[ell][tau], records[tau])
                    if ell + 1 < c.L:
                        arriving[ell + 1][tau] = self.pooled(ell + 1, spikes)
            tau = t - (c.L - 1)
            if tau >= 0 and self.is_error_step(tau):
                self.late(records[tau], label, tau, learned_before * c.T + tau)
        return records

    def layer(
        self, ell: int, tau: int, clock: int, values: list[int], r: dict[str, Any]
    ) -> list[int]:
        """Weight layer l in logical step tau; returns the spikes above it."""
        self.counts = self.counters[tau]
        r["acc"][ell] = self.synapse(ell, values)
        r["i"][ell] = self.current(ell, r["acc"][ell])
        self.trace(ell, values, clock)
        r["x"][ell] = self.presynaptic(ell, values)
        if self.config.spiking(ell):
            v_pre, s = self.neurons(ell, r["i"][ell])
            psi = [self.psi(ell, v) for v in v_pre]
        else:
            v_pre, s, psi = self.readout(r["i"][ell]), [], []
        r["v_pre"][ell], r["s"][ell], r["psi"][ell] = v_pre, s, psi
        r["v"][ell] = list(self.v[ell])
        if ell == self.config.L - 1:
            r["o"] = self.output(v_pre, s)
            self.sum_up(r["o"])
        return s

    def late(self, r: dict[str, Any], label: int, tau: int, clock: int) -> None:
        """Error, transport and update of logical step tau."""
        self.counts = self.counters[tau]
        self.error(r, label)
        self.transport(r, clock)
        self.update(r, clock)
        if self.config.update == "accumulate" and tau == self.config.T - 1:
            self.apply_gradients(clock)
