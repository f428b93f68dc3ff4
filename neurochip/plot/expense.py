"""The figures of what a run costs on its chip, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurochip.chip.account import Account
from neurochip.chip.costing import by_update
from neurochip.chip.energy import Amount, busy_time, energy_of
from neurochip.chip.error_links import error_links
from neurochip.chip.neurobench import Firing, NeuroBench, firing, neurobench
from neurochip.chip.parts import PARTS, CoreTime, by_part, core_times
from neurochip.data import Dataset
from neurochip.experiment import Run
from neurochip.hardware import cost_table
from neurochip.mapping import ChipMap
from neurochip.mapping.demand import RESOURCES, UNKNOWN
from neurochip.mapping.links import link_traffic
from neurochip.mapping.place import PORT
from neurochip.plot import bars, mesh
from neurochip.plot.figures import Plate, layer_names, words
from neurochip.plot.style import percent, plural

#: What a rule is called whose updates are made then.
RULES = {"online": "OTTT-O", "accumulate": "OTTT-A", "last": "OTTT-O, last step"}
#: So many cores have a bar each; the busiest stand for the others.
MOST_CORES = 16
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_PICO = 1e-12
#: What a step's length is made of.
_LENGTHS = {
    "analytic": "the slowest core in each phase",
    "cycle": "the phases, message by message,",
}


@dataclass(frozen=True, eq=False)
class Expense:
    """What some test samples cost.

    Attributes:
        run: whose chip.
        accounts: one for each way to update, the run's own first; none where that can't be told.
        untold: why some aren't told, by what the rule is called then.
        fired: how often every neuron was active.
        metrics: NeuroBench's.
    """

    run: Run
    accounts: tuple[Account, ...]
    untold: dict[str, str]
    fired: Firing
    metrics: NeuroBench

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """Messages of errors over each link, a sample learned by the run's own rule, as `links`."""
        if not self.accounts:
            return np.zeros_like(self.links)
        told = self.accounts[0]
        return error_links(told, self.run.chip.rule.feedback) / told.samples

    @cached_property
    def links(self) -> NDArray[np.float64]:
        """Messages of inputs and spikes over each link, a sample, (4, height, width)."""
        chip = self.run.chip
        crossed = link_traffic(chip.map, self.fired.on_chip(chip.network))
        return crossed / self.fired.samples


def look(run: Run, data: Dataset) -> Expense:
    """Show the chip some test samples as it is now; nothing is learned."""
    chip = run.chip
    accounts: tuple[Account, ...] = ()
    if run.config.engine == "chip":
        told = by_update(chip, data.test, run.config.timing)
        untold = {RULES[update]: one for update, one in told.items() if isinstance(one, str)}
        if RULES[chip.rule.update] not in untold:
            accounts = tuple(one for one in told.values() if isinstance(one, Account))
    else:
        untold = {f"engine {run.config.engine!r}": "what it takes isn't modelled"}
    fired = firing(chip, data.test)
    return Expense(run, accounts, untold, fired, neurobench(chip, fired))


def draw(seen: Expense) -> list[Plate]:
    """Draw where energy and time go, and how full the cores are."""
    plates = []
    if seen.accounts:
        plates = [_by_layer(seen), _by_core(seen), _maps(seen)]
    if seen.links.any():
        plates.append(_traffic(seen))
    if seen.errors.any():
        plates.append(_errors(seen))
    return [*plates, utilisation_plate(seen.run.chip.map)]


def grid_of(chip_map: ChipMap) -> mesh.Grid:
    """The part of the mesh that holds every core in use, and the tile where inputs enter."""
    limits, size = chip_map.hardware.limits, chip_map.hardware.mesh
    each = limits.cores_per_tile.value
    tiles = np.append(np.unique(chip_map.core), PORT) // each
    return mesh.Grid.around(tiles, size.width.value, size.height.value, each, limits.cores.value)


def utilisation_plate(chip_map: ChipMap) -> Plate:
    """The share of every resource that every core uses."""
    cores = np.unique(chip_map.core)
    unknown = [
        name for name, most in zip(RESOURCES, chip_map.limits, strict=True) if most == UNKNOWN
    ]
    blank = f" The chip's file gives no limit of {_listed(unknown)}." if unknown else ""
    return Plate(
        "utilisation",
        "costs",
        "Utilisation",
        f"What each of {plural(len(cores), 'core')} in use holds, as a share of what a core of "
        f"chip {chip_map.hardware.name!r} has (dashed: all of it).{blank}",
        bars.utilisation(cores, chip_map.used[cores], chip_map.limits, RESOURCES),
    )


def fullness_plate(chip_map: ChipMap) -> Plate:
    """The mesh, with the fullest resource of each core."""
    from neurochip.mapping.utilisation import fullest

    shares = 100 * fullest(chip_map)
    values: dict[int, float | None] = {
        core: float(shares[core]) for core in np.unique(chip_map.core).tolist()
    }
    layer = mesh.Layer("fullest resource", "% of a core's limit", values)
    caption = f"How full each core is: the share of its fullest resource. {_where(chip_map)}"
    return Plate("mesh", "costs", "Mesh", caption, mesh.maps(grid_of(chip_map), [layer]))


def _by_layer(seen: Expense) -> Plate:
    names = layer_names(seen.run.chip.network)
    parts = {told.update: by_part(told) for told in seen.accounts}
    rows = [
        f"{RULES[told.update]}: {name}" if len(seen.accounts) > 1 else name
        for told in seen.accounts
        for name in names
    ]
    table = cost_table(seen.run.chip.hardware)
    energy = [
        [_mean(energy_of(part[k], table), told) for part in parts[told.update]]
        for told in seen.accounts
        for k in range(len(names))
    ]
    time = [
        [_mean(busy_time(part[k], table), told) for part in parts[told.update]]
        for told in seen.accounts
        for k in range(len(names))
    ]
    panels = [_panel("energy", energy, "J"), _panel("time of all cores together", time, "s")]
    missing = _missing([amount for row in (*energy, *time) for amount in row])
    caption = (
        f"What learning one sample takes, by layer and part, mean of "
        f"{plural(seen.accounts[0].samples, 'test sample')} with the weights as they are now: "
        f"inference is messages, synapses and neurons; learning is traces, errors and updates. "
        f"Time is the cores' own work, without waiting; energy is without static power.{missing}"
    )
    return Plate(
        "costs_by_layer", "costs", "Energy and time by layer", caption, _stacks(rows, panels)
    )


def _by_core(seen: Expense) -> Plate:
    told = seen.accounts[0]
    steps = seen.run.chip.network.timesteps
    times = core_times(told, steps)
    shown = times[:MOST_CORES]
    amounts = [[*one.parts, _of(one.barrier), _of(one.waiting)] for one in shown]
    panel = _panel(f"a sample, {RULES[told.update]}", amounts, "s")
    left_out = len(times) - len(shown)
    rest = f" The {len(shown)} busiest of {len(times)} cores are drawn." if left_out else ""
    figure = _stacks([f"core {one.core}" for one in shown], [panel], ("barrier", "waiting"))
    return Plate(
        "time_by_core",
        "costs",
        "Where the time of a step goes",
        f"{_bound(shown[0])} {_arithmetic(told, shown[0], steps)}"
        f"{rest}{_missing([amount for row in amounts for amount in row])}",
        figure,
    )


def _bound(one: CoreTime) -> str:
    known = sum(part.known for part in one.parts)
    most = max(part.known for part in one.parts)
    terms = " + ".join(
        f"{name} {_amount(part)}" for name, part in zip(PARTS, one.parts, strict=True) if part.known
    )
    share = percent(most / known) if known else "none"
    bound = f"{one.bound} bound it ({share})" if known else "nothing of it has a known cost"
    return f"Core {one.core} is the busiest, {_amount(one.busy)} a sample = {terms}: {bound}."


def _arithmetic(told: Account, slowest: CoreTime, steps: int) -> str:
    whole = told.inference_time + told.learning_time
    if slowest.barrier is None or whole.value is None:
        return "How long a sample lasts is unknown."
    work = whole.value - slowest.barrier
    return (
        f"With {told.timing} timing a sample lasts as long as {_LENGTHS[told.timing]} of each of "
        f"its {steps} steps, {_si(work)}s in all, and {steps} barriers of "
        f"{_si(slowest.barrier / steps)}s: {_si(whole.value)}s. The barrier is "
        f"{percent(slowest.barrier / whole.value)} of it; white is what a core waits for slower "
        f"ones and for messages."
    )


def _maps(seen: Expense) -> Plate:
    told, chip_map = seen.accounts[0], seen.run.chip.map
    cores = np.unique(chip_map.core).tolist()
    time, energy = told.busy_by_core(), told.energy_by_core()
    layers = [
        _layer("time busy", "s", {core: time[core] for core in cores}),
        _layer("energy", "J", {core: energy[core] for core in cores}),
    ]
    missing = _missing([(time[core] + energy[core]) for core in cores])
    caption = (
        f"How long each core works, and the energy of its events, while a sample is learned by "
        f"{RULES[told.update]}. {_where(chip_map)}{missing}"
    )
    messages = (("a spike", seen.links), ("an error", seen.errors))
    still = [name for name, links in messages if not links.any()]
    if still:
        caption += f" No message of {' or '.join(still)} leaves its tile."
    return Plate(
        "mesh_load", "costs", "Load and energy", caption, mesh.maps(grid_of(chip_map), layers)
    )


def _traffic(seen: Expense) -> Plate:
    chip_map = seen.run.chip.map
    return Plate(
        "mesh_traffic",
        "costs",
        "Traffic on the mesh",
        f"Messages of inputs and spikes over each link between tiles, a sample; a message goes "
        f"along its row first, then along its column, and inputs enter at tile 0,0. "
        f"{_carried(seen.links)} Pale tiles hold nothing.",
        mesh.traffic(
            grid_of(chip_map), seen.links, np.unique(chip_map.core).tolist(), "messages a sample"
        ),
    )


def _errors(seen: Expense) -> Plate:
    chip_map = seen.run.chip.map
    crossings = float(seen.errors.sum())
    share = percent(crossings / (crossings + float(seen.links.sum())))
    return Plate(
        "mesh_errors",
        "costs",
        "Errors on the mesh",
        f"Messages of errors over each link between tiles while a sample is learned by "
        f"{RULES[seen.accounts[0].update]}; they go from the cores that have errors to those of "
        f"the neurons below. {_carried(seen.errors)} That is {share} of all messages on links.",
        mesh.traffic(
            grid_of(chip_map), seen.errors, np.unique(chip_map.core).tolist(), "errors a sample"
        ),
    )


def _carried(links: NDArray[np.float64]) -> str:
    total, most = float(links.sum()), float(links.max())
    return f"All links carry {total:,.0f}, the fullest {most:,.0f} ({percent(most / total)})."


def _where(chip_map: ChipMap) -> str:
    hardware, grid = chip_map.hardware, grid_of(chip_map)
    size = f"{hardware.mesh.width.value} × {hardware.mesh.height.value} tiles"
    each = plural(hardware.limits.cores_per_tile.value, "core")
    if len(grid.shown()) == hardware.n_tiles:
        part = f"The mesh has {size} of {each}"
    else:
        part = (
            f"Of {size} of {each} only the columns {grid.left} to {grid.right} and the rows "
            f"{grid.low} to {grid.high} are drawn, the others are empty"
        )
    return f"{part}; pale cores are unused."


def _layer(title: str, unit: str, amounts: dict[int, Amount]) -> mesh.Layer:
    factor, prefix = _prefix(max(amount.known for amount in amounts.values()) * _PICO)
    values = {
        core: None if amount.unknown and not amount.known else amount.known * _PICO / factor
        for core, amount in amounts.items()
    }
    return mesh.Layer(title, f"{prefix}{unit} a sample", values)


def _panel(title: str, amounts: Sequence[Sequence[Amount]], unit: str) -> bars.Stack:
    known = np.array([[amount.known for amount in row] for row in amounts]) * _PICO
    factor, prefix = _prefix(float(known.sum(axis=1).max(initial=0.0)))
    unknown = [any(amount.unknown for amount in row) for row in amounts]
    return bars.Stack(title, f"{prefix}{unit} a sample", known / factor, unknown)


def _stacks(rows: Sequence[str], panels: Sequence[bars.Stack], more: Sequence[str] = ()) -> Figure:
    return bars.stacks(rows, (*PARTS, *more), panels)


def _of(seconds: float | None) -> Amount:
    return Amount(0.0, (), "s") if seconds is None else Amount(seconds / _PICO, (), "s")


def _mean(amount: Amount, told: Account) -> Amount:
    return Amount(amount.known / told.samples, amount.unknown, amount.unit)


def _missing(amounts: Sequence[Amount]) -> str:
    names = list(dict.fromkeys(name for amount in amounts for name in amount.unknown))
    if not names:
        return ""
    return f" Unknown, and so not in the picture: {_listed([words(name) for name in names])}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _amount(amount: Amount) -> str:
    return f"{_si(amount.known * _PICO)}{amount.unit}{' and unknown' if amount.unknown else ''}"


def _si(value: float) -> str:
    factor, prefix = _prefix(value)
    return f"{value / factor:.3g} {prefix}"


def _prefix(value: float) -> tuple[float, str]:
    return next((pair for pair in _PREFIXES if value >= pair[0]), _PREFIXES[-1])
