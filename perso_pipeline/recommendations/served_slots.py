"""Slots that were served with a known chance, and what two configs would have put there.

For off-policy estimates of a back-test; the estimates themselves are measurement's. A slot's chance is in the trace of
the night whose lists were served; which night that was, the ``served`` event says in ``model_version`` (any text with
the night in it, such as the version of the publication), else it is the last one before the day.
"""

from datetime import date

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse

TRACE = "recommendations.recommendation_trace"

SERVED_SLOTS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("scenario_id", pa.string()),
        ("subject_type", pa.string()),
        ("subject_id", pa.string()),
        ("unit", pa.string()),
        ("slot", pa.int64()),
        ("item_id", pa.string()),
        ("listed_item_id", pa.string()),
        ("kept_item_id", pa.string()),
        ("propensity", pa.float64()),
        ("is_clicked", pa.bool_()),
        ("is_ordered", pa.bool_()),
    ]
)


def served_slots(warehouse: Warehouse, *, night: date) -> pa.Table:
    """``SERVED_SLOTS``: a row per slot served from an exploring scenario's lists of the night.

    Lists for open carts are left out: a ``served`` event does not say which cart it was for.
    ``unit`` is the visitor or customer; ``listed_item_id`` what the lists have in the slot, ``item_id`` what the shop
    says it served, ``kept_item_id`` what stood there before exploration.
    """
    if not warehouse.exists(TRACE):
        return SERVED_SLOTS.empty_table()
    explored = f"select count(*) as slots from {TRACE} where night = $night and propensity < 1"
    if not warehouse.query(explored, {"night": night})["slots"][0].as_py():
        return SERVED_SLOTS.empty_table()
    return warehouse.query(_SERVED, {"night": night}).cast(SERVED_SLOTS)


def with_targets(connection: duckdb.DuckDBPyConnection, served: pa.Table) -> pa.Table:
    """The slots with what each side of a back-test shows there before exploring, and whether that had a chance.

    Reads ``before_trace`` and ``after_trace``. Adds, for each side, ``<side>_item_id`` (null where the list ends above)
    and ``<side>_had_chance``: the item stood there before exploration, or was drawn for somebody that night and the
    slot could be drawn for.
    """
    connection.register("served", served)
    return connection.sql(_TARGETS).to_arrow_table()


# what stood in the slot before exploration: the note of the trace says it where another item was drawn
_KEPT = """coalesce(
        substr(list_filter(rules, lambda rule: starts_with(rule, 'explored:instead_of:'))[1], 21), item_id
    )"""

_SERVED = f"""
with identities as materialized (
    select identifier, person_id
    from identity.identity_map
    where known_on <= $night and (void_on is null or void_on > $night)
),

nights as (select distinct night from {TRACE}),

listed as materialized (
    select site_id, scenario_id, subject_type, subject_id, rank, item_id, propensity, {_KEPT} as kept_item_id
    from {TRACE}
    where night = $night
        and scenario_id in (
            select scenario_id from {TRACE} where night = $night
            group by scenario_id
            having min(propensity) < 1 and not bool_or(subject_type = 'cart')
        )
),

lists as materialized (select distinct site_id, scenario_id, subject_type, subject_id from listed),

days as (
    select r.event_date, max(n.night) as night
    from (select distinct event_date from interactions.served_lists where event_date > $night) as r
    join nights as n on n.night < r.event_date
    group by r.event_date
),

slots as (
    select r.*, coalesce(i.person_id, r.identifier) as person
    from interactions.recommendation_requests as r
    join days as d on d.event_date = r.event_date
    left join identities as i on i.identifier = r.identifier
    where r.event_date > $night and r.variant = 'treatment' and not r.is_robot
        and coalesce(try_cast(regexp_extract(r.model_version, '\\d{{4}}-\\d{{2}}-\\d{{2}}') as date), d.night) = $night
),

of_lists as (
    select s.*, coalesce(l.subject_type, 'anyone') as subject_type, coalesce(l.subject_id, '*') as subject_id
    from slots as s
    left join lists as l
        on l.site_id = s.site_id and l.scenario_id = s.scenario_id
        and (
            (l.subject_type = 'person' and l.subject_id = s.person)
            or (l.subject_type = 'item' and l.subject_id = s.context_item_id)
        )
)

select
    $night::date as night, o.site_id, o.scenario_id, o.subject_type, o.subject_id, o.identifier as unit,
    o.slot::bigint as slot, o.item_id, t.item_id as listed_item_id, t.kept_item_id, t.propensity,
    o.is_clicked, o.is_ordered
from of_lists as o
join listed as t
    on t.site_id = o.site_id and t.scenario_id = o.scenario_id and t.subject_type = o.subject_type
    and t.subject_id = o.subject_id and t.rank = o.slot
where o.identifier is not null
order by all"""

_SIDE = f"""
select site_id, scenario_id, subject_type, subject_id, rank, {_KEPT} as item_id from {{side}}_trace"""

_TARGETS = f"""
with before_lists_kept as ({_SIDE.format(side="before")}),
after_lists_kept as ({_SIDE.format(side="after")}),
drawn as (
    select distinct night, site_id, scenario_id, listed_item_id as item_id
    from served
    where listed_item_id <> kept_item_id
)
select
    s.*, b.item_id as before_item_id, a.item_id as after_item_id,
    coalesce(b.item_id = s.kept_item_id or (db.item_id is not null and s.propensity < 1), false) as before_had_chance,
    coalesce(a.item_id = s.kept_item_id or (da.item_id is not null and s.propensity < 1), false) as after_had_chance
from served as s
left join before_lists_kept as b
    on b.site_id = s.site_id and b.scenario_id = s.scenario_id and b.subject_type = s.subject_type
    and b.subject_id = s.subject_id and b.rank = s.slot
left join after_lists_kept as a
    on a.site_id = s.site_id and a.scenario_id = s.scenario_id and a.subject_type = s.subject_type
    and a.subject_id = s.subject_id and a.rank = s.slot
left join drawn as db
    on db.night = s.night and db.site_id = s.site_id and db.scenario_id = s.scenario_id and db.item_id = b.item_id
left join drawn as da
    on da.night = s.night and da.site_id = s.site_id and da.scenario_id = s.scenario_id and da.item_id = a.item_id
order by all"""
