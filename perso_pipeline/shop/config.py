"""What a simulated shop is made of, and what came out.

Add a knob here when a test or a user needs it. Keep vocabularies in ``words``.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from pydantic import Field

from perso_pipeline.contracts.assignment import HOLDOUT_SALT, HOLDOUT_SHARE
from perso_pipeline.contracts.config_files import ConfigPart
from perso_pipeline.contracts.experiments import Experiment
from perso_pipeline.contracts.sites import Site

FileFormat = Literal["mixed", "parquet", "jsonl", "csv"]

_SITES = (
    Site(id="shop-uk", name="Alder & Finch UK", timezone="Europe/London", currency="GBP", country="GB"),
    Site(id="shop-de", name="Alder & Finch DE", timezone="Europe/Berlin", currency="EUR", country="DE"),
)


class ShopConfig(ConfigPart):
    """Size and nature of a simulated shop; the same values give the same bytes."""

    people: int = Field(default=5000, ge=20, description="Shoppers over the whole period; events grow in proportion.")
    items: int = Field(default=1500, ge=50, description="Products of the catalogue.")
    days: int = Field(default=60, ge=1, description="Days simulated; the last one is last_day.")
    seed: int = Field(default=7, ge=0)
    sites: tuple[Site, ...] = Field(
        default=_SITES, min_length=1, description="Consumer sites; the first is the largest."
    )
    last_day: date = Field(default=date(2026, 10, 31), description="Last local day, and the last landing folder.")
    file_format: FileFormat = Field(
        default="mixed",
        description="mixed: Parquet for the large streams, JSON Lines, CSV for the catalogue; or one for all.",
    )
    activity: float = Field(default=1.0, gt=0, description="Multiplies visits per person and day.")
    true_lift: float = Field(
        default=0.06, ge=0, le=0.5, description="Orders that lists cause, as a share of those that come without them."
    )
    holdout_share: float = Field(
        default=HOLDOUT_SHARE, ge=0, lt=1, description="Visitors from whom lists are held back."
    )
    holdout_id: str = Field(default="holdout", description="Its key in experiments.yml.")
    holdout_salt: str = Field(default=HOLDOUT_SALT, min_length=4, description="Changes which visitors these are.")
    experiments: tuple[Experiment, ...] = Field(
        default=(), description="What is served beside the holdout: scenario controls and tests of experiments.yml."
    )
    deleted_share: float = Field(
        default=1 / 12, ge=0, le=1, description="Members who leave for good and delete their account the day after."
    )
    late_share: float = Field(default=1 / 50, ge=0, le=0.5)
    duplicate_share: float = Field(default=1 / 100, ge=0, le=0.5)
    broken_share: float = Field(default=1 / 500, ge=0, le=0.5)


@dataclass(frozen=True, kw_only=True)
class ShopSummary:
    """Counts of one simulation; ``delivered`` counts records by stream as they lie in landing."""

    first_day: date
    last_day: date
    delivered: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    orders: int = 0
    orders_caused: int = 0
    bytes_written: int = 0
