"""The timeline: what its format asks for, and that it shows what happened."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from neurochip.errors import OutputError
from neurochip.traces.timeline import PHASES, READS, SENDS, write_timeline

from .steps import two_steps


@pytest.fixture
def events(tmp_path):
    path = tmp_path / "run.json"
    write_timeline(path, two_steps())
    return json.loads(path.read_text())["traceEvents"]


def slices(events, core, track):
    own = [e for e in events if e["ph"] == "X" and e["tid"] == 3 * core + track]
    return [(e["name"], e["ts"], e["dur"]) for e in own]


def test_a_track_a_core_and_a_slice_a_phase(events):
    """Forward: 508 ticks, errors: 12, barrier 50. Ticks are picoseconds, a timeline's unit a us."""
    assert slices(events, 2, PHASES) == [
        ("forward 0", 0.0, 508e-6),
        ("errors 0", 508e-6, 2e-6),
        ("errors 1", 570e-6, 2e-6),
    ]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert [names[3 * core] for core in range(3)] == ["core 0", "core 1", "core 2"]
    tiles = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert tiles == {0: "tile 0 (x 0, y 0)", 1: "tile 1 (x 1, y 0)"}


def test_work_and_stalls_of_a_sender(events):
    """Five messages, a tick of work each, sent at 1, 2, 6, 10, 108; 7 ticks of work after that."""
    assert slices(events, 0, SENDS) == [
        ("work", 0.0, 1e-6),
        ("work", 1e-6, 1e-6),
        ("work", 2e-6, 1e-6),
        ("stall", 3e-6, 3e-6),
        ("work", 6e-6, 1e-6),
        ("stall", 7e-6, 3e-6),
        ("work", 10e-6, 1e-6),
        ("stall", 11e-6, 97e-6),
        ("work", 108e-6, 7e-6),
    ]


def test_what_a_reader_reads(events):
    assert slices(events, 2, READS)[:2] == [("spike", 8e-6, 100e-6), ("spike", 108e-6, 100e-6)]
    assert [name for name, _, _ in slices(events, 0, READS)] == ["spike", "error", "error"]


def test_slices_of_a_track_do_not_overlap(events):
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["tid"]].append((round(event["ts"] * 1e6), round(event["dur"] * 1e6)))
    for track in tracks.values():
        ordered = sorted(track)
        ends = [begin + lasts for begin, lasts in ordered]
        assert all(end <= begin for end, (begin, _) in zip(ends, ordered[1:], strict=False))


def test_an_arrow_for_every_message(events):
    """From one track's slice into another's, each pair under a number of its own."""
    begins = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    assert sorted(begins) == sorted(ends) == list(range(8))
    assert all(begins[k]["ts"] <= ends[k]["ts"] for k in begins)
    touched = {(e["tid"], e["ts"]) for e in events if e["ph"] == "X"}
    assert all((e["tid"], e["ts"]) in touched for e in ends.values())


def test_no_steps_no_events(tmp_path):
    write_timeline(tmp_path / "run.json", [])
    assert json.loads((tmp_path / "run.json").read_text())["traceEvents"] == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="does not exist; make it first or choose another path"):
        write_timeline(tmp_path / "no" / "run.json", two_steps())
