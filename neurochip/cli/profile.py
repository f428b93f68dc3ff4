"""Where a command's time went, and how far each part is from what the machine could do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from neurochip.chip import Chip
    from neurochip.chip.stages import Stages
    from neurochip.experiment import Run

Profiled = Annotated[
    bool,
    typer.Option("--profile", help="Tell where the time went, and how far that is from the limit."),
]


def watched(profiled: bool) -> Stages:
    """The stages of a command that begins; kernels are watched where a profile is asked for."""
    from neurochip.chip.stages import Stages

    stages = Stages()
    if profiled:
        stages.watch_kernels()
    return stages


def follow(run: Run, stages: Stages) -> None:
    """Let a run's chip tell its stages.

    Raises:
        ConfigError: a profile is asked for of kernels that tell no phases.
    """
    from neurochip.errors import ConfigError

    if stages.watch and run.config.engine != "chip":
        raise ConfigError(
            f"--profile tells the phases of engine 'chip', but this run learns by engine "
            f"{run.config.engine!r}; leave it out"
        )
    faults = run.chip.faults if run.chip.faults.any else run.config.faults  # or come up later
    if stages.watch and faults.any:
        raise ConfigError(
            f"--profile tells the phases of a sound chip, but this one has faults "
            f"({faults.told}); leave it out"
        )
    run.chip.stages = stages


def profile_facts(stages: Stages, chip: Chip) -> dict[str, Any]:
    """The profile as JSON holds it."""
    from neurochip.chip.profile import profile

    told = profile(stages, chip)
    return {
        "seconds": told.whole,
        "steps": told.steps,
        "rows": [
            {
                "group": row.group,
                "name": row.name,
                "seconds": row.seconds,
                "least_seconds": row.least,
                "times_the_least": row.times,
            }
            for row in told.rows
        ],
        "machine": {
            "products_per_second": told.machine.products,
            "bytes_read_per_second": told.machine.read,
            "bytes_read_and_written_per_second": told.machine.changed,
            "measured_with_bytes": told.machine.size,
        },
    }


def print_profile(stages: Stages, chip: Chip) -> None:
    """One line a row, then the limits that the least times come from."""
    from neurochip.chip.profile import MEANINGS, profile

    told = profile(stages, chip)
    print(f"where {told.whole:.2f} s went, {told.steps:,} time steps of the chip among them:")
    for row in told.rows:
        share = row.seconds / told.whole
        text = f"  {row.group:<11}{row.name:<11}{row.seconds:>9.3f} s {share:>6.1%}"
        if row.times is not None:
            text += f"   at least {row.least:.3f} s: {row.times:.1f} times the limit"
        elif row.name in MEANINGS:
            text += f"   {MEANINGS[row.name]}"
        print(text)
    own = told.machine
    print(
        f"  limits of one thread here: {own.products / 1e9:.0f} G products of 16 bits a second, "
        f"{own.read / 1e9:.0f} GB/s read, {own.changed / 1e9:.0f} GB/s read and written "
        f"({own.size / 1e6:.2g} MB, as the weights)"
    )
