"""Slow, obvious twins of what neurochip computes fast."""
