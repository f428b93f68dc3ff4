"""Neurons that give Lava's own synapses a third factor; Lava executes every module of this package."""
