"""``measurement.lift_cells`` and ``measurement.lift``: per cell, metric and estimator the effect, or why there is none.

Rows of ``lift_moments`` in, and what is broken. Keep statistics in ``inference``, what is measured in ``effects``,
columns and words in ``lift_rows``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import pyarrow as pa

from perso_pipeline.measurement.arms import Arms, Row, cells, strata, together
from perso_pipeline.measurement.config import MeasurementConfig
from perso_pipeline.measurement.effects import LEAST_IN_STRATUM, METRICS, Metric, effect
from perso_pipeline.measurement.inference.moments import NotEstimable
from perso_pipeline.measurement.inference.sample_ratio import SampleRatio, sample_ratio
from perso_pipeline.measurement.lift_rows import CELLS_SCHEMA, LIFT_SCHEMA, TOTAL, Found, planned, worded

ALL_SITES = "all"
STRATA, TO_DATE = "segment", "to_date"


@dataclass(frozen=True, kw_only=True)
class LiftTables:
    """Both tables of one night: totals by the estimator that verdicts are about, and everything."""

    lift: pa.Table
    cells: pa.Table


def lift_tables(
    moments: pa.Table,
    *,
    night: date,
    shares: Mapping[str, float],
    ended: Collection[str] = (),
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
        ended: Experiments that are over, for which no further days are foretold.
        sites: All sites, so that one without visitors says so.
        broken: Experiment and site ('all' too) to why nothing may be said of it.
        config: What it takes to state an effect.
        rates: Currency to what one unit of it is worth in ``config.report_currency``, as known on the night.
    """
    by_experiment: dict[str, list[Row]] = defaultdict(list)
    for row in moments.to_pylist():
        by_experiment[row["experiment_id"]].append(row)
    found: list[Found] = []
    for experiment_id, control_share in sorted(shares.items()):
        rows = by_experiment[experiment_id]
        groups = {site: [row for row in rows if row["site_id"] == site] for site in sorted(sites)}
        if len({row["site_id"] for row in rows}) > 1:
            groups = {ALL_SITES: together(rows, rates, config.report_currency), **groups}
        for site, parts in groups.items():
            key = {"night": night, "experiment_id": experiment_id, "site_id": site}
            why = broken.get((experiment_id, site))
            found += _of_site(parts, key, control_share, why, config)
    cell_rows = worded(found, config)
    totals = [
        {**row, **({} if one.key["experiment_id"] in ended else planned(one, night, config))}
        for one, row in zip(found, cell_rows, strict=True)
        if one.is_total and one.key["period"] == TO_DATE and one.key["estimator"] == one.metric.primary
    ]
    return LiftTables(
        lift=pa.Table.from_pylist(totals, schema=LIFT_SCHEMA),
        cells=pa.Table.from_pylist(cell_rows, schema=CELLS_SCHEMA),
    )


def _of_site(
    rows: Sequence[Row], key: dict[str, Any], control_share: float, broken: str | None, config: MeasurementConfig
) -> Iterator[Found]:
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
        parts_by_stratum = by_part.get((period, STRATA), []) if dimension == TOTAL else []
        by_stratum = strata(parts_by_stratum, least_units=LEAST_IN_STRATUM)
        for cell, arms in groups.items():
            ratio = sample_ratio(arms.units("treatment"), arms.units("control"), control_share=control_share)
            fault = ratio.fault(config.sample_ratio_p) if isinstance(ratio, SampleRatio) else None
            for metric in METRICS:
                for estimator in metric.estimators if dimension == TOTAL else (metric.primary,):
                    unready = _unready(metric, arms, ratio, config)
                    state = unready or effect(metric, estimator, arms, by_stratum, config)
                    place = {"period": period, "dimension": dimension, "cell": cell, "estimator": estimator}
                    yield Found(
                        key={**key, **place}, metric=metric, arms=arms, effect=state, broken=broken or fault,
                        sample_ratio_p=ratio.p if isinstance(ratio, SampleRatio) else None,
                    )  # fmt: skip


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
