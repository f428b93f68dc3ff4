"""Neurons for Lava's own synapses; to find models, Lava executes every module of this package."""
