"""Where a visitor falls between 0 and 1: one salted hash that the shop, SQL and Python all repeat.

What the shares mean (who is in which arm of what) stands in ``experiments``.
"""

import hashlib

HOLDOUT_SALT = "perso-holdout-1"
HOLDOUT_SHARE = 0.10
_DIGITS = 15  # 60 bits: fits BIGINT, and dividing by 16**15 is exact, so SQL and Python agree to the last bit


def share(salt: str, unit_id: str) -> float:
    """Where ``unit_id`` falls in [0, 1) under ``salt``; the same for ever and everywhere.

    In DuckDB: ``share_sql("visitor_id")``; in dbt models: the macro ``hash_share``.
    """
    digest = hashlib.md5(f"{salt}:{unit_id}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:_DIGITS], 16) / 16**_DIGITS


def share_sql(unit_column: str, *, salt: str = HOLDOUT_SALT) -> str:
    """The DuckDB expression that equals ``share(salt, <unit_column>)`` bit for bit.

    ``unit_column`` is an SQL expression of ours, never a delivered value.
    """
    quoted = salt.replace("'", "''")
    return f"(('0x' || left(md5('{quoted}:' || {unit_column}), {_DIGITS}))::bigint::double / {16**_DIGITS}::double)"
