"""Measurement: what recommendations earned, by how much more than without them, and what to trust."""
