"""Tests of the compiled integer kernels."""
