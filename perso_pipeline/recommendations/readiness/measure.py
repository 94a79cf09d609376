"""Readiness of scenarios: what share their first level carries, how much lists differ, whether the events arrive.

Counts in SQL, judgement in Python over a few hundred rows. Whether a night may be published is the gate's matter.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.levels import EXPLORATION, Strategy
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios

TABLE = "recommendations.scenario_readiness"
ALL = "*"
READY, LESS_READY = 75.0, 50.0  # the lines that Adobe draws for its recommendation units
SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("scenario_id", pa.string()),
        ("segment_id", pa.string()),
        ("lists", pa.int64()),
        ("slots", pa.int64()),
        ("filled", pa.int64()),
        ("fill_rate", pa.float64()),
        ("strategies", pa.list_(pa.string())),
        ("strategy_shares", pa.list_(pa.float64())),
        ("first_level_share", pa.float64()),
        ("items_shown", pa.int64()),
        ("variety", pa.float64()),
        ("events_ready", pa.float64()),
        ("missing_events", pa.list_(pa.string())),
        ("readiness", pa.float64()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
    ]
)

_CATALOGUE = ("item_upserted",)
EVENTS: dict[str, tuple[str, ...]] = {
    Strategy.PERSONAL: ("product_view",),
    Strategy.SIMILAR: ("product_view",),
    Strategy.CART_ITEMS: ("product_view", "add_to_cart"),
    Strategy.SIMILAR_CONTENT: _CATALOGUE,
    Strategy.TRENDING: ("product_view",),
    Strategy.POPULAR: ("product_view",),
    Strategy.RECENTLY_ADDED: _CATALOGUE,
    Strategy.POPULAR_IN_CATEGORY: ("product_view", *_CATALOGUE),
    Strategy.SEARCHED_THEN_BOUGHT: ("search_request", "order_placed"),
    Strategy.BOUGHT_BEFORE: ("order_placed",),
    Strategy.VIEWED_BEFORE: ("product_view",),
    Strategy.CATALOGUE: _CATALOGUE,
}
_ARRIVES = {"ready": 1.0, "few": 0.5, "missing": 0.0}

# A list is counted for the scenario and, a person's, for the person's primary segment. The list of everybody unknown
# counts only where a scenario has no other: no first level could ever know them.
_LISTS = """
with lists as materialized (
    select
        site_id, scenario_id, subject_type, subject_id, count(*) as filled, bit_xor(hash(item_id)) as fingerprint
    from recommendations.recommendations
    where night = $night
    group by site_id, scenario_id, subject_type, subject_id
    union all
    select site_id, scenario_id, subject_type, subject_id, 0, null
    from recommendations.short_lists
    where night = $night and filled = 0
),

counted as materialized (
    select l.*
    from lists as l
    left join (select distinct site_id, scenario_id from lists where subject_type <> 'anyone') as k
        on k.site_id = l.site_id and k.scenario_id = l.scenario_id
    where l.subject_type <> 'anyone' or k.scenario_id is null
),

placed as materialized (
    select c.*, s.segment_id
    from counted as c
    left join segments.primary_segment as s
        on s.night = $night and s.site_id = c.site_id and c.subject_type = 'person' and s.person_id = c.subject_id
),

grouped as materialized (
    select site_id, scenario_id, subject_type, subject_id, filled, fingerprint, '*' as segment_id from placed
    union all
    select site_id, scenario_id, subject_type, subject_id, filled, fingerprint, segment_id from placed
    where segment_id is not null
)
"""
_SIZES = f"""{_LISTS}
select
    site_id, scenario_id, segment_id, count(*) as lists, sum(filled)::bigint as filled,
    count(distinct coalesce(fingerprint, 0)) as different
from grouped
group by site_id, scenario_id, segment_id
order by site_id, scenario_id, segment_id"""
_LEVELS = f"""{_LISTS}
select
    g.site_id, g.scenario_id, g.segment_id, r.strategy, not r.is_fallback or r.strategy = '{EXPLORATION}' as is_first,
    min(r.level) as level, count(*) as slots
from grouped as g
join recommendations.recommendations as r
    on r.night = $night and r.site_id = g.site_id and r.scenario_id = g.scenario_id
    and r.subject_type = g.subject_type and r.subject_id = g.subject_id
group by g.site_id, g.scenario_id, g.segment_id, r.strategy, is_first
order by g.site_id, g.scenario_id, g.segment_id, level, r.strategy, is_first"""
_ITEMS = f"""{_LISTS}
select
    g.site_id, g.scenario_id, g.segment_id, count(distinct r.item_id) as items
from grouped as g
join recommendations.recommendations as r
    on r.night = $night and r.site_id = g.site_id and r.scenario_id = g.scenario_id
    and r.subject_type = g.subject_type and r.subject_id = g.subject_id
group by g.site_id, g.scenario_id, g.segment_id
order by all"""
_EVENTS = "select site_id, event_type, status from measurement.readiness where night = $night order by all"

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Group:
    """What was counted of one site, scenario and segment.

    Attributes:
        lists: Lists, empty ones included.
        different: Different sets of items among them.
        items: Different items in them.
        first: Slots that the first level filled, and those given away to learn, by strategy.
        others: Slots that later levels filled, by strategy in the order of levels.
    """

    lists: int
    different: int
    items: int
    first: Mapping[str, int]
    others: Mapping[str, int]


def measure_readiness(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> pa.Table:
    """One row per site, scenario and segment (``*`` for all lists) of one night, in that order."""
    bound = {"night": night}
    slots: dict[_Key, tuple[dict[str, int], dict[str, int]]] = {}
    for row in warehouse.query(_LEVELS, bound).to_pylist():
        slots.setdefault(_key(row), ({}, {}))[not row["is_first"]][row["strategy"]] = row["slots"]
    items = {_key(row): row["items"] for row in warehouse.query(_ITEMS, bound).to_pylist()}
    statuses: dict[str, dict[str, str]] = {}
    for row in warehouse.query(_EVENTS, bound).to_pylist():
        of_site = statuses.setdefault(row["site_id"], {})
        # an event that is needed for several things has several rows
        both = (row["status"], of_site.get(row["event_type"], row["status"]))
        of_site[row["event_type"]] = min(both, key=_ARRIVES.__getitem__)
    rows = []
    known = {scenario.id: scenario for scenario in scenarios.scenarios}
    for row in warehouse.query(_SIZES, bound).to_pylist():
        key = _key(row)
        if row["scenario_id"] in known:
            group = Group(row["lists"], row["different"], items.get(key, 0), *slots.get(key, ({}, {})))
            judged = judge(known[row["scenario_id"]], group, statuses.get(row["site_id"], {}))
            rows.append(dict(zip(("site_id", "scenario_id", "segment_id"), key, strict=True)) | judged)
    return pa.Table.from_pylist([{"night": night} | row for row in rows], schema=SCHEMA)


def judge(scenario: Scenario, group: Group, statuses: Mapping[str, str]) -> dict[str, Any]:
    """Shares, verdict and the sentence for one group."""
    slots = group.lists * scenario.size
    counts = Counter(group.first) + Counter(group.others)
    filled = counts.total()
    first = sum(group.first.values()) / slots
    variety = 1.0 if group.lists == 1 else group.different / group.lists
    needed = list(dict.fromkeys(event for strategy in strategies_of(scenario) for event in EVENTS[strategy]))
    arrives = [_ARRIVES[statuses.get(event, "missing")] for event in needed]
    missing = [event for event, share in zip(needed, arrives, strict=True) if share < 1]
    events_ready = sum(arrives) / len(arrives)
    readiness = 100 * min(first, variety, events_ready)
    return {
        "lists": group.lists,
        "slots": slots,
        "filled": filled,
        "fill_rate": filled / slots,
        "strategies": list(counts),
        "strategy_shares": [count / filled for count in counts.values()],
        "first_level_share": first,
        "items_shown": group.items,
        "variety": variety,
        "events_ready": events_ready,
        "missing_events": missing,
        "readiness": readiness,
        "verdict": "ready" if readiness >= READY else "less ready" if readiness >= LESS_READY else "not ready",
        "reason": _reason(
            strategies_of(scenario)[0], group, missing, first=first, variety=variety, events=events_ready
        ),
    }


def strategies_of(scenario: Scenario) -> list[str]:
    """The strategies of a scenario's levels, first to last."""
    return list(dict.fromkeys(source.strategy.value for level in scenario.levels for source in level.parts))


def _reason(strategy: str, group: Group, missing: Iterable[str], *, first: float, variety: float, events: float) -> str:
    """What holds it back most; the first of equals in the order events, first level, variety."""
    least = min(first, variety, events)
    if least * 100 >= READY:
        return f"'{strategy}' fills {first:.0%} of the slots, {variety:.0%} of the lists differ, the events arrive."
    if events == least:
        return f"Too little arrives of {', '.join(missing)}."
    if first == least:
        filled = sum(group.first.values()) + sum(group.others.values())
        instead = ", ".join(f"{other} {count / filled:.0%}" for other, count in group.others.items())
        open_slots = f"instead come {instead}" if instead else "the rest stays empty"
        return f"Only {first:.0%} of the slots are filled by '{strategy}'; {open_slots}."
    return f"Only {variety:.0%} of the lists differ; the others repeat the items of one of these."


def _key(row: Mapping[str, Any]) -> _Key:
    return row["site_id"], row["scenario_id"], row["segment_id"]
