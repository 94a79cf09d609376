"""Grades of every person: value tier, bands of predictions, cluster; and the segments they make.

Tiers and bands are ranks within a site. Clusters are found in ``clusters.py``; keep statistics out.
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
from sqlglot import exp

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.compiler import Columns
from perso_pipeline.segments.contract import BANDED, BANDS, PROFILES, VALUE_TIERS
from perso_pipeline.segments.options import Shares
from perso_pipeline.segments.rules import Origin, Rule, Segment

_BAND_NAMES = {
    "conversion_band": "likely to order in the next 7 days",
    "churn_band": "likely to leave",
    "predicted_value_band": "predicted value",
}


def grade_people(warehouse: Warehouse, night: date, *, tiers: Shares, bands: Shares, columns: Columns) -> pa.Table:
    """Tiers and bands of everyone: night, site_id, person_id, value_tier and the columns of ``BANDED``.

    A tier is known of people with an order, a band of people with a prediction; equal values are told apart by
    person_id. Sorted by site and person.
    """
    revenue = exp.column("net_revenue", "profiles")
    has_ordered = exp.GT(this=exp.column("orders", "profiles"), expression=exp.Literal.number("0"))
    query = exp.select(
        "profiles.night", "profiles.site_id", "profiles.person_id",
        exp.alias_(_graded(revenue, has_ordered, tiers, VALUE_TIERS), "value_tier"),
    ).from_(f"{PROFILES.table} as profiles")  # fmt: skip
    joined: dict[str, str] = {}
    for band, (table, column) in BANDED.items():
        if not _is_there(band, columns):
            query = query.select(exp.alias_(exp.cast(exp.null(), "varchar"), band))
            continue
        if table not in joined:
            joined[table] = f"predictions_{len(joined)}"
            same = " and ".join(f"profiles.{key} = {joined[table]}.{key}" for key in ("night", "site_id", "person_id"))
            query = query.join(f"{table} as {joined[table]}", on=same, join_type="left")
        value = exp.column(column, joined[table])
        is_known = exp.not_(exp.Is(this=value.copy(), expression=exp.null()))
        query = query.select(exp.alias_(_graded(value, is_known, bands, BANDS), band))
    night_of_row = exp.EQ(
        this=exp.column("night", "profiles"), expression=exp.Parameter(this=exp.to_identifier("night"))
    )
    query = query.where(night_of_row).order_by("profiles.site_id", "profiles.person_id")
    return warehouse.query(query.sql(dialect="duckdb"), {"night": night})


def group_segments(columns: Columns, cluster_names: dict[str, str]) -> tuple[Segment, ...]:
    """A segment for every tier, cluster and band there is.

    Args:
        columns: What the warehouse has; a band whose prediction is not there makes no segment.
        cluster_names: Cluster id to its name.
    """
    tiers = [
        Segment.made(
            Origin.TIER, suffix=tier, name=f"Value tier: {tier}", rule=_is("value_tier", tier),
            description=f"Customers in the {place} part of the site's customers by net revenue.",
        )
        for tier, place in zip(VALUE_TIERS, ("best", "second", "remaining"), strict=True)
    ]  # fmt: skip
    clusters = [
        Segment.made(
            Origin.CLUSTER, suffix=cluster.removeprefix("cluster-"), name=f"Cluster: {name}",
            rule=_is("cluster_id", cluster), description=f"People who behave alike: {name}.",
        )
        for cluster, name in cluster_names.items()
    ]  # fmt: skip
    bands = [
        Segment.made(
            Origin.BAND, suffix=f"{column.removesuffix('_band').replace('_', '-')}-{band}",
            name=f"{band.capitalize()}: {_BAND_NAMES[column]}", rule=_is(column, band),
            description=f"The {band} part of the site's people by {BANDED[column][1]}.",
        )
        for column in BANDED if _is_there(column, columns) for band in BANDS
    ]  # fmt: skip
    return (*tiers, *clusters, *bands)


def _is_there(band: str, columns: Columns) -> bool:
    table, column = BANDED[band]
    return column in columns.get(table, frozenset())


def _is(attribute: str, value: str) -> Rule:
    return Rule.model_validate({"attribute": attribute, "op": "is", "value": value})


def _graded(value: exp.Expression, counts: exp.Expression, shares: Shares, words: Sequence[str]) -> exp.Expression:
    """Rank among the rows of the site that count, as a word; NULL for the others."""
    by = [exp.column("site_id", "profiles"), counts]
    ranked = [
        exp.Ordered(this=value.copy(), desc=True, nulls_first=False),
        exp.Ordered(this=exp.column("person_id", "profiles")),
    ]
    place = exp.Window(this=exp.RowNumber(), partition_by=[e.copy() for e in by], order=exp.Order(expressions=ranked))
    of = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[e.copy() for e in by])
    # ceil, so that a site with one customer has a gold one
    ends = [shares.first, shares.first + shares.second]
    cases = [
        exp.If(
            this=exp.LTE(
                this=place.copy(),
                expression=exp.Ceil(this=exp.Mul(this=of.copy(), expression=exp.Literal.number(str(round(end, 9))))),
            ),
            true=exp.Literal.string(word),
        )
        for end, word in zip(ends, words[:2], strict=True)
    ]
    graded = exp.Case(ifs=cases, default=exp.Literal.string(words[2]))
    return exp.Case(ifs=[exp.If(this=counts.copy(), true=graded)])
