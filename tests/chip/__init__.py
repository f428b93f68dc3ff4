"""The chip's tests."""
