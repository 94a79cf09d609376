"""``config/measurement.yml`` and ``config/experiments.yml``. Keep statistics and SQL out."""

from datetime import date
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from perso_pipeline.contracts.assignment import variant
from perso_pipeline.contracts.config_files import ConfigPart


class MeasurementConfig(ConfigPart):
    """The whole of ``config/measurement.yml``."""

    report_days: int = Field(
        default=400, ge=1, le=4000, description="Days that the nightly report covers, the night included."
    )
    attribution_days: int = Field(
        default=35,
        ge=1,
        le=4000,
        description="Days of orders that attribution covers, the night included; a week more than the report's four, "
        "so that late touches and returns still find their order.",
    )
    churn_days: int = Field(
        default=180, ge=1, le=4000, description="Days without an order after which a customer counts as churned."
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Share of intervals that contain the truth.")
    sample_ratio_p: float = Field(
        default=0.001, gt=0, lt=0.5, description="Below this p of the sample-ratio check no effect is stated."
    )
    minimum_ordering_visitors: int = Field(
        default=25, ge=2, description="Fewest visitors with an order in each arm; with fewer an interval does not hold."
    )
    report_currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code for the effect over sites of different currencies; revenue counts at the newest "
        "rate known on the night. Without it that effect is not stated.",
    )


class Experiment(ConfigPart):
    """A holdout: a fixed share of visitors gets no recommendations for as long as it runs."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Key in all tables.")
    description: str = Field(default="", description="What is asked.")
    salt: str = Field(min_length=4, description="Changes who is held out; never change it while the experiment runs.")
    holdout_share: float = Field(gt=0, lt=1, description="Share of visitors in control.")
    starts_on: date = Field(description="First day that counts, in the site's zone.")
    ends_on: date | None = Field(default=None, description="Last day that counts; nothing means it runs on.")

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.ends_on and self.ends_on < self.starts_on:
            kind, message = "ends_on", "ends_on lies before starts_on"
            raise PydanticCustomError(kind, message)
        return self

    def arm_of(self, visitor_id: str) -> str:
        """The arm that a shop must serve a visitor: 'control' or 'treatment', always the same."""
        return variant(visitor_id, salt=self.salt, holdout_share=self.holdout_share)


class Experiments(ConfigPart):
    """The whole of ``config/experiments.yml``."""

    experiments: tuple[Experiment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        ordered = sorted(self.experiments, key=lambda experiment: experiment.starts_on)
        for earlier, later in pairwise(ordered):
            if earlier.ends_on is None or earlier.ends_on >= later.starts_on:
                # a served record names its arm, not its experiment: two at a time could not be told apart
                kind, message = "overlap", "'{earlier}' must end (ends_on) before '{later}' starts"
                raise PydanticCustomError(kind, message, {"earlier": earlier.id, "later": later.id})
        return self
