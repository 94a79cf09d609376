"""Where the attributes of a rule stand: tables with one row per night, site and person.

Add a table here, one line each, and rules, editors and the compiler know its columns. Keep their meaning with the
stage that writes them; a table that is not there on a night leaves its attributes unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from perso_pipeline.profiles.contract import CUSTOMER_ATTRIBUTES, CUSTOMER_WORDS, Kind

GROUP_ATTRIBUTES: dict[str, Kind] = {
    "value_tier": Kind.TEXT,
    "cluster_id": Kind.TEXT,
}
"""Columns of ``segments.person_groups`` that rules may ask."""

BAND_COLUMNS = {
    "conversion_band": "likely to order soon",
    "churn_band": "likely to leave",
    "value_band": "predicted value",
}
"""Columns of ``profiles.predictions`` that hold one of ``BANDS``, with what they grade."""

PREDICTION_ATTRIBUTES: dict[str, Kind] = {
    "conversion_7d": Kind.NUMBER,
    "churn_likelihood": Kind.NUMBER,
    "probability_alive": Kind.NUMBER,
    "expected_orders_90d": Kind.NUMBER,
    "predicted_value_90d": Kind.NUMBER,
    "predicted_value_365d": Kind.NUMBER,
} | dict.fromkeys(BAND_COLUMNS, Kind.TEXT)

VALUE_TIERS = ("gold", "silver", "bronze")
BANDS = ("high", "middle", "low")


@dataclass(frozen=True)
class AttributeTable:
    """A table with the key (night, site_id, person_id) and the columns that rules may name."""

    table: str
    attributes: Mapping[str, Kind]


PROFILES = AttributeTable("profiles.customer_profiles", {"site_id": Kind.TEXT} | CUSTOMER_ATTRIBUTES)
"""Who there is to segment: every row of a night is answered for."""

PREDICTIONS = AttributeTable("profiles.predictions", PREDICTION_ATTRIBUTES)

ATTRIBUTE_TABLES: tuple[AttributeTable, ...] = (
    PROFILES,
    AttributeTable("segments.person_groups", GROUP_ATTRIBUTES),
    PREDICTIONS,
)
"""First the profiles, then what is joined to them; of two tables with the same column the first one is asked."""

ATTRIBUTES: dict[str, Kind] = {
    name: next(other.attributes[name] for other in ATTRIBUTE_TABLES if name in other.attributes)
    for table in ATTRIBUTE_TABLES
    for name in table.attributes
}
"""Every attribute a rule may name, in the order of the tables."""


WORDS: dict[str, tuple[str, ...]] = (
    CUSTOMER_WORDS | {"value_tier": VALUE_TIERS} | dict.fromkeys(BAND_COLUMNS, BANDS)
)  # fmt: skip
"""Attributes that hold one of a few words; a rule that names another is a slip of the pen."""


def table_of(attribute: str) -> AttributeTable:
    """The table that answers for ``attribute``."""
    return next(table for table in ATTRIBUTE_TABLES if attribute in table.attributes)
