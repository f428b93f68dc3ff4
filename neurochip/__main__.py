"""``python -m neurochip`` is the command ``neurochip``."""

import sys

from neurochip.cli import main

if __name__ == "__main__":
    sys.exit(main())
