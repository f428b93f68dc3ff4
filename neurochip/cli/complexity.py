"""NeuroBench's metrics of a run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurochip.chip.neurobench import NeuroBench
    from neurochip.data import Dataset
    from neurochip.experiment import Run


def measured(run: Run, samples: Dataset) -> NeuroBench:
    """The metrics of a run's chip on the first test samples."""
    from neurochip.chip.neurobench import firing, neurobench

    return neurobench(run.chip, firing(run.chip, samples.test))


def complexity_facts(told: NeuroBench) -> dict[str, Any]:
    """The metrics as JSON holds them, each beside its definition."""
    from neurochip.chip.neurobench import DEFINITIONS, SOURCE

    return {**asdict(told), "definitions": DEFINITIONS, "source": SOURCE}


def print_complexity(told: NeuroBench) -> None:
    """Two lines."""
    active = (
        ""
        if told.activation_sparsity is None
        else f", of activations {told.activation_sparsity:.1%}"
    )
    print(
        f"NeuroBench: footprint {told.footprint_bytes:,.0f} bytes; sparsity of connections "
        f"{told.connection_sparsity:.1%}{active};"
    )
    print(
        f"  synaptic operations a sample: dense {told.dense:,.0f}, "
        f"effective MACs {told.effective_macs:,.0f}, effective ACs {told.effective_acs:,.0f}"
    )
