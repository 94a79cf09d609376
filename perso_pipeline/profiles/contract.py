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
    "is_prospect": Kind.FLAG,
    "is_business": Kind.FLAG,
    "is_cross_channel": Kind.FLAG,
    "first_seen_date": Kind.DATE,
    "last_seen_date": Kind.DATE,
    "tenure_days": Kind.NUMBER,
    "active_days": Kind.NUMBER,
    "active_days_28d": Kind.NUMBER,
    "sessions": Kind.NUMBER,
    "engaged_sessions": Kind.NUMBER,
    "sessions_7d": Kind.NUMBER,
    "sessions_28d": Kind.NUMBER,
    "sessions_90d": Kind.NUMBER,
    "events": Kind.NUMBER,
    "events_7d": Kind.NUMBER,
    "events_28d": Kind.NUMBER,
    "product_views": Kind.NUMBER,
    "product_views_7d": Kind.NUMBER,
    "product_views_28d": Kind.NUMBER,
    "cart_adds": Kind.NUMBER,
    "cart_adds_7d": Kind.NUMBER,
    "cart_adds_28d": Kind.NUMBER,
    "searches": Kind.NUMBER,
    "searches_28d": Kind.NUMBER,
    "wish_list_adds": Kind.NUMBER,
    "orders": Kind.NUMBER,
    "online_orders": Kind.NUMBER,
    "offline_orders": Kind.NUMBER,
    "orders_28d": Kind.NUMBER,
    "orders_90d": Kind.NUMBER,
    "orders_365d": Kind.NUMBER,
    "units": Kind.NUMBER,
    "currency": Kind.TEXT,
    "gross_revenue": Kind.NUMBER,
    "net_revenue": Kind.NUMBER,
    "net_revenue_28d": Kind.NUMBER,
    "net_revenue_90d": Kind.NUMBER,
    "net_revenue_365d": Kind.NUMBER,
    "refunded_revenue": Kind.NUMBER,
    "margin": Kind.NUMBER,
    "margin_rate": Kind.NUMBER,
    "uncosted_movements": Kind.NUMBER,
    "foreign_movements": Kind.NUMBER,
    "unconverted_movements": Kind.NUMBER,
    "average_order_value": Kind.NUMBER,
    "return_rate": Kind.NUMBER,
    "first_order_date": Kind.DATE,
    "last_order_date": Kind.DATE,
    "recency_days": Kind.NUMBER,
    "days_between_orders": Kind.NUMBER,
    "rfm_recency": Kind.NUMBER,
    "rfm_frequency": Kind.NUMBER,
    "rfm_monetary": Kind.NUMBER,
    "lifecycle": Kind.TEXT,
    "preferred_category": Kind.TEXT,
    "preferred_brand": Kind.TEXT,
    "preferred_price_band": Kind.TEXT,
    "preferred_hour": Kind.NUMBER,
    "preferred_weekday": Kind.TEXT,
    "main_channel": Kind.TEXT,
    "direct_share": Kind.NUMBER,
    "organic_share": Kind.NUMBER,
    "paid_share": Kind.NUMBER,
    "email_share": Kind.NUMBER,
    "social_share": Kind.NUMBER,
    "main_device": Kind.TEXT,
    "mobile_share": Kind.NUMBER,
    "tablet_share": Kind.NUMBER,
    "desktop_share": Kind.NUMBER,
    "first_touch_channel": Kind.TEXT,
    "first_touch_source": Kind.TEXT,
    "first_touch_medium": Kind.TEXT,
    "last_touch_channel": Kind.TEXT,
    "last_touch_source": Kind.TEXT,
    "last_touch_medium": Kind.TEXT,
    "hot_session_date": Kind.DATE,
    "hot_channel": Kind.TEXT,
    "hot_device": Kind.TEXT,
    "hot_events": Kind.NUMBER,
    "hot_product_views": Kind.NUMBER,
    "hot_cart_adds": Kind.NUMBER,
    "hot_searches": Kind.NUMBER,
    "hot_category": Kind.TEXT,
    "hot_brand": Kind.TEXT,
    "cold_events": Kind.NUMBER,
    "cold_product_views": Kind.NUMBER,
    "cold_cart_adds": Kind.NUMBER,
    "cold_searches": Kind.NUMBER,
    "country": Kind.TEXT,
    "company_id": Kind.TEXT,
    "loyalty_tier": Kind.TEXT,
    "eligibility": Kind.TEXT,
    "has_email_consent": Kind.FLAG,
    "has_personalization_consent": Kind.FLAG,
}
"""Attribute of a customer profile to its kind, in the order of the table, without the key."""

DEVICE_TYPES = ("mobile", "tablet", "desktop", "tv", "console", "other", "unknown")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

CUSTOMER_WORDS: dict[str, tuple[str, ...]] = {
    "lifecycle": ("prospect", "new", "active", "at_risk", "lapsed"),
    "preferred_price_band": ("1 lowest", "2 low", "3 middle", "4 high", "5 highest"),
    "preferred_weekday": _WEEKDAYS,
    "main_device": DEVICE_TYPES,
    "hot_device": DEVICE_TYPES,
}
"""Attributes of a customer profile that hold one of a few words, with these; a test holds them against the SQL."""

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
