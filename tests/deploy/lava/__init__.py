"""Tests of the export to Lava."""
