"""What a person or a scheduler does with the product: run nights, look after an installation, start its UIs.

Sits above ``definitions.py`` and below ``cli``; keep what a night computes with its stage.
"""
