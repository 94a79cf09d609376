"""Settings of each model in ``config/models.yml``, with legal ranges; what they do stands in the model's module."""

from typing import Literal, Self

from pydantic import Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice
from perso_pipeline.models.names import LinearName, ModelName


class PopularConfig(ConfigPart):
    """People per item, recent ones counting more."""

    half_life_days: float = Field(gt=0)


class TrendingConfig(ConfigPart):
    """A short window against a long one."""

    short_days: int = Field(ge=1)
    long_days: int = Field(ge=2)
    smoothing: float = Field(gt=0, description="People added to the expected count, so that rare items do not lead.")

    @model_validator(mode="after")
    def _windows(self) -> Self:
        if self.short_days >= self.long_days:
            msg = f"short_days ({self.short_days}) must be less than long_days ({self.long_days})"
            raise ValueError(msg)
        return self


class RandomConfig(ConfigPart):
    """The floor of the race."""

    seed: int = Field(ge=0)


class ItemKnnConfig(ConfigPart):
    """Neighbours of items by the people they share."""

    weighting: Literal["cosine", "bm25"]
    neighbours: int = Field(ge=1)
    k1: float = Field(default=0.2, gt=0, description="BM25 only: how soon repetition stops counting.")
    b: float = Field(default=0.2, ge=0, le=1, description="BM25 only: how much popular items are damped.")


class AlsConfig(ConfigPart):
    """Implicit-feedback matrix factorisation."""

    factors: int = Field(ge=1)
    regularization: float = Field(gt=0)
    alpha: float = Field(gt=0, description="Confidence of a signal of weight 1, beside 1 for what was not seen.")
    iterations: int = Field(ge=1)
    seed: int = Field(ge=0)


class Rp3betaConfig(ConfigPart):
    """Random walks over three steps."""

    alpha: float = Field(gt=0, description="Power of each step's chance.")
    beta: float = Field(ge=0, description="How much popular items are damped.")
    neighbours: int = Field(ge=1)


class EaseConfig(ConfigPart):
    """Linear autoencoder in closed form."""

    regularization: float = Field(gt=0)
    max_gigabytes: float = Field(gt=0, description="12 bytes x items squared; above it the model stays out.")


class GraphFilterConfig(ConfigPart):
    """Linear graph filter plus ideal low-pass."""

    factors: int = Field(ge=1, description="Singular vectors that the ideal low-pass filter lets through.")
    low_pass: float = Field(ge=0, description="Weight of the ideal low-pass filter beside the linear one.")
    seed: int = Field(ge=0)


class BspmConfig(GraphFilterConfig):
    """The same, sharpened."""

    sharpening: float = Field(ge=0, lt=2.7, description="Time; beyond 2.7 a Runge-Kutta step of order 4 runs away.")


class BprConfig(ConfigPart):
    """Factors learnt from pairs of a better and a worse item."""

    factors: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    regularization: float = Field(ge=0)
    iterations: int = Field(ge=1)
    seed: int = Field(ge=0)


class BlendConfig(ConfigPart):
    """A weighted sum of models."""

    weights: dict[LinearName, float] = Field(min_length=2, description="Weight of each member, on a common scale.")


class CoVisitationConfig(ConfigPart):
    """Items that the same person met within some days."""

    within_days: int = Field(ge=1, description="1: on the same day.")
    discount: float = Field(ge=0, le=1, description="0: how often; 1: how much more often than chance.")
    min_people: int = Field(ge=1, description="Pairs of fewer people say nothing.")
    neighbours: int = Field(ge=1)


class BoughtTogetherConfig(ConfigPart):
    """Items of one order."""

    min_orders: int = Field(ge=1, description="Support: pairs in fewer orders are left out.")
    min_lift: float = Field(ge=0, description="Pairs not at least so much more frequent than chance are left out.")
    neighbours: int = Field(ge=1)


class ViewedThenBoughtConfig(ConfigPart):
    """What people who viewed an item bought in the end."""

    within_days: int = Field(ge=1)
    discount: float = Field(ge=0, le=1)
    min_people: int = Field(ge=1)
    neighbours: int = Field(ge=1)


class ContentConfig(ConfigPart):
    """Likeness of words and traits."""

    trait_weight: float = Field(ge=0, description="Of brand, category and attributes beside name and description.")
    min_likeness: float = Field(ge=0, lt=1, description="Cosine below which items are not called alike.")
    neighbours: int = Field(ge=1)


class SessionConfig(ConfigPart):
    """Sessions like the present one."""

    gap_minutes: int = Field(ge=1, description="A longer pause begins a new session.")
    last_events: int = Field(ge=1, description="So many newest items of a person are the question.")
    position_decay: float = Field(gt=0, le=1, description="Weight of each item against the one after it.")
    session_half_life_days: float = Field(gt=0, description="Age at which a neighbour session counts half.")
    neighbours: int = Field(ge=1, description="Sessions that answer.")


class ReplenishmentConfig(ConfigPart):
    """Purchases that come back."""

    min_interval_days: float = Field(gt=0, description="Faster repeats are corrections of an order, not habit.")
    due_from: float = Field(gt=0, le=1, description="Share of the interval after which an item is due.")
    due_until: float = Field(gt=1, description="Intervals after which the habit counts as given up.")
    min_people: int = Field(ge=1, description="Repeat buyers from whom one purchase borrows its interval.")


class RecentlyAddedConfig(ConfigPart):
    """New in the catalogue."""

    max_age_days: int = Field(ge=1)


class ConversionConfig(ConfigPart):
    """Share of visits with a view that end in a cart or a purchase."""

    goal: Literal["add_to_cart", "purchase"]
    prior_visits: float = Field(gt=0, description="Visits that the category's rate counts for.")
    window_days: int = Field(ge=1)


class EditorialConfig(ConfigPart):
    """A list made by hand."""

    items: list[str] = Field(description="Item ids, first to last; unknown ones are passed over.")

    @model_validator(mode="after")
    def _once(self) -> Self:
        if (twice := first_twice(self.items)) is not None:
            msg = f"{twice!r} stands in items more than once"
            raise ValueError(msg)
        return self


class TwoStageConfig(ConfigPart):
    """Candidates of several models, put in order by a learnt ranker."""

    candidates: dict[ModelName, int] = Field(min_length=2, description="Models that propose, and how many items each.")
    similar_by: ModelName = Field(description="The one of them that answers for an item.")
    label_days: int = Field(ge=1, description="Days of one label period; candidates are of what came before it.")
    periods: int = Field(ge=1, description="Label periods, one before the other, back from the newest day.")
    max_people: int = Field(ge=1, description="People of one period that are learnt from, drawn with the seed.")
    min_people: int = Field(ge=1, description="Fewer with a hit among their candidates: the ranker is not learnt.")
    trees: int = Field(ge=1)
    leaves: int = Field(ge=2, description="Leaves of one tree.")
    min_rows: int = Field(ge=1, description="Rows of a leaf, at least.")
    learning_rate: float = Field(gt=0, le=1)
    feature_share: float = Field(gt=0, le=1, description="Share of the features that a tree may use.")
    regularization: float = Field(ge=0, description="L2, on the values of leaves.")
    truncation: int = Field(ge=1, description="Pairs of items below this rank teach nothing.")
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _others(self) -> Self:
        if "two_stage" in self.candidates:
            msg = "two_stage cannot be among its own candidates"
            raise ValueError(msg)
        if self.similar_by not in self.candidates:
            msg = f"similar_by ({self.similar_by}) must be one of candidates"
            raise ValueError(msg)
        if min(self.candidates.values()) < 1:
            msg = "every model in candidates must propose at least 1 item"
            raise ValueError(msg)
        return self

    @property
    def depths(self) -> dict[str, int]:
        """How many items each model proposes."""
        return {str(name): depth for name, depth in self.candidates.items()}
