"""`neurochip report`: a page, and figures as files."""

from __future__ import annotations

from pathlib import Path

from tests.cli.running import Command


def test_report(neurochip: Command, learned: Path, here: Path) -> None:
    chosen = ("--sample", 3, "--neurons", "0,5")
    said = neurochip("report", learned, "--out", "page.html", *chosen)
    assert (said.status, said.err) == (0, "")
    assert said.out == "written to page.html\n"
    assert (here / "page.html").read_text().lstrip().lower().startswith("<!doctype html")


def test_report_as_json(neurochip: Command, learned: Path, here: Path) -> None:
    said = neurochip("report", learned, "--figures", "drawn", "--json")
    assert (said.status, said.err) == (0, "")
    assert {Path(name).suffix for name in said.json["written"]} == {".html", ".png", ".svg"}
    assert all(Path(name).is_file() for name in said.json["written"])
