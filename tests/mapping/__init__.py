"""The mapping's tests."""
