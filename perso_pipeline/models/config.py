"""``config/models.yml``: event weights, model settings, evaluation and depth, with overrides per site.

Settings an owner may change live here, with their legal ranges; what they do stands in the module that
reads them. Every block becomes MLflow parameters through ``flat``.
"""

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.models.submodels_config import ColdStartConfig, Submodel, check_submodels

EventType = Literal[
    "product_view",
    "content_consumed",
    "add_to_wish_list",
    "remove_from_wish_list",
    "add_to_cart",
    "remove_from_cart",
    "rating",
    "owns",
    "purchase",
    "block_item",
    "low_rating",
    "cancellation",
    "refund",
]
Task = Literal["personal", "similar"]
ModelName = Literal[
    "popular",
    "trending",
    "recently_added",
    "conversion",
    "editorial",
    "random",
    "item_knn",
    "rp3beta",
    "ease",
    "gf_cf",
    "bspm",
    "als",
    "bpr",
    "blend",
    "co_visitation",
    "bought_together",
    "viewed_then_bought",
    "content",
    "session",
    "replenishment",
    "two_stage",
]
LinearName = Literal["item_knn", "rp3beta", "ease", "gf_cf", "bspm", "als", "bpr"]
# The baseline, the floor, and the list for anyone that scenarios fall back on.
ALWAYS: tuple[ModelName, ...] = ("popular", "random", "trending")
TASKS: tuple[Task, ...] = ("personal", "similar")


class SignalsConfig(ConfigPart):
    """How events become weights of person and item."""

    weights: dict[EventType, float] = Field(description="Weight of one event; a negative one takes interest back.")
    low_rating_below: int = Field(
        default=50, ge=0, le=101, description="A rating (0 to 100) below it is a low_rating and no rating."
    )
    relevant_events: list[EventType] = Field(min_length=1, description="Events that count as a hit in evaluation.")
    half_life_days: float = Field(gt=0, description="Days after which a signal counts half.")
    window_days: int = Field(ge=1, description="Older events are not read.")
    max_items_per_person: int = Field(ge=1, description="The newest so many items of a person are kept.")
    max_events_per_day: int = Field(ge=1, description="More events of one type by person, item and day add nothing.")


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
        twice = sorted({item for item in self.items if self.items.count(item) > 1})
        if twice:
            msg = f"{twice[0]!r} stands in items more than once"
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


class EvaluationConfig(ConfigPart):
    """The global time cut and the interval."""

    test_days: list[int] = Field(min_length=1, description="Lengths of the test window, the shortest tried first.")
    enough_people: int = Field(ge=2, description="A window with so many people is long enough.")
    min_people: int = Field(ge=2, description="Fewer than this even in the longest window: not evaluated.")
    max_people: int = Field(ge=2, description="At most so many people, drawn by a hash of their id.")
    max_contexts_per_person: int = Field(ge=1, description="Task similar: items of a visit asked for, per person.")
    cutoffs: list[int] = Field(min_length=1, description="k of recall@k and the rest.")
    bootstrap_samples: int = Field(ge=100)
    confidence: float = Field(gt=0.5, lt=1)
    seed: int = Field(ge=0)
    min_coverage: float = Field(ge=0, le=1, description="A champion shows at least this share of items at k = 10.")
    min_slice_people: int = Field(default=50, ge=2, description="Slices of fewer people are not measured.")
    protected_slices: list[Literal["history", "segment", "category"]] = Field(
        default=["history", "segment"],
        description="Kinds of slices in which a champion may not be surely worse than popular, nor than the incumbent.",
    )
    origins: int = Field(default=4, ge=2, description="Cuts of `perso models origins`.")
    origin_days: int = Field(default=7, ge=1, description="Days that each of these cuts is tested on.")

    @model_validator(mode="after")
    def _primary_cutoff(self) -> Self:
        if 10 not in self.cutoffs:
            msg = "cutoffs must contain 10, the cutoff by which champions are chosen"
            raise ValueError(msg)
        return self


class CandidatesConfig(ConfigPart):
    """How deep the candidate lists are."""

    per_person: int = Field(ge=1, description="Unfiltered, so deep enough to lose what was bought or is sold out.")
    per_item: int = Field(ge=1)
    anyone: int = Field(ge=1)
    subjects_per_batch: int = Field(ge=1, description="Bounds memory while scoring.")


class SiteModels(ConfigPart):
    """Everything that holds for one site."""

    signals: SignalsConfig
    race: list[ModelName] = Field(description="The models that are fitted and compared every night.")
    blocked: list[str] = Field(description="Items that no list may hold.")
    popular: PopularConfig
    trending: TrendingConfig
    recently_added: RecentlyAddedConfig
    conversion: ConversionConfig
    editorial: EditorialConfig
    random: RandomConfig
    item_knn: ItemKnnConfig
    rp3beta: Rp3betaConfig
    ease: EaseConfig
    gf_cf: GraphFilterConfig
    bspm: BspmConfig
    als: AlsConfig
    bpr: BprConfig
    blend: BlendConfig
    co_visitation: CoVisitationConfig
    bought_together: BoughtTogetherConfig
    viewed_then_bought: ViewedThenBoughtConfig
    content: ContentConfig
    session: SessionConfig
    replenishment: ReplenishmentConfig
    two_stage: TwoStageConfig
    incumbents: dict[Task, ModelName] = Field(
        description="The model in place; another takes over only where its paired interval is above 0."
    )
    evaluation: EvaluationConfig
    candidates: CandidatesConfig
    cold_start: ColdStartConfig
    submodels: tuple[Submodel, ...] = Field(default=(), description="Models of a part of the site's data.")
    time_zone: str = Field(
        default="UTC", description="Zone of the hours of time slots; taken from sites.yml, whatever stands here."
    )

    @model_validator(mode="after")
    def _race_is_whole(self) -> Self:
        missing = [name for name in (*ALWAYS, *self.incumbents.values()) if name not in self.race]
        if missing:
            msg = f"race must contain {missing[0]}, which others are measured against or which serves everyone"
            raise ValueError(msg)
        if len(set(self.race)) < len(self.race):
            msg = "race names a model more than once"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _submodels_fit(self) -> Self:
        check_submodels(self.submodels)
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the settings, the same for the same settings whatever the order in the file."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


class ModelsConfig(SiteModels):
    """The whole of ``config/models.yml``."""

    sites: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Blocks that differ for a site; keys not given keep the general value."
    )

    @model_validator(mode="after")
    def _overrides_fit(self) -> Self:
        for site_id in self.sites:
            self.for_site(site_id)
        return self

    def for_site(self, site_id: str) -> SiteModels:
        """The settings of one site: the general ones with its overrides laid over."""
        general = self.model_dump(exclude={"sites"})
        return SiteModels.model_validate(_laid_over(general, self.sites.get(site_id, {})))


def flat(block: BaseModel, prefix: str) -> dict[str, str]:
    """A config block as MLflow parameters, ``prefix.key`` -> text."""
    return {
        f"{prefix}.{key}": json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)
        for key, value in block.model_dump().items()
    }


def _laid_over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _laid_over(base[key], value) if both else value
    return merged
