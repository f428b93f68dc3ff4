"""Let the exported network learn in Lava and compare every integer with what the simulator held.

    python run.py [--limit SECONDS]

Exit status: 0 all equal, 1 a difference, 2 the session failed or network.h5 is damaged,
130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from neurochip.deploy.lava.learning.loihi3f.player.network import read
from neurochip.deploy.lava.learning.loihi3f.player.started import session
from neurochip.deploy.lava.player.limited import SessionError
from neurochip.deploy.states import compare, rows

#: Written beside this script.
FILE = Path(__file__).with_name("network.h5")
LIMIT_S = 300.0
EQUAL, DIFFERENT, FAILED = range(3)
INTERRUPTED = 130


def main() -> int:
    """Learn, compare, print the table."""
    parser = argparse.ArgumentParser(description="Learn in Lava and compare.")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for the session")
    limit_s = parser.parse_args().limit
    try:
        lesson, expected = read(FILE)
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        print(f"{FILE.name} can't be read ({error}); export it again", file=sys.stderr)
        return FAILED
    try:
        verdicts = compare(expected, session(FILE, lesson.learner, limit_s))
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
    print(f"{len(lesson.labels)} samples learned: every integer in Lava is the simulator's")
    return EQUAL


if __name__ == "__main__":
    sys.exit(main())
