"""Where a run's neurons lie, and how its time is found: options that a run file keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurochip import experiment
from tests.cli.running import QUICK, Command, refused


def test_a_run_keeps_its_placement(neurochip: Command, here: Path) -> None:
    """Also where the file that said it is gone; what is learned is the same on any cores."""
    (here / "cores.csv").write_text("layer,first,last,core\n0,0,9,4\n0,9,16,9\n1,,,127\n")
    few = (*QUICK, "--epochs", 1)
    assert neurochip("learn", *few, "--out", "a.h5").status == 0
    placed = ("--placer", "cores.csv", "--out", "b.h5")
    assert neurochip("learn", *few, *placed).status == 0
    refused(
        neurochip("learn", *few, "--placer", "cores.csv", "--out", "cores.csv"),
        "'cores.csv' is the placement that is read and would be replaced; choose another path",
    )
    (here / "cores.csv").unlink()
    assert neurochip("learn", "--resume", "b.h5", "--epochs", 1).status == 0
    assert neurochip("learn", "--resume", "a.h5", "--epochs", 1).status == 0
    runs = [experiment.load_run(name) for name in ("a.h5", "b.h5")]
    assert [run.chip.map.core.tolist() for run in runs] == [[0, 1], [4, 9, 127]]
    plain, own = (run.chip.integers.weights for run in runs)
    assert all(np.array_equal(a, b) for a, b in zip(plain, own, strict=True))
    facts = neurochip("map", "b.h5", "--json").json
    assert (facts["placer"], [core["core"] for core in facts["cores"]]) == (
        "cores.csv",
        [4, 9, 127],
    )
    on_loihi = neurochip("map", "b.h5", "--hardware", "loihi", "--json").json
    assert [core["core"] for core in on_loihi["cores"]] == [4, 9, 127]


def test_cycle_timing_is_told(neurochip: Command) -> None:
    options = (*QUICK, "--epochs", 1, "--timing", "cycle", "--neurons-per-core", 4)
    assert neurochip("learn", *options).status == 0
    head = "on 7 cores of chip 'neurochip' with cycle timing, by"
    assert head in neurochip("run", "run.h5").out
    costs = neurochip("run", "run.h5", "--json").json["costs"]
    assert (costs["timing"], costs["cores"]) == ("cycle", 7)
    assert costs["inference"]["seconds"] > 4 * 113e-9


def test_a_run_is_timed_as_asked(neurochip: Command, learned: Path) -> None:
    kinds = ("analytic", "cycle")
    told = {k: neurochip("run", learned, "--timing", k, "--json").json["costs"] for k in kinds}
    assert [told[kind]["timing"] for kind in kinds] == ["analytic", "cycle"]
    assert told["analytic"]["inference"]["seconds"] != told["cycle"]["inference"]["seconds"]
    for key in ("energy_joules", "memory_words"):
        assert told["analytic"]["inference"][key] == told["cycle"]["inference"][key]
    refused(
        neurochip("run", learned, "--timing", "exact"),
        "options: timing is 'exact'; it must be 'analytic' or 'cycle'",
    )


def test_what_cant_be_timed_is_not_learned(neurochip: Command, here: Path) -> None:
    refused(
        neurochip("learn", *QUICK, "--timing", "cycle", "--hardware", "loihi"),
        "hardware 'loihi': mesh.link_gap is unknown, but cycle timing needs it; give it in a file "
        "that extends 'loihi', or use analytic timing",
    )
    refused(
        neurochip("learn", *QUICK, "--timing", "cycle", "--schedule", "pipelined"),
        "schedule is 'pipelined', but cycle timing is of layers one after the other in each step; "
        "set schedule to 'layered', or use analytic timing",
    )
    refused(
        neurochip("learn", *QUICK, "--neurons-per-core", 0),
        "options: neurons_per_core is 0; it must be 1 or more",
    )
    assert not (here / "run.h5").exists()
