"""The CSV tables, read back."""

from __future__ import annotations

import csv

from neurochip.traces.tables import write_cores, write_links, write_messages

from .steps import two_steps


def read(write, tmp_path):
    path = tmp_path / "table.csv"
    write(path, two_steps())
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_cores(tmp_path):
    rows = read(write_cores, tmp_path)
    assert len(rows) == 3 * 3
    assert rows[0] == {
        "step": "0",
        "phase": "forward",
        "core": "0",
        "tile": "0",
        "sending_ps": "12",
        "stalled_ps": "103",
        "reading_ps": "2",
        "sender_end_ps": "115",
        "reader_end_ps": "9",
    }


def test_links(tmp_path):
    rows = read(write_links, tmp_path)
    own = [row for row in rows if (row["step"], row["phase"]) == ("0", "forward")]
    found = [(r["from_tile"], r["direction"], r["core"], r["messages"]) for r in own]
    assert found == [
        ("0", "east", "", "5"),
        ("0", "in", "0", "5"),
        ("0", "in", "1", "1"),
        ("0", "out", "0", "1"),
        ("1", "out", "2", "5"),
    ]
    assert own[1]["waited_ps"] == "103"
    assert own[1]["deepest"] == "1"


def test_messages(tmp_path):
    rows = read(write_messages, tmp_path)
    assert [row["kind"] for row in rows] == ["spike"] * 6 + ["error"] * 2
    assert list(rows[4].values()) == (
        ["0", "forward", "spike", "4", "0", "2", "", "11", "108", "310", "408", "508"]
    )
