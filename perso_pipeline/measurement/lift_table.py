"""``measurement.lift_cells`` and ``measurement.lift``: per cell, metric and estimator the effect, or why there is none.

Rows of ``lift_moments`` in, and what is broken. Keep statistics in ``inference``, what is measured in ``effects``.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import pyarrow as pa

from perso_pipeline.measurement.arms import Arms, Row, cells, strata, together
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.effects import (
    LEAST_IN_STRATUM,
    METRICS,
    Effect,
    Metric,
    days_to_detect,
    detectable,
    effect,
)
from perso_pipeline.measurement.inference.discovery import q_values
from perso_pipeline.measurement.inference.moments import NotEstimable
from perso_pipeline.measurement.inference.sample_ratio import SampleRatio, sample_ratio
from perso_pipeline.measurement.verdicts import verdict

ALL_SITES = "all"
TOTAL, STRATA, TO_DATE = "total", "segment", "to_date"

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
class LiftTables:
    """Both tables of one night: totals by the estimator that verdicts are about, and everything."""

    lift: pa.Table
    cells: pa.Table


@dataclass(frozen=True, kw_only=True)
class _Found:
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


def lift_tables(
    moments: pa.Table,
    *,
    night: date,
    shares: Mapping[str, float],
    sites: Sequence[str],
    broken: Mapping[tuple[str, str], str],
    config: MeasurementConfig,
    rates: Mapping[str, Fraction],
) -> LiftTables:
    """Every experiment, site ('all' where there are several with visitors), period, cell, metric and estimator.

    Args:
        moments: ``measurement.lift_moments`` of the night.
        night: The night.
        shares: Experiment to the share of its visitors that belongs in control.
        sites: All sites, so that one without visitors says so.
        broken: Experiment and site ('all' too) to why nothing may be said of it.
        config: What it takes to state an effect.
        rates: Currency to what one unit of it is worth in ``config.report_currency``, as known on the night.
    """
    by_experiment: dict[str, list[Row]] = defaultdict(list)
    for row in moments.to_pylist():
        by_experiment[row["experiment_id"]].append(row)
    found: list[_Found] = []
    for experiment_id, control_share in sorted(shares.items()):
        rows = by_experiment[experiment_id]
        groups = {site: [row for row in rows if row["site_id"] == site] for site in sorted(sites)}
        if len({row["site_id"] for row in rows}) > 1:
            groups = {ALL_SITES: together(rows, rates, config.report_currency), **groups}
        for site, parts in groups.items():
            key = {"night": night, "experiment_id": experiment_id, "site_id": site}
            why = broken.get((experiment_id, site))
            found += _of_site(parts, key, control_share, why, config)
    cell_rows = _worded(found, config)
    totals = [
        {**row, **_planned(one, night, config)}
        for one, row in zip(found, cell_rows, strict=True)
        if one.is_total and one.key["period"] == TO_DATE and one.key["estimator"] == one.metric.primary
    ]
    return LiftTables(
        lift=pa.Table.from_pylist(totals, schema=LIFT_SCHEMA),
        cells=pa.Table.from_pylist(cell_rows, schema=CELLS_SCHEMA),
    )


def _of_site(
    rows: Sequence[Row], key: dict[str, Any], control_share: float, broken: str | None, config: MeasurementConfig
) -> Iterator[_Found]:
    """Totals by every estimator, cells by the primary one; a site without visitors has its totals all the same."""
    by_part: dict[tuple[str, str], list[Row]] = {(TO_DATE, TOTAL): []}
    for row in rows:
        by_part.setdefault((row["period"], row["dimension"]), []).append(row)
    for (period, dimension), parts in sorted(by_part.items()):
        groups = (
            {"all": Arms(parts)}
            if dimension == TOTAL
            else cells(parts, least_ordering=config.minimum_ordering_visitors)
        )
        by_stratum = strata(by_part.get((period, STRATA), []), least_units=LEAST_IN_STRATUM)
        for cell, arms in groups.items():
            ratio = sample_ratio(arms.units("treatment"), arms.units("control"), control_share=control_share)
            ratio_p = None if isinstance(ratio, NotEstimable) else ratio.p
            why = broken or _off(arms, ratio_p, config)
            for metric in METRICS:
                for estimator in metric.estimators if dimension == TOTAL else (metric.primary,):
                    unready = _unready(metric, arms, ratio, config)
                    state = unready or effect(metric, estimator, arms, by_stratum, config)
                    place = {"period": period, "dimension": dimension, "cell": cell, "estimator": estimator}
                    yield _Found(
                        key={**key, **place}, metric=metric, arms=arms, effect=state, sample_ratio_p=ratio_p, broken=why
                    )


def _off(arms: Arms, ratio_p: float | None, config: MeasurementConfig) -> str | None:
    """The sample ratio is looked at before the effect."""
    if ratio_p is None or ratio_p >= config.sample_ratio_p:
        return None
    return (
        f"The arms have {arms.units('treatment'):,} and {arms.units('control'):,} visitors, which the split does not "
        f"explain (p = {ratio_p:.1g}); find out who is missing before comparing."
    )


def _unready(
    metric: Metric, arms: Arms, ratio: SampleRatio | NotEstimable, config: MeasurementConfig
) -> NotEstimable | None:
    """What keeps the metric from being stated, whatever its numbers are."""
    if not arms.count("units"):
        return NotEstimable("No recommendation request was served.", is_too_few=True)
    if isinstance(ratio, NotEstimable):
        return ratio
    for variant in ("treatment", "control"):
        ordering = arms.count("ordering_units", variant)
        if ordering < config.minimum_ordering_visitors:
            words = f"Only {ordering} visitors in {variant} ordered; {config.minimum_ordering_visitors} are needed."
            return NotEstimable(words, is_too_few=True)
    if metric.is_money and len(arms.currencies) > 1:
        return NotEstimable(
            f"Revenue is in {' and '.join(arms.currencies)}, which cannot be added up without report_currency in "
            "measurement.yml and a rate into it from exchange_rates."
        )
    return None


def _worded(found: Sequence[_Found], config: MeasurementConfig) -> list[dict[str, Any]]:
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


def _row(one: _Found, q_value: float | None, config: MeasurementConfig) -> dict[str, Any]:
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


def _planned(one: _Found, night: date, config: MeasurementConfig) -> dict[str, Any]:
    first = one.arms.first_assigned_date
    if isinstance(one.effect, NotEstimable) or one.broken or first is None or one.metric.per:
        return {}
    days = days_to_detect(one.effect, one.arms.count("units"), (night - first).days + 1, config)
    names = ("days_to_detect_2_percent", "days_to_detect_5_percent", "days_to_detect_10_percent")
    return dict(zip(names, days, strict=True))
