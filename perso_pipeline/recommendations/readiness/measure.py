"""Readiness of scenarios: what share their first level carries, how much lists differ, whether the events arrive.

Counts in SQL, judgement in Python over a few hundred rows. Whether a night may be published is the gate's matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.scenarios import EXPLORATION, Scenario, Scenarios, Strategy

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
        ("level_shares", pa.list_(pa.float64())),
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
    g.site_id, g.scenario_id, g.segment_id, r.strategy, r.level, count(*) as slots
from grouped as g
join recommendations.recommendations as r
    on r.night = $night and r.site_id = g.site_id and r.scenario_id = g.scenario_id
    and r.subject_type = g.subject_type and r.subject_id = g.subject_id
group by g.site_id, g.scenario_id, g.segment_id, r.strategy, r.level
order by all"""
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
    """What was counted of one site, scenario and segment."""

    lists: int
    filled: int
    different: int
    items: int
    by_level: Mapping[int, int]


def measure_readiness(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> pa.Table:
    """One row per site, scenario and segment (``*`` for all lists) of one night, in that order."""
    bound = {"night": night}
    levels: dict[_Key, dict[int, int]] = {}
    for row in warehouse.query(_LEVELS, bound).to_pylist():
        levels.setdefault(_key(row), {})[row["level"]] = row["slots"]
    items = {_key(row): row["items"] for row in warehouse.query(_ITEMS, bound).to_pylist()}
    statuses: dict[str, dict[str, str]] = {}
    for row in warehouse.query(_EVENTS, bound).to_pylist():
        worst = statuses.setdefault(row["site_id"], {})
        worst[row["event_type"]] = min(
            row["status"], worst.get(row["event_type"], row["status"]), key=_ARRIVES.__getitem__
        )
    rows = []
    known = {scenario.id: scenario for scenario in scenarios.scenarios}
    for row in warehouse.query(_SIZES, bound).to_pylist():
        key = _key(row)
        if row["scenario_id"] in known:
            group = Group(row["lists"], row["filled"], row["different"], items.get(key, 0), levels.get(key, {}))
            judged = judge(known[row["scenario_id"]], group, statuses.get(row["site_id"], {}))
            rows.append(dict(zip(("site_id", "scenario_id", "segment_id"), key, strict=True)) | judged)
    return pa.Table.from_pylist([{"night": night} | row for row in rows], schema=SCHEMA)


def judge(scenario: Scenario, group: Group, statuses: Mapping[str, str]) -> dict[str, Any]:
    """Shares, verdict and the sentence for one group."""
    slots = group.lists * scenario.size
    strategies = [level.strategy.value for level in scenario.levels]
    strategies += [EXPLORATION] if scenario.exploration else []
    by_level = [group.by_level.get(number, 0) for number in range(1, len(strategies) + 1)]
    first = (by_level[0] + (by_level[-1] if scenario.exploration else 0)) / slots
    variety = 1.0 if group.lists == 1 else group.different / group.lists
    needed = list(dict.fromkeys(event for level in scenario.levels for event in EVENTS.get(level.strategy, _CATALOGUE)))
    arrives = [_ARRIVES[statuses.get(event, "missing")] for event in needed]
    missing = [event for event, share in zip(needed, arrives, strict=True) if share < 1]
    events_ready = sum(arrives) / len(arrives)
    readiness = 100 * min(first, variety, events_ready)
    verdict = "ready" if readiness >= READY else "less ready" if readiness >= LESS_READY else "not ready"
    shares = [count / group.filled for count in by_level] if group.filled else [0.0] * len(by_level)
    return {
        "lists": group.lists,
        "slots": slots,
        "filled": group.filled,
        "fill_rate": group.filled / slots,
        "strategies": strategies,
        "level_shares": shares,
        "first_level_share": first,
        "items_shown": group.items,
        "variety": variety,
        "events_ready": events_ready,
        "missing_events": missing,
        "readiness": readiness,
        "verdict": verdict,
        "reason": _reason(strategies, by_level, missing, first=first, variety=variety, events=events_ready),
    }


def _reason(
    strategies: Sequence[str],
    by_level: Sequence[int],
    missing: Iterable[str],
    *,
    first: float,
    variety: float,
    events: float,
) -> str:
    """What holds it back most; the first of equals in the order events, first level, variety."""
    least = min(first, variety, events)
    if least * 100 >= READY:
        filled = f"'{strategies[0]}' fills {first:.0%} of the slots"
        return f"{filled}, {variety:.0%} of the lists differ, the events arrive."
    if events == least:
        return f"Too little arrives of {', '.join(missing)}."
    if first == least:
        others = {s: n for s, n in zip(strategies[1:], by_level[1:], strict=True) if n}
        instead = ", ".join(f"{strategy} {count / sum(by_level):.0%}" for strategy, count in others.items())
        open_slots = "the rest stays empty" if not others else f"instead come {instead}"
        return f"Only {first:.0%} of the slots are filled by '{strategies[0]}'; {open_slots}."
    return f"Only {variety:.0%} of the lists differ; the others repeat the items of one of these."


def _key(row: Mapping[str, Any]) -> _Key:
    return row["site_id"], row["scenario_id"], row["segment_id"]
