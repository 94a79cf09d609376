"""Recommendation models: training sets, the race between models, the champion, its candidates.

The models themselves are in ``recommenders``, the search of their settings in ``search``.
"""
