"""The columns of ``measurement.lift`` and ``lift_cells``, and what was found of a cell as a row of them.

Keep what is looked at in ``lift_table``, statistics in ``inference``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.measurement.arms import Arms
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.effects import Effect, Metric, days_to_detect, detectable
from perso_pipeline.measurement.inference.discovery import q_values
from perso_pipeline.measurement.inference.moments import NotEstimable
from perso_pipeline.measurement.verdicts import verdict

TOTAL = "total"

_KEY = [
    ("night", pa.date32()),
    ("experiment_id", pa.string()),
    ("site_id", pa.string()),
]
_EFFECT = [
    ("estimator", pa.string()),
    ("currency", pa.string()),
    ("treatment_units", pa.int64()),
    ("control_units", pa.int64()),
    ("treatment_mean", pa.float64()),
    ("control_mean", pa.float64()),
    ("difference", pa.float64()),
    ("ci_low", pa.float64()),
    ("ci_high", pa.float64()),
    ("sequence_low", pa.float64()),
    ("sequence_high", pa.float64()),
    ("relative_lift", pa.float64()),
    ("relative_ci_low", pa.float64()),
    ("relative_ci_high", pa.float64()),
    ("relative_sequence_low", pa.float64()),
    ("relative_sequence_high", pa.float64()),
    ("added", pa.float64()),
    ("added_low", pa.float64()),
    ("added_high", pa.float64()),
    ("p_value", pa.float64()),
    ("always_valid_p", pa.float64()),
    ("explained_variance", pa.float64()),
    ("detectable_effect", pa.float64()),
]
_SAID = [("sample_ratio_p", pa.float64()), ("verdict", pa.string()), ("reason", pa.string())]

LIFT_SCHEMA = pa.schema(
    [
        *_KEY,
        ("metric", pa.string()),
        *_EFFECT,
        ("days_to_detect_2_percent", pa.float64()),
        ("days_to_detect_5_percent", pa.float64()),
        ("days_to_detect_10_percent", pa.float64()),
        *_SAID,
    ]
)
CELLS_SCHEMA = pa.schema(
    [
        *_KEY,
        ("period", pa.string()),
        ("dimension", pa.string()),
        ("cell", pa.string()),
        ("pooled_cells", pa.list_(pa.string())),
        ("metric", pa.string()),
        *_EFFECT,
        ("q_value", pa.float64()),
        *_SAID,
    ]
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of one cell, before its words."""

    key: dict[str, Any]
    metric: Metric
    arms: Arms
    effect: Effect | NotEstimable
    sample_ratio_p: float | None
    broken: str | None

    @property
    def is_total(self) -> bool:
        return bool(self.key["dimension"] == TOTAL)


def worded(found: Sequence[Found], config: MeasurementConfig) -> list[dict[str, Any]]:
    """Rows of the cells' table as given; false discoveries are held down within experiment, period and metric."""
    families: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, one in enumerate(found):
        if isinstance(one.effect, Effect) and not one.broken and not one.is_total:
            families[one.key["experiment_id"], one.key["period"], one.metric.id].append(number)
    q: dict[int, float] = {}
    for numbers in families.values():
        p_values = [
            one.effect.always_valid_p for one in map(found.__getitem__, numbers) if isinstance(one.effect, Effect)
        ]
        q.update(zip(numbers, q_values(p_values), strict=True))
    return [_row(one, q.get(number), config) for number, one in enumerate(found)]


def _row(one: Found, q_value: float | None, config: MeasurementConfig) -> dict[str, Any]:
    arms = one.arms
    said = verdict(one.effect, broken=one.broken, q_value=q_value, config=config)
    row: dict[str, Any] = {
        **one.key,
        "pooled_cells": list(arms.pooled) or None,
        "metric": one.metric.id,
        "currency": arms.currencies[0] if one.metric.is_money and len(arms.currencies) == 1 else None,
        "treatment_units": arms.units("treatment"),
        "control_units": arms.units("control"),
        "sample_ratio_p": one.sample_ratio_p,
        "verdict": said.word,
        "reason": said.reason,
    }
    if isinstance(one.effect, NotEstimable) or one.broken:
        return row
    return {**row, "q_value": q_value, **_numbers(one.effect, one.metric, arms, config)}


def _numbers(found: Effect, metric: Metric, arms: Arms, config: MeasurementConfig) -> dict[str, Any]:
    plain, units = found.estimate, arms.units("treatment")
    numbers: dict[str, Any] = {
        "treatment_mean": plain.treatment.mean,
        "control_mean": plain.control.mean,
        "difference": plain.difference,
        "ci_low": plain.low,
        "ci_high": plain.high,
        "sequence_low": found.sequence_low,
        "sequence_high": found.sequence_high,
        "p_value": plain.p_value,
        "always_valid_p": found.always_valid_p,
        "explained_variance": found.explained,
        "detectable_effect": detectable(found, config),
    }
    if not metric.per:  # of a ratio per order, visitors times difference is no amount
        added = {"added": plain.difference, "added_low": found.sequence_low, "added_high": found.sequence_high}
        numbers |= {name: value * units for name, value in added.items()}
    relatives = {"": plain.relative, "sequence_": found.relative_sequence}
    if not isinstance(plain.relative, NotEstimable):
        numbers["relative_lift"] = plain.relative.lift
    for name, bounds in relatives.items():
        if not isinstance(bounds, NotEstimable):
            prefix = f"relative_{name or 'ci_'}"
            numbers |= {f"{prefix}low": bounds.low, f"{prefix}high": bounds.high}
    return numbers


def planned(one: Found, night: date, config: MeasurementConfig) -> dict[str, Any]:
    """Days to detect, for the rows of ``lift``."""
    first = one.arms.first_assigned_date
    if isinstance(one.effect, NotEstimable) or one.broken or first is None or one.metric.per:
        return {}
    days = days_to_detect(one.effect, one.arms.count("units"), (night - first).days + 1, config)
    names = ("days_to_detect_2_percent", "days_to_detect_5_percent", "days_to_detect_10_percent")
    return dict(zip(names, days, strict=True))
