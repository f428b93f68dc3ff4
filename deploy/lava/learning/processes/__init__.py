"""Processes that learn; to find their models, Lava executes every module of this package."""
