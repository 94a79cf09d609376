"""What a person sees of a night's lists: tables in Markdown and one picture.

For the metadata of the assets. Numbers only from the tables handed in; nothing is computed here that a
gate or a reader relies on.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.resources.display import markdown_picture, png


def level_shares(recommendations: pa.Table) -> pa.Table:
    """Rows per scenario, level and strategy: (scenario_id, level, strategy, rows, share), known subjects and anyone."""
    keys = ["scenario_id", "level", "strategy"]
    counts = recommendations.group_by(keys).aggregate([("rank", "count")]).sort_by([(key, "ascending") for key in keys])
    rows = counts.to_pylist()
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["scenario_id"]] = totals.get(row["scenario_id"], 0) + row["rank_count"]
    shares = pa.array([row["rank_count"] / totals[row["scenario_id"]] for row in rows], pa.float64())
    return counts.rename_columns([*keys, "rows"]).append_column("share", shares)


def fills(recommendations: pa.Table, short_lists: pa.Table, sizes: Mapping[str, int]) -> pa.Table:
    """Per scenario: (scenario_id, lists, rows, short_lists, fill)."""
    shown = recommendations.select(["scenario_id", "site_id", "subject_type", "subject_id"])
    lists = (
        shown.group_by(shown.column_names).aggregate([]).group_by("scenario_id").aggregate([("subject_id", "count")])
    )
    full = dict(zip(lists["scenario_id"].to_pylist(), lists["subject_id_count"].to_pylist(), strict=True))
    rows = {r["values"]: r["counts"] for r in recommendations["scenario_id"].value_counts().to_pylist()}
    short = {r["values"]: r["counts"] for r in short_lists["scenario_id"].value_counts().to_pylist()}
    empty = short_lists.filter(pc.equal(short_lists["filled"], 0))["scenario_id"].to_pylist()
    table = []
    for scenario, size in sizes.items():
        count = full.get(scenario, 0) + empty.count(scenario)
        fill = rows.get(scenario, 0) / (count * size) if count else None
        table.append((scenario, count, rows.get(scenario, 0), short.get(scenario, 0), fill))
    names = ["scenario_id", "lists", "rows", "short_lists", "fill"]
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
