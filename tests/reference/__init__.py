"""Tests of the float engine."""
