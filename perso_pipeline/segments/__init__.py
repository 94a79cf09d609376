"""Segments: who meets which of the owner's rules, night by night."""
