"""What a person sees of a night's lists: tables in Markdown and one picture.

For the metadata of the assets. Numbers only from the tables handed in; nothing is computed here that a
gate or a reader relies on.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.scenarios import Scenarios
from perso_pipeline.resources.display import markdown_picture, png

_LEVEL_SHARES = """
    select
        scenario_id, level, strategy, count(*) as rows,
        count(*) / sum(count(*)) over (partition by scenario_id) as share
    from recommendations.recommendations
    where night = $night
    group by scenario_id, level, strategy
    order by scenario_id, level, strategy"""

_FILLS = """
    with lists as (
        select scenario_id, site_id, subject_type, subject_id, count(*) as filled
        from recommendations.recommendations
        where night = $night
        group by scenario_id, site_id, subject_type, subject_id
    ),

    short as (
        select scenario_id, count(*) as short_lists, count(*) filter (filled = 0) as empty_lists
        from recommendations.short_lists
        where night = $night
        group by scenario_id
    )

    select
        scenario_id, count(l.filled) + coalesce(any_value(s.empty_lists), 0) as lists, sum(l.filled)::bigint as rows,
        coalesce(any_value(s.short_lists), 0) as short_lists
    from lists as l
    full join short as s using (scenario_id)
    group by scenario_id"""


def level_shares(warehouse: Warehouse, *, night: date) -> pa.Table:
    """Rows per scenario, level and strategy: (scenario_id, level, strategy, rows, share), known subjects and anyone."""
    return warehouse.query(_LEVEL_SHARES, {"night": night})


def fills(warehouse: Warehouse, sizes: Mapping[str, int], *, night: date) -> pa.Table:
    """Per scenario: (scenario_id, lists, rows, short_lists, fill)."""
    found = {row["scenario_id"]: row for row in warehouse.query(_FILLS, {"night": night}).to_pylist()}
    table = []
    for scenario, size in sizes.items():
        row = found.get(scenario, {})
        lists, rows = row.get("lists") or 0, row.get("rows") or 0
        table.append((scenario, lists, rows, row.get("short_lists") or 0, rows / (lists * size) if lists else None))
    names = ["scenario_id", "lists", "rows", "short_lists", "fill"]
    return pa.table({name: [row[n] for row in table] for n, name in enumerate(names)})


_RULES_AT_WORK = """
    with slots as (
        select rule_id, scenario_id, count(*) as slots
        from (
            select scenario_id, unnest(rule_ids) as rule_id
            from recommendations.recommendation_trace
            where night = $night and len(rule_ids) > 0
        )
        group by rule_id, scenario_id
    ),

    off as (
        select rule_id, scenario_id, count(*) as taken_off
        from recommendations.recommendation_rejections
        where night = $night and rule_id is not null and rule <> 'page'
        group by rule_id, scenario_id
    )

    select rule_id, scenario_id, coalesce(slots, 0) as slots, coalesce(taken_off, 0) as taken_off
    from slots full join off using (rule_id, scenario_id)
    order by rule_id, scenario_id"""


def rules_at_work(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> pa.Table:
    """Per rule in force and scenario: (rule, kind, scenario, slots, taken_off), those that did nothing among them.

    ``slots`` are those the rule stood over (include, exclude, variety, repeat) or whose item it placed or moved.
    """
    rows = {(r["rule_id"], r["scenario_id"]): r for r in warehouse.query(_RULES_AT_WORK, {"night": night}).to_pylist()}
    table = []
    for scenario in scenarios.scenarios:
        for rule in scenarios.merchandising.of(scenario.id, night):
            row = rows.get((rule.id, scenario.id), {})
            table.append((rule.id, rule.kind, scenario.id, row.get("slots", 0), row.get("taken_off", 0)))
    names = ["rule", "kind", "scenario", "slots", "taken_off"]
    return pa.table({name: [row[n] for row in table] for n, name in enumerate(names)})


def level_plot(shares: pa.Table) -> str:
    """Stacked bars of level shares per scenario as a Markdown image."""
    from matplotlib.figure import Figure

    rows = shares.to_pylist()
    scenarios = sorted({row["scenario_id"] for row in rows})
    figure = Figure(figsize=(7, 0.6 + 0.5 * max(1, len(scenarios))), layout="constrained")
    axes = figure.subplots()
    for strategy in dict.fromkeys(row["strategy"] for row in sorted(rows, key=lambda r: r["level"])):
        widths = _of(rows, scenarios, strategy)
        lefts = [
            sum(r["share"] for r in rows if r["scenario_id"] == s and r["level"] < _level(rows, s, strategy))
            for s in scenarios
        ]
        axes.barh(scenarios, widths, left=lefts, label=strategy)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of rows by strategy level")
    if rows:
        figure.legend(loc="outside right upper", fontsize="small")
    return markdown_picture(png(figure), title="level shares")


def _of(rows: Sequence[Mapping[str, Any]], scenarios: Sequence[str], strategy: str) -> list[float]:
    shares = {r["scenario_id"]: r["share"] for r in rows if r["strategy"] == strategy}
    return [shares.get(scenario, 0.0) for scenario in scenarios]


def _level(rows: Sequence[Mapping[str, Any]], scenario: str, strategy: str) -> int:
    return next((r["level"] for r in rows if r["scenario_id"] == scenario and r["strategy"] == strategy), 0)


def preview(warehouse: Warehouse, *, night: date) -> pa.Table:
    """The first slots of one list per scenario, with the items' names."""
    return warehouse.query(
        """
        with one_list as (
            select scenario_id, min((site_id, subject_type = 'anyone', subject_type, subject_id)) as list
            from recommendations.recommendations where night = $night
            group by scenario_id
        )
        select r.scenario_id, r.site_id, r.subject_id, r.rank, r.item_id, i.name, r.score, r.strategy
        from recommendations.recommendations as r
        join one_list as o
            on o.scenario_id = r.scenario_id
            and o.list = (r.site_id, r.subject_type = 'anyone', r.subject_type, r.subject_id)
        left join profiles.item_profiles as i
            on i.night = r.night and i.site_id = r.site_id and i.item_id = r.item_id
        where r.night = $night and r.rank <= 4
        order by r.scenario_id, r.rank""",
        {"night": night},
    )
