"""Nightly personalization in your own data platform: the pipeline from landing files to what they earned."""
