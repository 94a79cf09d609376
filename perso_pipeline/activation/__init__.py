"""Stage ``activation``: what to do about a person tonight."""
