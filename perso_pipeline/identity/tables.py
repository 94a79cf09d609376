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
COLUMN_DESCRIPTIONS = {
    "identifier": "Kind, ':' and the value as delivered (or its hash).",
    "other_identifier": "The other end of the edge.",
    "identifier_type": "'visitor', 'customer', 'email', 'phone' or 'loyalty'.",
    "edge_type": "Kind of evidence, as in identity_evidence.",
    "person_id": "'p' and 16 hexadecimal digits of the md5 of the person's root, the identifier known first.",
    "confidence": "Trust in the evidence, 0 to 1; in the map: of the weakest link on the surest way to the root.",
    "known_on": "First night on which the row holds.",
    "void_on": "First night on which it no longer holds, null while it does; a link that never held ends as it begins.",
    "first_known_at": "Time of the evidence that became known first, UTC; breaks ties.",
    "identifier_until": "First night on which the first end does not take it (limit, or a better link); else null.",
    "other_until": "First night on which the second end does not take it; else null.",
    "reason": "Limit of config/identity.yml that was passed.",
    "others": "How many of the limited kind it names, by now.",
    "customers": "How many customers it names, by now.",
}  # fmt: skip


def ensure_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make what is missing."""
    connection.execute("create schema if not exists identity")
    for name, columns in TABLES.items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"create table if not exists identity.{name} ({listed})")
