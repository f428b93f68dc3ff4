"""``python -m neurochip`` is the command ``neurochip``."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    """Load and run the command line; Ctrl-C while it loads ends as quietly as later."""
    try:
        from neurochip import cli

        return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("neurochip: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
