"""Recommendation models: training sets, the race between models, the champion, its candidates."""
