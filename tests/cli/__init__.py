"""The command line: its fixed forms, what it prints where, and what it says of bad input."""
