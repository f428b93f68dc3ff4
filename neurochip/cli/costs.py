"""What a sample costs in energy, time and memory traffic, and what of it learning takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurochip.chip.account import Account
    from neurochip.data import Dataset
    from neurochip.experiment import Run

_RULES = {"online": "OTTT-O", "accumulate": "OTTT-A", "last": "the last step"}


def _accounts(run: Run, samples: Dataset) -> list[Account]:
    """One account for each way to update, the run's own first."""
    updates = dict.fromkeys((run.chip.rule.update, "online", "accumulate"))
    return [run.chip.costs(samples.test, update=update) for update in updates]


def cost_facts(run: Run, samples: Dataset) -> dict[str, Any]:
    """What a sample costs as JSON holds it."""
    from neurochip.chip.account import TRACES

    told = _accounts(run, samples)
    inference, learning = slice(TRACES), slice(TRACES, None)
    layers = range(told[0].counts.shape[1])
    return {
        "cores": told[0].cores,
        "samples": told[0].samples,
        "inference": _amounts(told[0], inference),
        "learning": {
            one.update: {
                **_amounts(one, learning),
                "share_of_energy": one.share("energy"),
                "share_of_time": one.share("time"),
                "share_of_memory_words": one.share("words"),
                "share_of_energy_by_layer": [one.share("energy", k) for k in layers],
            }
            for one in told
        },
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
    """Four lines: what a sample costs, and what learning adds on-line and accumulated."""
    from neurochip.chip.account import TRACES

    told = _accounts(run, samples)
    first, name = told[0], run.chip.hardware.name
    cores = "1 core" if first.cores == 1 else f"{first.cores} cores"
    print(f"costs a sample on {cores} of chip {name!r}, by the weights as they are now:")
    words = f"{first.words(slice(TRACES)):,.0f} words of memory"
    print(f"  inference: {first.inference_time}; {first.energy(slice(TRACES))}; {words}")
    for one in told:
        print(f"  learning by {_RULES[one.update]} adds {_added(one)}")


def _added(told: Account) -> str:
    from neurochip.chip.account import TRACES

    learning = slice(TRACES, None)
    parts = (
        f"{told.learning_time}{_percent(told.share('time'))}",
        f"{told.energy(learning)}{_percent(told.share('energy'))}",
        f"{told.words(learning):,.0f} words{_percent(told.share('words'))}",
    )
    shares = [told.share("energy", layer) for layer in range(told.counts.shape[1])]
    known = [f"{share:.0%}" for share in shares if share is not None]
    by_layer = f"; of a layer's energy {', '.join(known)}" if len(known) == len(shares) else ""
    return "; ".join(parts) + by_layer


def _percent(share: float | None) -> str:
    return "" if share is None else f" ({share:.0%})"
