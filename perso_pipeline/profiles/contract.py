"""The columns of ``profiles.customer_profiles`` that later stages may rely on, with their kinds.

Add a column here and in ``sql/models/profiles/customer_profiles.{sql,yml}``; a test holds them together.
Keep the meaning of a column in the yml and how it is computed in the SQL.
"""

from enum import Enum


class Kind(Enum):
    """What values a column holds; ``value`` is the word used in messages."""

    TEXT = "text"
    NUMBER = "a number"
    DATE = "a date"
    FLAG = "true or false"


CUSTOMER_PROFILE_KEY = ("night", "site_id", "person_id")

CUSTOMER_ATTRIBUTES: dict[str, Kind] = {
    "is_customer": Kind.FLAG,
    "first_seen_date": Kind.DATE,
    "last_seen_date": Kind.DATE,
    "active_days": Kind.NUMBER,
    "events": Kind.NUMBER,
    "product_views": Kind.NUMBER,
    "cart_adds": Kind.NUMBER,
    "searches": Kind.NUMBER,
    "orders": Kind.NUMBER,
    "units": Kind.NUMBER,
    "gross_revenue": Kind.NUMBER,
    "net_revenue": Kind.NUMBER,
    "refunded_revenue": Kind.NUMBER,
    "margin": Kind.NUMBER,
    "average_order_value": Kind.NUMBER,
    "return_rate": Kind.NUMBER,
    "first_order_date": Kind.DATE,
    "last_order_date": Kind.DATE,
    "recency_days": Kind.NUMBER,
    "tenure_days": Kind.NUMBER,
    "rfm_recency": Kind.NUMBER,
    "rfm_frequency": Kind.NUMBER,
    "rfm_monetary": Kind.NUMBER,
    "lifecycle": Kind.TEXT,
    "preferred_category": Kind.TEXT,
    "preferred_brand": Kind.TEXT,
    "main_channel": Kind.TEXT,
    "main_device": Kind.TEXT,
    "country": Kind.TEXT,
    "loyalty_tier": Kind.TEXT,
    "has_email_consent": Kind.FLAG,
    "has_personalization_consent": Kind.FLAG,
}
"""Attribute of a customer profile to its kind, in the order of the table, without the key."""

PREDICTION_ATTRIBUTES: dict[str, Kind] = {
    "conversion_7d": Kind.NUMBER,
    "conversion_band": Kind.TEXT,
    "churn_likelihood": Kind.NUMBER,
    "churn_horizon_days": Kind.NUMBER,
    "churn_band": Kind.TEXT,
    "probability_alive": Kind.NUMBER,
    "expected_orders_90d": Kind.NUMBER,
    "expected_order_value": Kind.NUMBER,
    "predicted_value_90d": Kind.NUMBER,
    "predicted_value_365d": Kind.NUMBER,
    "value_band": Kind.TEXT,
    "conversion_version": Kind.TEXT,
    "churn_version": Kind.TEXT,
    "value_version": Kind.TEXT,
}
"""Column of ``profiles.predictions`` to its kind, in the order of the table, without the key, which is
``CUSTOMER_PROFILE_KEY``: one row for every row of ``profiles.customer_profiles``. Null where not estimable."""
