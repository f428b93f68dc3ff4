"""The command that runs a trained chip."""

from __future__ import annotations

from typing import Any

from neurochip.cli.complexity import complexity_facts, measured, print_complexity
from neurochip.cli.costs import OtherTiming, cost_facts, print_costs, set_timing
from neurochip.cli.output import Json, OtherData, RunPath, announce_compilation, print_json
from neurochip.cli.profile import Profiled, follow, print_profile, profile_facts, watched


def run(
    path: RunPath,
    data: OtherData = None,
    timing: OtherTiming = None,
    profiled: Profiled = False,
    as_json: Json = False,
    *,
    options: dict[str, Any],
) -> None:
    """Run the trained chip on a test set, with more faults if asked for; nothing is learned."""
    from neurochip import experiment

    stages = watched(profiled)
    with stages("input"):
        trained = experiment.load_run(path)
        if options:
            experiment.inject(trained, options)
        set_timing(trained, timing)
        samples = experiment.load_test_data(trained.config, data)
    follow(trained, stages)
    announce_compilation()
    result = experiment.evaluate(trained, samples)
    events = _events(result.counters, len(samples.test))
    if as_json:
        facts = {
            "command": "run",
            "run": str(path),
            "data": samples.name,
            "samples": len(samples.test),
            "accuracy": result.accuracy,
            "faults": trained.chip.faults.to_dict() if trained.chip.faults.any else None,
            "events_per_sample": events,
            "saturations": _totals(result.saturations),
        }
        with stages("pricing"):
            facts["neurobench"] = complexity_facts(measured(trained, samples))
            facts["costs"] = cost_facts(trained, samples)
        if profiled:
            facts["profile"] = profile_facts(stages, trained.chip)
        print_json(facts)
        return
    print(f"test accuracy {result.accuracy:.2%} on {len(samples.test)} samples of {samples.name}")
    if trained.chip.faults.any:
        print(f"  the chip has faults: {trained.chip.faults.told}")
    for layer in events:
        text = ", ".join(f"{name.replace('_', ' ')} {n:.1f}" for name, n in layer.items())
        print(f"  events a sample: {text}")
    with stages("pricing"):
        print_complexity(measured(trained, samples))
        print_costs(trained, samples)
    if profiled:
        print_profile(stages, trained.chip)


def _events(counters: Any, samples: int) -> list[dict[str, float]]:
    """Events of inference, one row a layer, a sample."""
    from neurochip.chip import COUNTED_EVENTS

    return [
        {
            name: int(count) / samples
            for name, count in zip(COUNTED_EVENTS, layer, strict=True)
            if name not in ("weight_updates", "trace_updates")
        }
        for layer in counters.sum(axis=0)
    ]


def _totals(saturations: Any) -> dict[str, int]:
    from neurochip.chip import SATURATED_REGISTERS

    totals = saturations.sum(axis=(0, 1))
    return {name: int(n) for name, n in zip(SATURATED_REGISTERS, totals, strict=True) if n}
