"""The tables of what a run costs on its chip: learning beside inference, cores, NeuroBench."""

from __future__ import annotations

from html import escape

from neurochip.chip.account import TRACES, Account, Quantity
from neurochip.chip.neurobench import DEFINITIONS, SOURCE
from neurochip.experiment import Run
from neurochip.mapping import utilisation
from neurochip.plot.expense import RULES, Expense
from neurochip.plot.figures import layer_names
from neurochip.plot.html import note, table
from neurochip.plot.style import percent, plural

_QUANTITIES: tuple[Quantity, ...] = ("time", "energy", "words")
_UNKNOWN = "unknown"
_TIMINGS = {
    "analytic": "by counts alone, as if messages waited for nothing on their way",
    "cycle": "message by message over the mesh, with busy links and full buffers",
}
_OPERATIONS = ("dense", "effective_macs", "effective_acs")
_NAMES = {
    "footprint_bytes": "Footprint (bytes)",
    "connection_sparsity": "Connection sparsity",
    "activation_sparsity": "Activation sparsity",
    "dense": "Synaptic operations, dense",
    "effective_macs": "Synaptic operations, effective MACs",
    "effective_acs": "Synaptic operations, effective ACs",
}


def learning(spent: Expense) -> str:
    """Learning's share of time, energy and memory traffic, by rule and layer."""
    untold = [note(f"Costs of {rule} are not told: {why}.") for rule, why in spent.untold.items()]
    if not spent.accounts:
        return "\n".join(untold)
    names = layer_names(spent.run.chip.network)
    header = ("Rule", "Layer", "Time", "Energy", "Memory traffic")
    rows = [row for told in spent.accounts for row in _shares(told, names)]
    inference = slice(TRACES)
    first = spent.accounts[0]
    told = (
        f"A sample of inference takes {first.inference_time}, {first.energy(inference)} and "
        f"{first.words(inference):,.0f} words of memory on {plural(first.cores, 'core')} of chip "
        f"{first.chip_map.hardware.name}. Timing is {first.timing}: {_TIMINGS[first.timing]}. "
        f"The table says which share of a learned sample is learning: of the whole chip's time, "
        f"of a layer's the time that cores work on it; of energy without static power; of memory "
        f"the words of weights and accumulators that are read or written."
    )
    return "\n".join((table(header, rows, n_words=2), note(told), *untold))


def _shares(told: Account, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    rule = RULES[told.update]
    layers = [(None, "all"), *enumerate(names)]
    return [
        (rule, name, *(_share(told.share(of, number)) for of in _QUANTITIES))
        for number, name in layers
    ]


def _share(share: float | None) -> str:
    return _UNKNOWN if share is None else percent(share)


def cores(run: Run) -> str:
    """What every core holds of every resource."""
    header, rows = utilisation.table(run.chip.map)
    titles = [name.capitalize() for name in header]
    return (
        f"{note(utilisation.summary(run.chip.map) + '.')}\n<details>\n"
        f"<summary>{escape('What every core holds')}</summary>\n"
        f"{table(titles, rows, n_words=3)}\n</details>"
    )


def metrics(spent: Expense) -> str:
    """NeuroBench's metrics with their definitions."""
    told = spent.metrics
    rows = []
    for key, name in _NAMES.items():
        value = getattr(told, key)
        if value is None:
            shown = "no spiking neurons"
        else:
            shown = f"{value:,.0f}" if key not in _SPARSITIES else f"{value:.4f}"
        each = f"a sample: {DEFINITIONS[key]}" if key in _OPERATIONS else DEFINITIONS[key]
        rows.append((name, shown, each))
    remark = (
        f"Mean of {told.samples} test samples of all their time steps, with the weights as they "
        f"are now. Definitions: {SOURCE}, algorithm track; a graded input's operations are MACs, "
        f"a spike's are ACs."
    )
    return table(("Metric", "Value", "Definition"), rows, n_words=3) + "\n" + note(remark)


_SPARSITIES = ("connection_sparsity", "activation_sparsity")
