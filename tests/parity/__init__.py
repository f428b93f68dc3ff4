"""The parity room's tests."""
