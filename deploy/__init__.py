"""Exports of a trained chip to other systems, each with a check that both executions agree."""
