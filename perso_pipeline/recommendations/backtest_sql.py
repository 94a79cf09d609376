"""SQL of a back-test: two sides of lists, slots and limits in, what differs and what gets worse out.

Read by ``backtest`` alone, which registers the inputs. One statement per thing that is told.
"""

ITEMS = """
    select site_id, item_id, name, price, price - unit_cost as margin, currency, is_available, units_28d, net_28d
    from profiles.item_profiles
    where night = $night"""

EXPOSURE = """
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
),
of_kind as (
    select side, site_id, scenario_id, subject_type = 'anyone' as is_unknown, count(*) as lists
    from lists
    group by all
),
money as (
    select
        s.side, s.site_id, s.scenario_id, any_value(c.currency) as currency,
        sum(p.pieces / k.lists * c.price)::decimal(18, 4) as revenue,
        sum(p.pieces / k.lists * c.margin)::decimal(18, 4) as margin_money
    from slots as s
    join slot_pieces as p
        on p.site_id = s.site_id and p.scenario_id = s.scenario_id and p.rank = s.rank
        and p.is_unknown = (s.subject_type = 'anyone')
    join of_kind as k
        on k.side = s.side and k.site_id = s.site_id and k.scenario_id = s.scenario_id
        and k.is_unknown = p.is_unknown
    left join catalogue as c on c.site_id = s.site_id and c.item_id = s.item_id
    group by s.side, s.site_id, s.scenario_id
    having count(distinct c.currency) <= 1
)
select
    w.side, w.site_id, w.scenario_id, w.lists, coalesce(s.slots, 0) as slots, coalesce(s.slots, 0) / w.wanted as fill,
    coalesce(s.items, 0) as items, coalesce(s.items, 0) / nullif(a.items, 0) as coverage,
    s.fallbacks / nullif(s.own_slots, 0) as fallback_share, s.price, s.margin,
    m.currency, m.revenue, m.margin_money
from wanted as w
left join shown as s using (side, site_id, scenario_id)
left join money as m using (side, site_id, scenario_id)
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

TOTALS = """
    with changed as (
        select
            site_id, scenario_id, count(*) as changed_slots,
            count(distinct (subject_type, subject_id)) as changed_lists
        from changes
        group by site_id, scenario_id
    ),
    gone as (
        select
            m.site_id, m.scenario_id, count(*) filter (where slots_after = 0) as items_dropped,
            count(*) filter (where slots_before = 0) as items_gained,
            sum(c.net_28d) filter (where slots_after = 0) as dropped_net_28d
        from items_moved as m
        left join catalogue as c using (site_id, item_id)
        group by m.site_id, m.scenario_id
    )
    select
        site_id, scenario_id, coalesce(b.lists, 0) as lists_before, coalesce(a.lists, 0) as lists_after,
        coalesce(c.changed_lists, 0) as changed_lists, coalesce(b.slots, 0) as slots_before,
        coalesce(a.slots, 0) as slots_after, coalesce(c.changed_slots, 0) as changed_slots,
        coalesce(g.items_dropped, 0) as items_dropped, coalesce(g.items_gained, 0) as items_gained,
        b.fill as fill_before, a.fill as fill_after, b.coverage as coverage_before, a.coverage as coverage_after,
        b.fallback_share as fallback_before, a.fallback_share as fallback_after,
        b.price as price_before, a.price as price_after, b.margin as margin_before, a.margin as margin_after,
        coalesce(b.currency, a.currency) as currency, b.revenue as revenue_before, a.revenue as revenue_after,
        b.margin_money as margin_money_before, a.margin_money as margin_money_after,
        coalesce(g.dropped_net_28d, 0)::decimal(18, 4) as dropped_net_28d
    from (select * from per_side where side = 'before') as b
    full join (select * from per_side where side = 'after') as a using (site_id, scenario_id)
    left join changed as c using (site_id, scenario_id)
    left join gone as g using (site_id, scenario_id)
    order by scenario_id, site_id"""

ITEMS_MOVED = """
    select m.site_id, m.scenario_id, m.item_id, c.name, c.units_28d, m.* exclude (site_id, scenario_id, item_id)
    from items_moved as m
    left join catalogue as c using (site_id, item_id)
    order by abs(exposure_after - exposure_before) desc, site_id, scenario_id, item_id"""

CHANGES = "select * from changes order by scenario_id, site_id, subject_type, subject_id, rank"

FINDINGS = """
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

OVER_NIGHTS_COLUMNS = [
    "site_id", "scenario_id", "slots_before", "slots_after", "changed_slots", "fill_before", "fill_after", "currency",
    "revenue_before", "revenue_after", "margin_money_before", "margin_money_after",
]  # fmt: skip

# a night that one side says nothing of counts for neither
OVER_NIGHTS = """
select
    scenario_id, site_id, count(*) as nights, count(*) filter (where changed_slots > 0) as changed_nights,
    sum(greatest(slots_before, slots_after))::bigint as slots, sum(changed_slots)::bigint as changed_slots,
    avg(fill_before) as fill_before, avg(fill_after) as fill_after, max(currency) as currency,
    avg(revenue_before) filter (where revenue_after is not null)::decimal(18, 4) as revenue_before,
    avg(revenue_after) filter (where revenue_before is not null)::decimal(18, 4) as revenue_after,
    avg(margin_money_before) filter (where margin_money_after is not null)::decimal(18, 4) as margin_money_before,
    avg(margin_money_after) filter (where margin_money_before is not null)::decimal(18, 4) as margin_money_after
from totals
group by scenario_id, site_id
order by scenario_id, site_id"""
