"""``config/predictions.yml``: how often models are trained, what it takes to state a number, where bands begin.

Settings an owner may change live here, with their legal ranges; what they do stands in the module that reads
them. Each block becomes MLflow parameters through ``flat``.
"""

import hashlib
import json

from pydantic import BaseModel, Field

from perso_pipeline.contracts.config_files import ConfigPart

# Part of every key and version: raise it when the arithmetic of a model, a feature or a metric changes.
PREDICTIONS_VERSION = 1


class TrainingConfig(ConfigPart):
    """When models are trained, and how long one that was accepted may serve."""

    every_nights: int = Field(ge=1, description="Models are trained as of every so many nights; scoring is nightly.")
    fall_back_trainings: int = Field(
        ge=0, description="Where the newest training is not accepted, so many earlier ones are tried."
    )


class ValueConfig(ConfigPart):
    """BG/NBD with gamma-gamma, and its holdout."""

    min_buyers: int = Field(ge=10, description="Fewer buyers: not estimable.")
    min_repeat_buyers: int = Field(ge=5, description="Fewer people with a second order: not estimable.")
    holdout_days: int = Field(ge=7, description="Last days left out of a second fit, to compare with what happened.")
    max_total_error: float = Field(
        gt=0, description="Most that predicted may differ from actual repeat orders of the holdout, as a share."
    )


class LikelihoodConfig(ConfigPart):
    """What both likelihoods share: examples, slices and gates."""

    window_days: int = Field(ge=30, description="People not seen for longer are not scored; older days are not read.")
    min_history_days: int = Field(ge=1, description="Days of history that a cut-off date must have before it.")
    settle_days: int = Field(ge=0, description="Days left after a label window, so that late records are in.")
    step_days: int = Field(ge=1, description="Days between cut-off dates of the training slice.")
    max_train_cuts: int = Field(ge=1, description="At most so many cut-off dates in the training slice.")
    max_people: int = Field(ge=100, description="At most about so many people per cut-off date, drawn by a hash.")
    min_positives: int = Field(ge=10, description="Fewer of either outcome in any slice: not estimable.")
    regularization: float = Field(gt=0, description="L2 penalty of the logistic regression, over scaled features.")
    bins: int = Field(ge=2, description="Groups of equal size for the calibration curve.")
    max_calibration_error: float = Field(
        gt=0, lt=1, description="Most that expected calibration error may exceed what chance alone would show."
    )


class ChurnConfig(ConfigPart):
    """Who can churn, and by when."""

    horizon_days: int = Field(ge=7, description="Churned: no order in so many days.")
    buyer_days: int = Field(ge=7, description="Only people who ordered within so many days can churn.")


class BandsConfig(ConfigPart):
    """Where low ends and high begins."""

    low_below: float = Field(gt=0, lt=1, description="Low: odds (or value) below this multiple of the average.")
    high_above: float = Field(gt=1, description="High: odds (or value) at or above this multiple of the average.")


class PredictionsConfig(ConfigPart):
    """The whole of ``config/predictions.yml``."""

    training: TrainingConfig
    value: ValueConfig
    likelihood: LikelihoodConfig
    churn: ChurnConfig
    bands: BandsConfig
    confidence: float = Field(gt=0.5, lt=1, description="Of the intervals that a model must pass.")

    @property
    def digest(self) -> str:
        """SHA-256 of what decides a training; bands and the rhythm of training do not."""
        parts = self.model_dump(exclude={"bands", "training"})
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def flat(prefix: str, block: BaseModel) -> dict[str, str]:
    """A config block as MLflow parameters, ``prefix.key`` -> text."""
    return {f"{prefix}.{key}": str(value) for key, value in block.model_dump().items()}
