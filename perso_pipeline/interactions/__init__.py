"""Stages ``identity`` and ``interactions``: who is who, sessions, interactions, the order ledger.

The SQL is in ``sql/models/identity`` and ``sql/models/interactions``.
"""
