"""``config/profiles.yml``: whom to believe, what draws a person, when an item is fast or new.

Settings an owner may change live here with their legal ranges; what they do stands in ``sql/models/profiles``,
which reads them as rows (``settings_table``). Keep SQL out.
"""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice

StatedAttribute = Literal[
    "country",
    "loyalty_tier",
    "company_id",
    "eligibility",
    "has_email_consent",
    "has_personalization_consent",
]
AffinityKind = Literal["category", "brand", "price_band", "hour", "weekday", "search_term"]
WeighedEvent = Literal["product_view", "content_consumed", "add_to_wish_list", "add_to_cart", "purchase"]

CONSENTS: tuple[StatedAttribute, ...] = ("has_email_consent", "has_personalization_consent")
ANY_SOURCE = "*"


class SourcePrecedence(ConfigPart):
    """Which source systems speak for an attribute, and whose word counts."""

    rule: Literal["latest", "trusted"] = Field(
        description="latest: the newest statement of a listed source. trusted: the first listed source that stated it."
    )
    sources: tuple[str, ...] = Field(
        min_length=1, description="source_system of profile_events, most trusted first; '*' is every one not named."
    )

    @model_validator(mode="after")
    def _sources_differ(self) -> Self:
        if (twice := first_twice(self.sources)) is not None:
            msg = f"source '{twice}' is listed twice, keep one"
            raise ValueError(msg)
        return self


class AffinitiesConfig(ConfigPart):
    """What an event says of a person's taste, and for how long."""

    horizon_days: int = Field(ge=1, le=730, description="Events of so many days up to the night count.")
    hot_days: int = Field(ge=1, description="The last session is hot if it began in so many days up to the night.")
    keep: int = Field(ge=1, le=100, description="Strongest values kept of each kind.")
    half_life_days: dict[AffinityKind, float] = Field(description="Days after which an event counts half, by kind.")
    event_weights: dict[WeighedEvent, float] = Field(min_length=1, description="Weight of one event.")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for key, value in [*self.half_life_days.items(), *self.event_weights.items()]:
            if value <= 0:
                msg = f"{key} must be more than 0, not {value}"
                raise ValueError(msg)
        kinds: tuple[AffinityKind, ...] = ("category", "brand", "price_band", "hour", "weekday", "search_term")
        missing = [kind for kind in kinds if kind not in self.half_life_days]
        if missing:
            msg = f"half_life_days lacks {', '.join(missing)}"
            raise ValueError(msg)
        return self


class ItemSegmentsConfig(ConfigPart):
    """Where the product segments begin and end."""

    fast_units_per_week: float = Field(gt=0, description="Velocity fast: pieces sold a week over 28 days, at least.")
    steady_units_per_week: float = Field(gt=0, description="Velocity steady: at least; slow: fewer, but some.")
    high_margin_rate: float = Field(le=1, description="Margin high: margin over net, at least.")
    low_margin_rate: float = Field(le=1, description="Margin low: below.")
    new_days: int = Field(ge=1, description="New: first catalogued less than so many days ago.")
    high_return_rate: float = Field(gt=0, le=1, description="High returns: refunded over gross of 365 days, at least.")
    high_return_units: int = Field(ge=1, description="High returns: pieces sold in 365 days, at least.")
    seasonal_index: float = Field(gt=1, description="Seasonal: the 28 days a year ago against that year's mean.")
    trending_index: float = Field(gt=1, description="Trending: daily views of 7 days against the 21 before.")
    smoothing_views: float = Field(gt=0, description="Views at the prior's rate added to an item's own.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.steady_units_per_week >= self.fast_units_per_week:
            msg = "steady_units_per_week must be less than fast_units_per_week"
            raise ValueError(msg)
        if self.low_margin_rate >= self.high_margin_rate:
            msg = "low_margin_rate must be less than high_margin_rate"
            raise ValueError(msg)
        return self


class ProfilesConfig(ConfigPart):
    """The whole of ``config/profiles.yml``."""

    model_config = ConfigDict(title="config/profiles.yml")

    attributes: dict[StatedAttribute, SourcePrecedence] = Field(description="Source precedence by attribute.")
    affinities: AffinitiesConfig
    item_segments: ItemSegmentsConfig

    @model_validator(mode="after")
    def _newest_consent_counts(self) -> Self:
        for consent in CONSENTS:
            precedence = self.attributes.get(consent)
            if precedence and (precedence.rule != "latest" or precedence.sources != (ANY_SOURCE,)):
                msg = f"{consent}: a withdrawal counts whoever passes it on; give rule latest and sources ['*']"
                raise ValueError(msg)
        return self
