"""Value tiers, and the segments that tiers, clusters and bands of predictions make.

A tier is a rank within a site. Clusters are found in ``clusters.py``, bands with the predictions.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.segments.compiler import Columns
from perso_pipeline.segments.contract import BAND_COLUMNS, BANDS, PREDICTIONS, VALUE_TIERS
from perso_pipeline.segments.options import Shares
from perso_pipeline.segments.rules import Origin, Rule, Segment

# rounded up, so that a site with one customer has a gold one
_TIERS = """
    with ranked as (
        select
            night, site_id, person_id, orders > 0 as is_buyer,
            row_number() over (partition by site_id, orders > 0 order by net_revenue desc, person_id) as place,
            count(*) over (partition by site_id, orders > 0) as people
        from profiles.customer_profiles
        where night = $night
    )

    select
        night, site_id, person_id,
        case
            when not is_buyer then null
            when place <= ceil(people * $first) then 'gold'
            when place <= ceil(people * $both) then 'silver'
            else 'bronze'
        end as value_tier
    from ranked
    order by site_id, person_id
"""
_PLACES = ("best", "second", "remaining")


def grade_people(warehouse: Warehouse, night: date, tiers: Shares) -> pa.Table:
    """night, site_id, person_id, value_tier of everyone, sorted by site and person; NULL for those without an order.

    Equal revenue is told apart by person_id.
    """
    both = round(tiers.first + tiers.second, 9)
    return warehouse.query(_TIERS, {"night": night, "first": tiers.first, "both": both})


def group_segments(columns: Columns, cluster_names: dict[str, str]) -> tuple[Segment, ...]:
    """A segment for every tier, cluster and band there is.

    Args:
        columns: What the warehouse has; a band that is not there makes no segment.
        cluster_names: Cluster id to its name.
    """
    tiers = [
        Segment.made(
            Origin.TIER, suffix=tier, name=f"Value tier: {tier}", rule=_is("value_tier", tier),
            description=f"Customers in the {place} part of the site's customers by net revenue.",
        )
        for tier, place in zip(VALUE_TIERS, _PLACES, strict=True)
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
            Origin.BAND, suffix=f"{column.removesuffix('_band')}-{band}", name=f"{band.capitalize()}: {words}",
            rule=_is(column, band), description=f"People whose {column} is {band}; see {PREDICTIONS.table}.",
        )
        for column, words in BAND_COLUMNS.items()
        if column in columns.get(PREDICTIONS.table, frozenset())
        for band in BANDS
    ]  # fmt: skip
    return (*tiers, *clusters, *bands)


def _is(attribute: str, value: str) -> Rule:
    return Rule.model_validate({"attribute": attribute, "op": "is", "value": value})
