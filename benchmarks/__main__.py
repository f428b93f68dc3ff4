"""Run benchmarks by name and print one table each, as Markdown or JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from benchmarks.peers.process import PeerMissingError
from benchmarks.table import Table, machine
from neurochip.errors import NeurochipError

NAMES = (
    "goals",
    *("digits", "mnist", "convolution", "streaming", "memory", "startup"),
    *("against_torch", "sanafe", "cosines", "trainer", "lava", "papers", "sharpness"),
    *("net_a", "net_b", "meter", "cores", "nengo_loihi", "brian2loihi", "full_loihi", "nir"),
    *("loihi3f", "scaling", "threads", "study", "fixed_accuracy"),
)
RESULTS = Path(__file__).with_name("results")


def main() -> int:
    """Measure what is named (everything, if nothing is) and print or keep the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    parser.add_argument("--mnist", metavar="PATH", help="where MNIST is (.npz or IDX folder)")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/NAME.md")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"benchmark {unknown[0]!r} is unknown; choose among {', '.join(NAMES)}")
    tables, failures = [], []
    for name in options.names or NAMES:
        try:
            tables.append(_measure(name, options))
        except (NeurochipError, PeerMissingError, SystemExit) as why:
            failures.append(f"benchmark {name}: {why}")
            print(failures[-1], file=sys.stderr)
    if options.json:
        print(json.dumps({"machine": machine(), "tables": [table.facts() for table in tables]}))
    return 2 if failures else 0


def _measure(name: str, options: argparse.Namespace) -> Table:
    table: Table = importlib.import_module(f"benchmarks.{name}").measure(options.mnist)
    text = table.markdown(f"python -m benchmarks {name}")
    if not options.json:
        print(text, flush=True)
    if options.keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
        for picture, figure in table.figures.items():
            figure.savefig(RESULTS / f"{picture}.svg", metadata={"Date": None})
    return table


if __name__ == "__main__":
    sys.exit(main())
