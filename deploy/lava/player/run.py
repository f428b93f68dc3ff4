"""Run the exported network in Lava and compare every integer with what the chip held.

    python run.py [--limit SECONDS]

Exit status: 0 all equal, 1 a difference, 2 the session failed or network.h5 is damaged,
130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from neurochip.deploy.lava.player.limited import SessionError
from neurochip.deploy.lava.player.network import read
from neurochip.deploy.lava.player.started import session
from neurochip.deploy.states import compare, rows

#: Written beside this script.
FILE = Path(__file__).with_name("network.h5")
LIMIT_S = 120.0
EQUAL, DIFFERENT, FAILED = range(3)
INTERRUPTED = 130


def main() -> int:
    """Run, compare, print the table."""
    parser = argparse.ArgumentParser(description="Run the network in Lava and compare.")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for the session")
    limit_s = parser.parse_args().limit
    try:
        network, expected = read(FILE)
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        print(f"{FILE.name} can't be read ({error}); export it again", file=sys.stderr)
        return FAILED
    try:
        verdicts = compare(expected.layers, session(FILE, network, limit_s))
    except (SessionError, ValueError) as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    for row in rows(verdicts):
        print("  ".join(cell.ljust(12) for cell in row).rstrip())
    if any(verdict.mismatches for verdict in verdicts):
        print("they DIFFER")
        return DIFFERENT
    print(f"{len(expected.inputs)} samples: every integer in Lava is the chip's")
    return EQUAL


if __name__ == "__main__":
    sys.exit(main())
