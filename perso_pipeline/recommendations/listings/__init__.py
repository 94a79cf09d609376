"""Listings: what stands on a category page or a search page, in which order, as tables."""
