"""Processes that Lava lacks; to find models, Lava executes every module of this package."""
