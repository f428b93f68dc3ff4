"""Tests of neurochip; ``tests.naive`` holds the slow twins of its kernels."""
