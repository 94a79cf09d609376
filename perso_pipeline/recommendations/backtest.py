"""What another ``scenarios.yml`` would have shown on a past night, held against the present one.

Both are composed from the same stored candidates, profiles and events, so that every difference comes from the
rules. Nothing is written. Keep printing out (``operation.backtest_view``), and what needs models trained anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations import backtest_sql as sql
from perso_pipeline.recommendations.composer import Composition, compose
from perso_pipeline.recommendations.levels import Subject
from perso_pipeline.recommendations.scenarios import Scenarios
from perso_pipeline.recommendations.served_slots import served_slots, with_targets
from perso_pipeline.recommendations.slot_demand import OWN, UNKNOWN, pieces_a_day, served

BEST_SELLERS = 10  # of a site, by pieces of 28 days: losing one of these is never a detail
LOST_SHARE = 0.5  # of a best seller's exposure
LOST_MARGIN = 0.05  # of the mean margin a list shows
PIECES_DAYS = 28  # of orders, from which what a slot sells is measured


@dataclass(frozen=True)
class Backtest:
    """One night under both configs.

    Attributes:
        totals: a row per site and scenario of either: lists, slots, changed slots, fill, coverage, share of
            fallback, distinct items, the mean price and margin that a list shows (slots weigh 1 / log2(rank + 1)), and
            the revenue and margin that its slots are expected to bring in a day (null where no order yet names a list
            of the scenario); currency of the site. Of items that vanish, their net revenue of 28 days.
        items: a row per site, scenario and item whose exposure changes: slots and exposure before and after.
        changes: a row per slot that holds another item, or is filled on one side only.
        served: slots that were served from the night's exploring lists, with what either config shows there; see
            ``served_slots``.
        findings: sentences about what gets worse by the change and should be looked at before it is used.
    """

    night: date
    totals: pa.Table
    items: pa.Table
    changes: pa.Table
    served: pa.Table
    findings: tuple[str, ...]


def nights_between(
    warehouse: Warehouse, first: date | None, last: date | None, *, newest: int | None = None
) -> list[date]:
    """Nights that can be composed again, oldest first; without ``last`` up to the newest, without ``first`` only it.

    ``newest``, in place of ``first``, says how many up to the last.

    Raises:
        PersoError: there is none, and which there are; or both ``first`` and ``newest`` are given.
    """
    if first and newest:
        msg = "A range begins at a first night or has a number of nights; give one of --from and --nights."
        raise PersoError(msg)
    nights: list[date] = []
    if warehouse.exists("models.candidates"):
        nights = warehouse.query("select distinct night from models.candidates order by night")["night"].to_pylist()
    last = last or (nights[-1] if nights else None)
    until = [night for night in nights if last and night <= last]
    chosen = until[-newest:] if newest else [night for night in until if last and night >= (first or last)]
    if not chosen:
        known = f"there are some from {nights[0]} to {nights[-1]}" if nights else "no night was run to its end yet"
        asked = f"No night from {first} to {last}" if first else f"No night {last}" if last else "No night"
        msg = f"{asked} has candidates to compose from; {known}."
        raise PersoError(msg)
    return chosen


def backtest(warehouse: Warehouse, present: Scenarios, other: Scenarios, *, night: date) -> Backtest:
    """Compose ``night``, one of ``nights_between``, under both configs and compare."""
    items = warehouse.query(sql.ITEMS, {"night": night})
    with duckdb.connect(":memory:") as connection:
        for side, scenarios in (("before", present), ("after", other)):
            composed = compose(warehouse, scenarios, night=night)
            connection.register(f"{side}_slots", composed.recommendations)
            connection.register(f"{side}_trace", composed.trace)
            connection.register(f"{side}_lists", _lists(composed))
            connection.register(f"{side}_scenarios", _limits(scenarios))
        connection.register("catalogue", items)
        connection.register("slot_pieces", _pieces(warehouse, (present, other), night=night))
        connection.execute(sql.EXPOSURE)
        totals, moved, changes = (_table(connection, one) for one in (sql.TOTALS, sql.ITEMS_MOVED, sql.CHANGES))
        served_there = with_targets(connection, served_slots(warehouse, night=night))
        findings = [row[0] for row in connection.execute(sql.FINDINGS, _THRESHOLDS).fetchall()]
    return Backtest(night, totals, moved, changes, served_there, tuple(findings))


def over_nights(results: Sequence[Backtest]) -> pa.Table:
    """A row per site and scenario over all nights: slots, changed slots, money a day before and after."""
    with duckdb.connect(":memory:") as connection:
        connection.register("totals", pa.concat_tables(r.totals.select(sql.OVER_NIGHTS_COLUMNS) for r in results))
        return _table(connection, sql.OVER_NIGHTS)


def _table(connection: duckdb.DuckDBPyConnection, statement: str) -> pa.Table:
    return connection.sql(statement).to_arrow_table()


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


def _pieces(warehouse: Warehouse, configs: Sequence[Scenarios], *, night: date) -> pa.Table:
    """Pieces that a slot of all lists of a scenario together sells in a day, as measured up to the night."""
    sizes: dict[str, int] = {}
    of_people: dict[str, bool] = {}
    for scenario in (one for config in configs for one in config.scenarios):
        sizes[scenario.id] = max(scenario.size, sizes.get(scenario.id, 0))
        of_people[scenario.id] = scenario.subject is Subject.PERSON
    rows: list[dict[str, Any]] = []
    for scenario_id, size in sizes.items():
        sold = served(warehouse, scenario_id, night=night, window_days=PIECES_DAYS, slots=size)
        for site_id, one in sold.items():
            daily = pieces_a_day(one)
            if not of_people[scenario_id]:  # who looks at an item's or a cart's list does not make it another list
                daily = np.stack([daily.sum(axis=0), np.zeros(size)])
            rows += [
                {"site_id": site_id, "scenario_id": scenario_id, "is_unknown": kind == UNKNOWN, "rank": slot + 1,
                 "pieces": float(daily[kind, slot])}
                for kind in (OWN, UNKNOWN) for slot in range(size) if daily[kind, slot]
            ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=_SLOT_PIECES)


_SLOT_PIECES = pa.schema(
    [
        ("site_id", pa.string()),
        ("scenario_id", pa.string()),
        ("is_unknown", pa.bool_()),
        ("rank", pa.int64()),
        ("pieces", pa.float64()),
    ]
)

_THRESHOLDS = {"best_sellers": BEST_SELLERS, "lost_share": LOST_SHARE, "lost_margin": LOST_MARGIN}
