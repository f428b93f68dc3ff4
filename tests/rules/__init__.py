"""Tests of the learning rules."""
