"""What a sample costs in energy, time and memory traffic, and what of it learning takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

if TYPE_CHECKING:
    from neurochip.chip.account import Account, Quantity
    from neurochip.data import Dataset
    from neurochip.experiment import Run

OtherTiming = Annotated[
    Optional[str],  # noqa: UP045  (typer reads this form)
    typer.Option(
        "--timing",
        metavar="analytic|cycle",
        help="Time by counts alone, or message by message. [the run's own]",
    ),
]
_RULES = {"online": "OTTT-O", "accumulate": "OTTT-A", "last": "the last step"}
_UNMODELLED = "what it takes isn't modelled"


def set_timing(run: Run, timing: str | None) -> None:
    """Let a run's costs be timed in another way than its own, if one is given."""
    from neurochip.config import make

    if timing is not None:
        run.config = make({**run.config.to_dict(), "timing": timing}, "options")


def cost_facts(run: Run, samples: Dataset) -> dict[str, Any]:
    """What a sample costs as JSON holds it; "untold" says why there is nothing to tell."""
    from neurochip.chip.account import TRACES
    from neurochip.chip.costing import by_update

    told = by_update(run.chip, samples.test, run.config.timing)
    first = told[run.chip.rule.update]
    if isinstance(first, str):
        return {"untold": first}
    return {
        "cores": first.cores,
        "timing": first.timing,
        "samples": first.samples,
        "inference": _amounts(first, slice(TRACES)),
        "learning": {"untold": f"engine {run.config.engine!r}: {_UNMODELLED}"}
        if run.config.engine != "chip"
        else {update: _learning(one) for update, one in told.items()},
    }


def _learning(told: Account | str) -> dict[str, Any]:
    from neurochip.chip.account import TRACES

    if isinstance(told, str):
        return {"untold": told}
    layers = range(told.counts.shape[1])
    return {
        **_amounts(told, slice(TRACES, None)),
        "share_of_energy": told.share("energy"),
        "share_of_time": told.share("time"),
        "share_of_memory_words": told.share("words"),
        "share_of_energy_by_layer": [told.share("energy", k) for k in layers],
        "share_of_time_by_layer": [told.share("time", k) for k in layers],
        "share_of_memory_words_by_layer": [told.share("words", k) for k in layers],
    }


def _amounts(told: Account, phases: slice) -> dict[str, Any]:
    energy = told.energy(phases)
    time = told.learning_time if phases.start else told.inference_time
    return {
        "energy_joules": energy.value,
        "energy_unknown": list(energy.unknown),
        "seconds": time.value,
        "seconds_unknown": list(time.unknown),
        "memory_words": told.words(phases),
    }


def print_costs(run: Run, samples: Dataset) -> None:
    """Four lines: what a sample costs, and what learning adds on-line and accumulated.

    Of a run of another engine than the chip's own, what inference costs.
    """
    from neurochip.chip.account import TRACES
    from neurochip.chip.costing import by_update

    told = by_update(run.chip, samples.test, run.config.timing)
    first, name = told[run.chip.rule.update], run.chip.hardware.name
    if isinstance(first, str):
        print(f"energy and time are not told: {first}")
        return
    cores = "1 core" if first.cores == 1 else f"{first.cores} cores"
    how = f"with {first.timing} timing, by the weights as they are now"
    print(f"costs a sample on {cores} of chip {name!r} {how}:")
    words = f"{first.words(slice(TRACES)):,.0f} words of memory"
    print(f"  inference: {first.inference_time}; {first.energy(slice(TRACES))}; {words}")
    if run.config.engine != "chip":
        print(f"  learning by engine {run.config.engine!r} is not told: {_UNMODELLED}")
        return
    for update, one in told.items():
        learning = f"  learning by {_RULES[update]}"
        print(
            f"{learning} is not told: {one}"
            if isinstance(one, str)
            else f"{learning} adds {_added(one)}"
        )


def _added(told: Account) -> str:
    from neurochip.chip.account import TRACES

    learning = slice(TRACES, None)
    parts = (
        f"{told.learning_time}{_shares(told, 'time')}",
        f"{told.energy(learning)}{_shares(told, 'energy')}",
        f"{told.words(learning):,.0f} words{_shares(told, 'words')}",
    )
    return "; ".join(parts)


def _shares(told: Account, of: Quantity) -> str:
    """Learning's share of a sample, and of each layer; nothing where a cost is unknown."""
    layers = range(told.counts.shape[1])
    shares = [share for share in (told.share(of, k) for k in (None, *layers)) if share is not None]
    if len(shares) <= len(layers):
        return ""
    whole, *each = (f"{share:.0%}" for share in shares)
    return f" ({whole}, by layer {' '.join(each)})"
