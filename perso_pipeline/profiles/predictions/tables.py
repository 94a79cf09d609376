"""Rows of the prediction tables: Arrow schemas, and scores to a row per person. Keep models and SQL out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.profiles.predictions.config import BandsConfig
from perso_pipeline.profiles.predictions.quality import Floats

_MONEY = pa.decimal128(18, 4)

PREDICTION_TRAININGS = pa.schema(
    [
        ("trained_on", pa.date32()),
        ("site_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("key", pa.string()),
        ("is_accepted", pa.bool_()),
        ("reason", pa.string()),
        ("examples", pa.int64()),
        ("positives", pa.int64()),
        ("base_rate", pa.float64()),
        ("brier", pa.float64()),
        ("log_loss", pa.float64()),
        ("auc", pa.float64()),
        ("skill", pa.float64()),
        ("skill_low", pa.float64()),
        ("skill_high", pa.float64()),
        ("calibration_error", pa.float64()),
        ("calibration_error_by_chance", pa.float64()),
        ("total_error", pa.float64()),
        ("file", pa.string()),
        ("sha256", pa.string()),
        ("bytes", pa.int64()),
        ("mlflow_run_id", pa.string()),
    ]
)
SERVING_MODELS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("model", pa.string()),
        ("newest_training", pa.date32()),
        ("trained_on", pa.date32()),
        ("version", pa.string()),
        ("reason", pa.string()),
    ]
)
PREDICTIONS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("person_id", pa.string()),
        ("conversion_7d", pa.float64()),
        ("conversion_band", pa.string()),
        ("churn_likelihood", pa.float64()),
        ("churn_horizon_days", pa.int32()),
        ("churn_band", pa.string()),
        ("probability_alive", pa.float64()),
        ("expected_orders_90d", pa.float64()),
        ("expected_order_value", _MONEY),
        ("predicted_value_90d", _MONEY),
        ("predicted_value_365d", _MONEY),
        ("value_band", pa.string()),
        ("conversion_version", pa.string()),
        ("churn_version", pa.string()),
        ("value_version", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Columns for some people, in one order; people who are missing have no estimate.

    Attributes:
        people: person_id.
        columns: name in ``PREDICTIONS`` -> a value per person.
    """

    people: pa.Array
    columns: Mapping[str, pa.Array]


def prediction_rows(night: date, site_id: str, people: pa.Array, scores: list[Scores]) -> pa.Table:
    """A row per person of the night's profiles, null where a score has none."""
    columns: dict[str, pa.Array] = {
        "night": pa.repeat(pa.scalar(night, pa.date32()), len(people)),
        "site_id": pa.repeat(pa.scalar(site_id), len(people)),
        "person_id": people,
    }
    for score in scores:
        places = pc.index_in(people, value_set=score.people)
        columns |= {name: values.take(places) for name, values in score.columns.items()}
    return pa.table(
        [
            columns[column.name].cast(column.type) if column.name in columns else pa.nulls(len(people), column.type)
            for column in PREDICTIONS
        ],
        schema=PREDICTIONS,
    )


def likelihood_bands(probability: Floats, base_rate: float, bands: BandsConfig) -> pa.Array:
    """low, middle or high by the odds against the odds of the base rate."""
    return _banded(probability * (1 - base_rate), (1 - probability) * base_rate, bands)


def value_bands(value: Floats, bands: BandsConfig) -> pa.Array:
    """low, middle or high against the average of everybody scored that night."""
    return (
        _banded(value, np.full(len(value), value.mean()), bands)
        if len(value) and value.mean() > 0
        else pa.nulls(len(value), pa.string())
    )


def money(values: Floats) -> pa.Array:
    """Amounts to the ten-thousandth."""
    return pa.array(values).cast(_MONEY)


def _banded(values: Floats, average: Floats, bands: BandsConfig) -> pa.Array:
    """By how many times ``average`` each value is; nothing is divided, so that nothing can be by nought."""
    low_or_middle = np.where(values < bands.low_below * average, "low", "middle")
    return pa.array(np.where(values >= bands.high_above * average, "high", low_or_middle))
