"""What another ``scenarios.yml`` would have shown on a past night, held against the present one.

Both are composed from the same stored candidates, profiles and events, so that every difference comes from the
rules. Nothing is written. Keep printing out (``operation.backtest_view``), and what needs models trained anew.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.composer import Composition, compose
from perso_pipeline.recommendations.scenarios import Scenarios

BEST_SELLERS = 10  # of a site, by pieces of 28 days: losing one of these is never a detail
LOST_SHARE = 0.5  # of a best seller's exposure
LOST_MARGIN = 0.05  # of the mean margin a list shows


@dataclass(frozen=True)
class Backtest:
    """One night under both configs.

    Attributes:
        totals: a row per site and scenario of either: lists, slots, changed slots, fill, coverage, share of
            fallback, distinct items, and the mean price and margin that a list shows (slots weigh 1 / log2(rank + 1),
            currency of the site).
        items: a row per site, scenario and item whose exposure changes: slots and exposure before and after.
        changes: a row per slot that holds another item, or is filled on one side only.
        findings: sentences about what gets worse by the change and should be looked at before it is used.
    """

    night: date
    totals: pa.Table
    items: pa.Table
    changes: pa.Table
    findings: tuple[str, ...]


def nights_between(warehouse: Warehouse, first: date | None, last: date | None) -> list[date]:
    """Nights that can be composed again, oldest first; without ``last`` up to the newest, without ``first`` only it.

    Raises:
        PersoError: there is none; says which there are.
    """
    rows = warehouse.query("select distinct night from models.candidates order by night")
    nights = rows["night"].to_pylist()
    last = last or (nights[-1] if nights else None)
    chosen = [night for night in nights if last and (first or last) <= night <= last]
    if not chosen:
        known = f"there are some from {nights[0]} to {nights[-1]}" if nights else "no night was run to its end yet"
        asked = f"No night from {first} to {last}" if first else f"No night {last}" if last else "No night"
        msg = f"{asked} has candidates to compose from; {known}."
        raise PersoError(msg)
    return chosen


def backtest(warehouse: Warehouse, present: Scenarios, other: Scenarios, *, night: date) -> Backtest:
    """Compose ``night``, one of ``nights_between``, under both configs and compare."""
    items = warehouse.query(_ITEMS, {"night": night})
    with duckdb.connect(":memory:") as connection:
        for side, scenarios in (("before", present), ("after", other)):
            composed = compose(warehouse, scenarios, night=night)
            connection.register(f"{side}_slots", composed.recommendations)
            connection.register(f"{side}_lists", _lists(composed))
            connection.register(f"{side}_scenarios", _limits(scenarios))
        connection.register("catalogue", items)
        connection.execute(_EXPOSURE)
        totals, moved, changes = (_table(connection, sql) for sql in (_TOTALS, _ITEMS_MOVED, _CHANGES))
        findings = [row[0] for row in connection.execute(_FINDINGS, _THRESHOLDS).fetchall()]
    return Backtest(night, totals, moved, changes, tuple(findings))


def _table(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return connection.sql(sql).to_arrow_table()


def _lists(composed: Composition) -> pa.Table:
    """Every list that there should be, the empty ones too."""
    key = ["site_id", "scenario_id", "subject_type", "subject_id"]
    both = pa.concat_tables([composed.recommendations.select(key), composed.short_lists.select(key)])
    return both.group_by(key).aggregate([])


def _limits(scenarios: Scenarios) -> pa.Table:
    gates = [
        (s.id, s.size, s.gate.min_fill, s.gate.min_item_coverage, s.gate.max_fallback_share)
        for s in scenarios.scenarios
    ]
    names = ["scenario_id", "size", "min_fill", "min_item_coverage", "max_fallback_share"]
    return pa.table({name: [gate[n] for gate in gates] for n, name in enumerate(names)})


_THRESHOLDS = {"best_sellers": BEST_SELLERS, "lost_share": LOST_SHARE, "lost_margin": LOST_MARGIN}

_ITEMS = """
    select site_id, item_id, name, price, price - unit_cost as margin, is_available, units_28d
    from profiles.item_profiles
    where night = $night"""

_EXPOSURE = """
create temp table slots as
select
    side, site_id, scenario_id, subject_type, subject_id, rank, item_id, is_fallback, 1 / log2(rank + 1) as weight
from (select 'before' as side, * from before_slots union all select 'after', * from after_slots);

create temp table per_side as
with lists as (
    select 'before' as side, * from before_lists union all select 'after', * from after_lists
),
wanted as (
    select l.side, l.site_id, l.scenario_id, count(*) as lists, count(*) * any_value(s.size) as wanted
    from lists as l
    inner join (
        select 'before' as side, scenario_id, size from before_scenarios
        union all
        select 'after', scenario_id, size from after_scenarios
    ) as s using (side, scenario_id)
    group by l.side, l.site_id, l.scenario_id
),
available as (
    select site_id, count(*) filter (where is_available) as items from catalogue group by site_id
),
shown as (
    select
        s.side, s.site_id, s.scenario_id, count(*) as slots, count(distinct s.item_id) as items,
        count(*) filter (where s.subject_type <> 'anyone') as own_slots,
        count(*) filter (where s.is_fallback and s.subject_type <> 'anyone') as fallbacks,
        sum(s.weight * c.price) / sum(s.weight) filter (where c.price is not null) as price,
        sum(s.weight * c.margin) / sum(s.weight) filter (where c.margin is not null) as margin
    from slots as s
    left join catalogue as c using (site_id, item_id)
    group by s.side, s.site_id, s.scenario_id
)
select
    w.side, w.site_id, w.scenario_id, w.lists, coalesce(s.slots, 0) as slots, coalesce(s.slots, 0) / w.wanted as fill,
    coalesce(s.items, 0) as items, coalesce(s.items, 0) / nullif(a.items, 0) as coverage,
    s.fallbacks / nullif(s.own_slots, 0) as fallback_share, s.price, s.margin
from wanted as w
left join shown as s using (side, site_id, scenario_id)
left join available as a using (site_id);

create temp table changes as
select
    site_id, scenario_id, subject_type, subject_id, rank, b.item_id as item_before, a.item_id as item_after
from (select * from slots where side = 'before') as b
full join (select * from slots where side = 'after') as a
    using (site_id, scenario_id, subject_type, subject_id, rank)
where b.item_id is distinct from a.item_id;

create temp table items_moved as
select
    site_id, scenario_id, item_id, count(*) filter (where side = 'before') as slots_before,
    count(*) filter (where side = 'after') as slots_after,
    coalesce(sum(weight) filter (where side = 'before'), 0) as exposure_before,
    coalesce(sum(weight) filter (where side = 'after'), 0) as exposure_after
from slots
group by site_id, scenario_id, item_id
having abs(exposure_after - exposure_before) > 1e-9"""

_TOTALS = """
    with changed as (
        select
            site_id, scenario_id, count(*) as changed_slots,
            count(distinct (subject_type, subject_id)) as changed_lists
        from changes
        group by site_id, scenario_id
    ),
    gone as (
        select
            site_id, scenario_id, count(*) filter (where slots_after = 0) as items_dropped,
            count(*) filter (where slots_before = 0) as items_gained
        from items_moved
        group by site_id, scenario_id
    )
    select
        site_id, scenario_id, coalesce(b.lists, 0) as lists_before, coalesce(a.lists, 0) as lists_after,
        coalesce(c.changed_lists, 0) as changed_lists, coalesce(b.slots, 0) as slots_before,
        coalesce(a.slots, 0) as slots_after, coalesce(c.changed_slots, 0) as changed_slots,
        coalesce(g.items_dropped, 0) as items_dropped, coalesce(g.items_gained, 0) as items_gained,
        b.fill as fill_before, a.fill as fill_after, b.coverage as coverage_before, a.coverage as coverage_after,
        b.fallback_share as fallback_before, a.fallback_share as fallback_after,
        b.price as price_before, a.price as price_after, b.margin as margin_before, a.margin as margin_after
    from (select * from per_side where side = 'before') as b
    full join (select * from per_side where side = 'after') as a using (site_id, scenario_id)
    left join changed as c using (site_id, scenario_id)
    left join gone as g using (site_id, scenario_id)
    order by scenario_id, site_id"""

_ITEMS_MOVED = """
    select m.site_id, m.scenario_id, m.item_id, c.name, c.units_28d, m.* exclude (site_id, scenario_id, item_id)
    from items_moved as m
    left join catalogue as c using (site_id, item_id)
    order by abs(exposure_after - exposure_before) desc, site_id, scenario_id, item_id"""

_CHANGES = "select * from changes order by scenario_id, site_id, subject_type, subject_id, rank"

_FINDINGS = """
with both_sides as (
    select
        a.*, b.margin as margin_before, b.fill as fill_before, b.coverage as coverage_before,
        b.fallback_share as fallback_before
    from (select * from per_side where side = 'after') as a
    left join (select * from per_side where side = 'before') as b using (site_id, scenario_id)
),
best as (
    select site_id, item_id, name, units_28d from catalogue
    where units_28d > 0
    qualify row_number() over (partition by site_id order by units_28d desc, item_id) <= $best_sellers
),
found as (
    select 1 as kind, site_id, scenario_id, 0.0 as size, format(
        '{} on {}: {:.1f} % of the slots are filled, fewer than the {:.1f} % of its gate; the night would stop.',
        scenario_id, site_id, 100 * fill, 100 * min_fill
    ) as sentence
    from both_sides inner join after_scenarios using (scenario_id)
    where fill < min_fill and fill < coalesce(fill_before, 2)
    union all
    select 2, site_id, scenario_id, 0.0, format(
        '{} on {}: the lists show {:.1f} % of what is available, under the {:.1f} % of its gate; the night would stop.',
        scenario_id, site_id, 100 * coverage, 100 * min_item_coverage
    )
    from both_sides inner join after_scenarios using (scenario_id)
    where coverage < min_item_coverage and coverage < coalesce(coverage_before, 2)
    union all
    select 3, site_id, scenario_id, 0.0, format(
        '{} on {}: {:.1f} % of the slots come from a fallback, more than the {:.1f} % of its gate.',
        scenario_id, site_id, 100 * fallback_share, 100 * max_fallback_share
    )
    from both_sides inner join after_scenarios using (scenario_id)
    where fallback_share > max_fallback_share and fallback_share > coalesce(fallback_before, -1)
    union all
    select 4, m.site_id, m.scenario_id, m.exposure_after - m.exposure_before, format(
        '{} on {}: the best seller {} ({}, {:d} pieces in 28 days) goes from {:d} slots to {:d}.',
        m.scenario_id, m.site_id, b.name, m.item_id, b.units_28d, m.slots_before, m.slots_after
    )
    from items_moved as m
    inner join best as b using (site_id, item_id)
    inner join both_sides as a on a.site_id = m.site_id and a.scenario_id = m.scenario_id
    where m.exposure_after < (1 - $lost_share) * m.exposure_before
    union all
    select 5, site_id, scenario_id, 0.0, format(
        '{} on {}: the margin that a list shows falls from {:.2f} to {:.2f} a slot.',
        scenario_id, site_id, margin_before, margin
    )
    from both_sides where margin < (1 - $lost_margin) * margin_before
    union all
    select 6, b.site_id, b.scenario_id, 0.0, format('{} on {}: is made no more.', b.scenario_id, b.site_id)
    from per_side as b where b.side = 'before' and not exists (
        select 1 from per_side as a
        where a.side = 'after' and a.site_id = b.site_id and a.scenario_id = b.scenario_id
    )
)
select sentence from found order by kind, size, scenario_id, site_id, sentence"""
