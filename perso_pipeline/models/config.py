"""``config/models.yml``: event weights, model settings, evaluation and depth, with overrides per site.

Settings an owner may change live here, with their legal ranges; what they do stands in the module that
reads them. Every block becomes MLflow parameters through ``flat``.
"""

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
]
Task = Literal["personal", "similar"]
ModelName = Literal["popular", "trending", "random", "item_knn", "als"]
TASKS: tuple[Task, ...] = ("personal", "similar")


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalsConfig(_Block):
    """How events become weights of person and item."""

    weights: dict[EventType, float] = Field(description="Weight of one event; a negative one takes interest back.")
    relevant_events: list[EventType] = Field(min_length=1, description="Events that count as a hit in evaluation.")
    half_life_days: float = Field(gt=0, description="Days after which a signal counts half.")
    window_days: int = Field(ge=1, description="Older events are not read.")
    max_items_per_person: int = Field(ge=1, description="The newest so many items of a person are kept.")
    max_events_per_day: int = Field(ge=1, description="More events of one type by person, item and day add nothing.")


class PopularConfig(_Block):
    """People per item, recent ones counting more."""

    half_life_days: float = Field(gt=0)


class TrendingConfig(_Block):
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


class RandomConfig(_Block):
    """The floor of the race."""

    seed: int = Field(ge=0)


class ItemKnnConfig(_Block):
    """Neighbours of items by the people they share."""

    weighting: Literal["cosine", "bm25"]
    neighbours: int = Field(ge=1)
    k1: float = Field(default=0.2, gt=0, description="BM25 only: how soon repetition stops counting.")
    b: float = Field(default=0.2, ge=0, le=1, description="BM25 only: how much popular items are damped.")


class AlsConfig(_Block):
    """Implicit-feedback matrix factorisation."""

    factors: int = Field(ge=1)
    regularization: float = Field(gt=0)
    alpha: float = Field(gt=0, description="Confidence of a signal of weight 1, beside 1 for what was not seen.")
    iterations: int = Field(ge=1)
    seed: int = Field(ge=0)


class EvaluationConfig(_Block):
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

    @model_validator(mode="after")
    def _primary_cutoff(self) -> Self:
        if 10 not in self.cutoffs:
            msg = "cutoffs must contain 10, the cutoff by which champions are chosen"
            raise ValueError(msg)
        return self


class CandidatesConfig(_Block):
    """How deep the candidate lists are."""

    per_person: int = Field(ge=1, description="Unfiltered, so deep enough to lose what was bought or is sold out.")
    per_item: int = Field(ge=1)
    anyone: int = Field(ge=1)
    subjects_per_batch: int = Field(ge=1, description="Bounds memory while scoring.")


class SiteModels(_Block):
    """Everything that holds for one site."""

    signals: SignalsConfig
    popular: PopularConfig
    trending: TrendingConfig
    random: RandomConfig
    item_knn: ItemKnnConfig
    als: AlsConfig
    incumbents: dict[Task, ModelName] = Field(
        description="The model in place; another takes over only where its paired interval is above 0."
    )
    evaluation: EvaluationConfig
    candidates: CandidatesConfig

    @property
    def digest(self) -> str:
        """SHA-256 of the settings, the same for the same settings whatever the order in the file."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


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
