"""``config/measurement.yml``: how the report counts, what it takes to state an effect. Keep statistics and SQL out."""

from pydantic import Field

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
    cap_quantile: float = Field(
        default=0.99,
        gt=0.5,
        le=1,
        description="Of the visitors of a cell who ordered, the share whose revenue the capped "
        "metric leaves as it is; what is above counts as much as the largest of these. 1 caps nothing.",
    )
    relevant_effect: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share of the control mean below which a difference does not matter: 'no "
        "difference larger than' is only said of less.",
    )
    sequential_units: int = Field(
        default=20_000,
        ge=100,
        description="Visitors in both arms at which the interval that holds at every look is "
        "tightest. Never change it while an experiment runs.",
    )
    false_discoveries: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Of the cells that are called better or worse, the share that may be by "
        "chance (Benjamini and Hochberg).",
    )
    power: float = Field(default=0.8, gt=0.5, lt=1, description="Chance to find an effect of the size that is planned.")
    mismatch_limit: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description="Share of visitors who may be served what their arm is not; with more no effect is stated.",
    )
    self_test_splits: int = Field(
        default=400, ge=100, le=10_000, description="Seeded splits by which the night tests its own intervals."
    )
    report_currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code for the effect over sites of different currencies; revenue counts at the newest "
        "rate known on the night. Without it that effect is not stated.",
    )
