"""A chip's recording: its timeline by the format's rules, its waveform read back, its tables."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import data as data_sets
from neurochip.chip import Chip
from neurochip.errors import ConfigError
from neurochip.network import Network
from neurochip.traces import Recording, record

DIGITS = data_sets.load("digits").test
SAMPLES, STEPS = 2, 3
WATCHED = ((0, 0), (0, 7), (1, 9))
#: Keys that the Trace Event Format asks for, by the kind of an event.
REQUIRED = {
    "M": {"ph", "name", "pid", "args"},
    "X": {"ph", "name", "pid", "tid", "ts", "dur"},
    "s": {"ph", "name", "cat", "id", "pid", "tid", "ts"},
    "f": {"ph", "name", "cat", "id", "pid", "tid", "ts", "bp"},
}


@pytest.fixture(scope="module")
def chip() -> Chip:
    return Chip(Network.mlp([64, 8, 10], timesteps=STEPS), neurons_per_core=3)


@pytest.fixture(scope="module")
def recording(chip: Chip) -> Recording:
    return record(chip, DIGITS, SAMPLES, WATCHED)


@pytest.fixture(scope="module")
def events(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("timeline") / "t.json"
    recording.write_timeline(path)
    written: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return written


def test_every_event_has_the_keys_of_its_kind(events: list[dict[str, Any]]) -> None:
    for event in events:
        assert REQUIRED[event["ph"]] <= event.keys()
        assert event.get("dur", 0) >= 0


def test_times_ascend_after_the_names_of_tracks(events: list[dict[str, Any]]) -> None:
    times = [event.get("ts", -1.0) for event in events]
    assert times == sorted(times)
    named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
    assert {(e["pid"], e["tid"]) for e in events if e["ph"] != "M"} <= named


def test_flows_come_in_pairs(events: list[dict[str, Any]], recording: Recording) -> None:
    flows = Counter((e["id"], e["ph"]) for e in events if e["ph"] in "sf")
    both = [(number, kind) for number in range(recording.messages) for kind in "sf"]
    assert flows == Counter(both)
    kinds = Counter(e["cat"] for e in events if e["ph"] == "s")
    assert set(kinds) == {"spike", "error"}


def test_tracks_are_the_cores_in_use_and_the_inputs(
    events: list[dict[str, Any]], chip: Chip
) -> None:
    names = [e["args"]["name"] for e in events if e["name"] == "thread_name"]
    cores = [f"core {core}" for core in np.unique(chip.map.core)]
    assert names[::3] == [*cores, "inputs"]
    phases = {e["name"] for e in events if e["ph"] == "X" and e["tid"] == 0}
    assert {"spikes 0 0", "spikes 1 0", "errors 1 0", "updates 0"} <= phases


def test_a_waveform_read_back(recording: Recording, chip: Chip, tmp_path: Path) -> None:
    """Every register of every watched neuron, at the picosecond at which its step begins."""
    recording.write_waveform(tmp_path / "t.vcd")
    values, end = read_vcd((tmp_path / "t.vcd").read_text(encoding="ascii"))
    begins = np.cumsum([0, *(step.ticks for step in recording.steps)])
    assert end == begins[-1] == recording.ticks
    seen = [chip.observe(DIGITS.x[n], int(DIGITS.y[n]), n) for n in range(SAMPLES)]
    for layer, neuron in WATCHED:
        for name in ("signal", "v_pre", "v", "psi", "delta"):
            rows = [one.signal[1:] if name == "signal" else getattr(one, name) for one in seen]
            expected = np.concatenate([row[layer][:, neuron] for row in rows]).tolist()
            changes = values[(f"layer_{layer}", f"neuron_{neuron}", name)]
            assert list(held(changes, begins[:-1])) == expected


def read_vcd(text: str) -> tuple[dict[tuple[str, ...], dict[int, int]], int]:
    """Values by path and time of change, and the last time; of IEEE 1364 what we write."""
    head, body = text.split("$enddefinitions $end\n")
    paths, scope, widths = {}, [], {}
    for line in head.splitlines():
        words = line.split()
        if words[0] == "$scope":
            scope.append(words[2])
        elif words[0] == "$upscope":
            scope.pop()
        elif words[0] == "$var":
            paths[words[3]], widths[words[3]] = (*scope, words[4]), int(words[2])
    assert not scope
    values: dict[tuple[str, ...], dict[int, int]] = {path: {} for path in paths.values()}
    now = 0
    for line in body.splitlines():
        if line[0] == "#":
            assert int(line[1:]) >= now
            now = int(line[1:])
            continue
        bits, name = line[1:].split()
        number = int(bits, 2)
        negative = widths[name] > 5 and number >> (widths[name] - 1)
        values[paths[name]][now] = number - (1 << widths[name]) if negative else number
    return values, now


def held(changes: dict[int, int], times: Any) -> Iterator[int]:
    """The value at each time: that of the last change."""
    value = 0
    for time in times.tolist():
        value = changes.get(time, value)
        yield value


def test_tables_hold_every_message(recording: Recording, tmp_path: Path) -> None:
    paths = recording.write_tables(tmp_path / "tables")
    tables = {path.name: list(csv.DictReader(path.read_text().splitlines())) for path in paths}
    assert len(tables["messages.csv"]) == recording.messages
    assert {row["step"] for row in tables["cores.csv"]} == {str(n) for n in range(SAMPLES * STEPS)}
    into_cores = [row for row in tables["links.csv"] if row["direction"] == "out"]
    assert sum(int(row["messages"]) for row in into_cores) == recording.messages


def test_no_samples_are_refused(chip: Chip) -> None:
    with pytest.raises(ConfigError, match="a recording of 0 samples was asked for; it needs 1 or"):
        record(chip, DIGITS, 0)
