"""What `neurochip run` tells of time and energy."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.running import QUICK, Command, refused


def test_run_tells_what_a_sample_costs(neurochip: Command, learned: Path, here: Path) -> None:
    lines = neurochip("run", learned).out.splitlines()[-4:]
    amount = r"[\d.]+ [munp]?"
    assert lines[0] == (
        "costs a sample on 2 cores of chip 'neurochip' with analytic timing, by the weights as "
        "they are now:"
    )
    assert re.fullmatch(rf"  inference: {amount}s; {amount}J; [\d,]+ words of memory", lines[1])
    for line, rule in zip(lines[2:], ("OTTT-O", "OTTT-A"), strict=True):
        share = r"\(\d+%, by layer \d+% \d+%\)"
        assert re.fullmatch(
            rf"  learning by {rule} adds {amount}s {share}; {amount}J {share}; [\d,]+ words "
            rf"{share}",
            line,
        )
    costs = neurochip("run", learned, "--json").json["costs"]
    assert costs["inference"]["energy_joules"] > 0
    assert costs["inference"]["energy_unknown"] == []
    assert list(costs["learning"]) == ["online", "accumulate"]
    online, accumulated = costs["learning"].values()
    assert 0 < online["share_of_energy"] < accumulated["share_of_energy"] < 1
    for what in ("energy", "time", "memory_words"):
        assert len(online[f"share_of_{what}_by_layer"]) == 2


def test_every_command_tells_the_timing_that_was_asked_for(neurochip: Command, here: Path) -> None:
    asked = (*QUICK, "--epochs", 1, "--timing", "cycle")
    lines = neurochip("learn", *asked).out.splitlines()
    head = "costs a sample on 2 cores of chip 'neurochip' with {} timing, by the weights"
    assert lines[1].startswith("test accuracy ")
    assert lines[2].startswith("written to run.h5")
    assert lines[3].startswith(head.format("cycle"))
    assert neurochip("run", "run.h5").out.splitlines()[-4:] == lines[3:]
    other = neurochip("run", "run.h5", "--timing", "analytic").out.splitlines()[-4:]
    assert other[0].startswith(head.format("analytic"))
    assert other[1] != lines[4]
    said = neurochip("learn", *asked, "--json", "--out", "other.h5").json["costs"]
    assert said == neurochip("run", "run.h5", "--json").json["costs"]
    assert said["timing"] == "cycle"


def test_the_report_tells_the_timing_that_was_asked_for(
    neurochip: Command, learned: Path, here: Path
) -> None:
    for asked, sentence in (
        ((), "Timing is analytic: by counts alone"),
        (("--timing", "cycle"), "Timing is cycle: message by message over the mesh"),
    ):
        assert neurochip("report", learned, "--out", "page.html", *asked).status == 0
        page = (here / "page.html").read_text(encoding="utf-8")
        time = neurochip("run", learned, *asked).out.splitlines()[-3].split()[1].rstrip(";")
        assert f"A sample of inference takes {time}" in page
        assert " on 2 cores of chip neurochip. " + sentence in page
    refused(
        neurochip("report", learned, "--timing", "x"),
        "options: timing is 'x'; it must be 'analytic' or 'cycle'",
    )


def test_a_rule_that_does_not_fit_is_told_apart(neurochip: Command, here: Path) -> None:
    """A core with room for 64 x 16 weights of 8 bits has none for OTTT-A's sums."""
    (here / "little.toml").write_text(
        'name = "little"\ntitle = "little"\nextends = "neurochip"\n[sources]\ntest = "test"\n'
        "[limits]\nsynapse_memory_per_core = "
        '{ value = 8192, unit = "bit", basis = "assumed", source = "test" }\n'
    )
    assert neurochip("learn", *QUICK, "--epochs", 1, "--hardware", "little.toml").status == 0
    *_, inference, online, accumulated = neurochip("run", "run.h5").out.splitlines()
    assert inference.startswith("  inference: ")
    assert online.startswith("  learning by OTTT-O adds ")
    why = (
        "update 'accumulate' doesn't fit this map: core 0 would hold layer 0 with 24576 bits of "
        "synapse memory, but a core of hardware 'little' has 8192; spread them over more cores"
    )
    assert accumulated == f"  learning by OTTT-A is not told: {why}"
    learning = neurochip("run", "run.h5", "--json").json["costs"]["learning"]
    assert learning["accumulate"] == {"untold": why}
    assert learning["online"]["seconds"] > 0


def test_run_tells_the_metrics_of_neurobench(neurochip: Command, learned: Path, here: Path) -> None:
    told = neurochip("run", learned, "--json").json["neurobench"]
    assert told["dense"] % (64 * 16 + 16 * 10) == 0
    assert 0 < told["effective_acs"] < told["effective_macs"] < told["dense"]
    assert set(told["definitions"]) < set(told)
    assert told["source"] == "Yik et al., Nature Communications 16, 1545 (2025)"
    lines = neurochip("run", learned).out.splitlines()
    first = lines.index(next(line for line in lines if line.startswith("NeuroBench: ")))
    assert re.fullmatch(
        r"NeuroBench: footprint [\d,]+ bytes; sparsity of connections [\d.]+%, of activations "
        r"[\d.]+%;",
        lines[first],
    )
    assert lines[first + 1] == (
        f"  synaptic operations a sample: dense {told['dense']:,.0f}, effective MACs "
        f"{told['effective_macs']:,.0f}, effective ACs {told['effective_acs']:,.0f}"
    )


def test_unknown_costs_stay_unknown(neurochip: Command, here: Path) -> None:
    options = ("--hardware", "loihi2", "--epochs", 1, "--json", "--out", "two.h5")
    assert neurochip("learn", *QUICK, *options).status == 0
    costs = neurochip("run", "two.h5", "--json").json["costs"]
    assert costs["inference"]["energy_joules"] is None
    assert "synaptic_operation" in costs["inference"]["energy_unknown"]
    assert "; unknown (message out" in neurochip("run", "two.h5").out
