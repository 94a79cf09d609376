"""Stage ``interactions``: sessions, interactions, the order ledger. The SQL is in ``sql/models/interactions``."""
