"""Profiles: who each person is to a site, and what each item does, as of a night. SQL is in ``sql/models/profiles``."""
