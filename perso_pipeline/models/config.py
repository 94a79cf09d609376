"""``config/models.yml``: event weights, evaluation and depth, the blocks of the models, with overrides per site.

Settings an owner may change live here and in ``recommenders.config``, with their legal ranges; what they do stands in
the module that reads them. Every block becomes MLflow parameters through ``flat``.
"""

import hashlib
import json
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from perso_pipeline.contracts.config_files import ConfigPart, first_twice
from perso_pipeline.models.names import ALWAYS, EventType, ModelName, Task
from perso_pipeline.models.recommenders.config import (
    AlsConfig,
    BlendConfig,
    BoughtTogetherConfig,
    BprConfig,
    BspmConfig,
    ContentConfig,
    ConversionConfig,
    CoVisitationConfig,
    EaseConfig,
    EditorialConfig,
    GraphFilterConfig,
    ItemKnnConfig,
    PopularConfig,
    RandomConfig,
    RecentlyAddedConfig,
    ReplenishmentConfig,
    Rp3betaConfig,
    SessionConfig,
    TrendingConfig,
    TwoStageConfig,
    ViewedThenBoughtConfig,
)
from perso_pipeline.models.submodels_config import ColdStartConfig, Submodel, check_submodels


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
        if twice := first_twice(self.race):
            msg = f"race names {twice} more than once"
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
