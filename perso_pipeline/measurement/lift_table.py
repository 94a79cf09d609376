"""``measurement.lift``: per site, over all sites, and metric: the effect, or the reason why there is none.

Rows of ``measurement.lift_moments`` in, rows of ``measurement.lift`` out. Keep the statistics in ``lift.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import pyarrow as pa

from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.lift import Estimate, Moments, NotEstimable, SampleRatio, compare, sample_ratio

ALL_SITES = "all"

METRICS = {"orders_per_visitor": "orders", "net_revenue_per_visitor": "net"}
"""Metric to the column of ``lift_moments`` with its sum (``<column>_squared`` has the squares)."""

LIFT_SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("experiment_id", pa.string()),
        ("site_id", pa.string()),
        ("metric", pa.string()),
        ("currency", pa.string()),
        ("treatment_units", pa.int64()),
        ("control_units", pa.int64()),
        ("treatment_mean", pa.float64()),
        ("control_mean", pa.float64()),
        ("difference", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("relative_lift", pa.float64()),
        ("relative_ci_low", pa.float64()),
        ("relative_ci_high", pa.float64()),
        ("p_value", pa.float64()),
        ("sample_ratio_p", pa.float64()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
    ]
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Arms:
    """Both arms of one experiment on one site, or on all sites together."""

    rows: Sequence[Row]

    def units(self, variant: str) -> int:
        return sum(row["units"] for row in self._of(variant))

    def ordering_units(self, variant: str) -> int:
        return sum(row["ordering_units"] for row in self._of(variant))

    def moments(self, variant: str, column: str) -> Moments:
        parts = [Moments.of(row["units"], row[column], row[f"{column}_squared"]) for row in self._of(variant)]
        return sum(parts, Moments.of(0, 0, 0))

    @property
    def currencies(self) -> list[str]:
        found = {row[column] for row in self.rows for column in ("first_currency", "last_currency")}
        return sorted(found - {None})

    def _of(self, variant: str) -> list[Row]:
        return [row for row in self.rows if row["variant"] == variant]


def lift_table(
    moments: pa.Table,
    *,
    night: date,
    shares: Mapping[str, float],
    sites: Sequence[str],
    config: MeasurementConfig,
    rates: Mapping[str, Fraction],
) -> pa.Table:
    """One row per experiment, site ('all' where there are several with visitors) and metric, sorted so.

    Args:
        moments: ``measurement.lift_moments`` of the night.
        night: The night.
        shares: Experiment to the share of visitors that belongs in control.
        sites: All sites, so that one without visitors says so.
        config: What it takes to state an effect.
        rates: Currency to what one unit of it is worth in ``config.report_currency``, as known on the night.
    """
    rows: list[dict[str, Any]] = []
    for experiment_id, control_share in sorted(shares.items()):
        of_experiment = [row for row in moments.to_pylist() if row["experiment_id"] == experiment_id]
        groups = {site: Arms([row for row in of_experiment if row["site_id"] == site]) for site in sorted(sites)}
        if len({row["site_id"] for row in of_experiment}) > 1:
            groups = {ALL_SITES: _together(of_experiment, rates, config.report_currency), **groups}
        for site, arms in groups.items():
            ratio = sample_ratio(arms.units("treatment"), arms.units("control"), control_share=control_share)
            for metric, column in METRICS.items():
                effect = _effect(arms, column, ratio, config)
                key = {"night": night, "experiment_id": experiment_id, "site_id": site, "metric": metric}
                rows.append({**key, **_columns(arms, column, ratio, effect)})
    return pa.Table.from_pylist(rows, schema=LIFT_SCHEMA)


def _together(rows: Sequence[Row], rates: Mapping[str, Fraction], currency: str | None) -> Arms:
    """All sites, in ``currency`` where they have several and each has a rate; else as they are.

    One rate per currency brings sums and squares over exactly.
    """
    arms = Arms(rows)
    is_one_each = all(row["first_currency"] == row["last_currency"] for row in rows)
    if currency is None or len(arms.currencies) < 2 or not is_one_each:
        return arms
    worth = {**rates, currency: Fraction(1)}
    if not worth.keys() >= set(arms.currencies):
        return arms
    return Arms([_converted(row, worth.get(row["first_currency"], Fraction(1)), currency) for row in rows])


def _converted(row: Row, rate: Fraction, currency: str) -> Row:
    own = {"first_currency": currency, "last_currency": currency}
    return {**row, **own, "net": Fraction(row["net"]) * rate, "net_squared": Fraction(row["net_squared"]) * rate**2}


def _effect(
    arms: Arms, column: str, ratio: SampleRatio | NotEstimable, config: MeasurementConfig
) -> Estimate | NotEstimable:
    """The sample ratio is looked at before the effect, and again nothing is divided that cannot be."""
    if not arms.units("treatment") and not arms.units("control"):
        return NotEstimable("No recommendation request was served.")
    if isinstance(ratio, NotEstimable):
        return ratio
    if ratio.p < config.sample_ratio_p:
        return NotEstimable(
            f"The arms have {ratio.treatment_units:,} and {ratio.control_units:,} visitors, which the split does not "
            f"explain (p = {ratio.p:.1g}); find out who is missing before comparing."
        )
    for variant in ("treatment", "control"):
        ordering = arms.ordering_units(variant)
        if ordering < config.minimum_ordering_visitors:
            return NotEstimable(
                f"Only {ordering} visitors in {variant} ordered; {config.minimum_ordering_visitors} are needed."
            )
    if column == "net" and len(arms.currencies) > 1:
        return NotEstimable(
            f"Revenue is in {' and '.join(arms.currencies)}, which cannot be added up without report_currency in "
            "measurement.yml and a rate into it from exchange_rates."
        )
    return compare(arms.moments("treatment", column), arms.moments("control", column), confidence=config.confidence)


def _columns(
    arms: Arms, column: str, ratio: SampleRatio | NotEstimable, effect: Estimate | NotEstimable
) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "currency": arms.currencies[0] if column == "net" and len(arms.currencies) == 1 else None,
        "treatment_units": arms.units("treatment"),
        "control_units": arms.units("control"),
        "sample_ratio_p": ratio.p if isinstance(ratio, SampleRatio) else None,
    }
    if isinstance(effect, NotEstimable):
        return {**columns, "verdict": "not estimable", "reason": effect.reason}
    columns |= {
        "treatment_mean": effect.treatment_mean,
        "control_mean": effect.control_mean,
        "difference": effect.difference,
        "ci_low": effect.low,
        "ci_high": effect.high,
        "p_value": effect.p_value,
        "verdict": "better" if effect.low > 0 else "worse" if effect.high < 0 else "no difference shown",
    }
    if isinstance(effect.relative, NotEstimable):
        return {**columns, "reason": effect.relative.reason}
    relative = effect.relative
    return {
        **columns,
        "relative_lift": relative.lift,
        "relative_ci_low": relative.low,
        "relative_ci_high": relative.high,
    }
