"""A shop to try everything on: a simulated one with known truth, and importers of public data.

Writes landing files and truth files, nothing else. No pipeline stage may import it.
"""
