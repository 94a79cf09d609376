"""The tables that the identity stage writes in Python, column by column.

Those made in SQL (identifiers, evidence, edges) are described beside their models.
"""

import duckdb

LINKS = {
    "identifier": "VARCHAR",
    "other_identifier": "VARCHAR",
    "edge_type": "VARCHAR",
    "confidence": "DOUBLE",
    "known_on": "DATE",
    "void_on": "DATE",
    "first_known_at": "TIMESTAMP",
    "identifier_until": "DATE",
    "other_until": "DATE",
}
MAP = {
    "identifier": "VARCHAR",
    "identifier_type": "VARCHAR",
    "person_id": "VARCHAR",
    "confidence": "DOUBLE",
    "known_on": "DATE",
    "void_on": "DATE",
}
GUARDS = {
    "identifier": "VARCHAR",
    "identifier_type": "VARCHAR",
    "reason": "VARCHAR",
    "others": "BIGINT",
    "customers": "BIGINT",
    "known_on": "DATE",
}
RULES = {"rule": "VARCHAR", "name": "VARCHAR", "other": "VARCHAR", "value": "VARCHAR"}

TABLES = {"identity_links": LINKS, "identity_map": MAP, "identity_guards": GUARDS, "identity_rules": RULES}

DESCRIPTIONS = {
    "identity_links": "One row per edge that is trusted enough to join, with the nights on which it does.",
    "identity_map": "One row per identifier and stretch of validity: on every night from its first one on, an "
    "identifier has exactly one person.",
    "identity_guards": "One row per identifier and limit that it passed: it names too many others and joins nobody.",
}


def ensure_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make what is missing."""
    connection.execute("create schema if not exists identity")
    for name, columns in TABLES.items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"create table if not exists identity.{name} ({listed})")
