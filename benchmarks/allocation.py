"""Sharing scarce items out over the lists of a million people: seconds, memory, loss, how far from the best at most.

First the decision alone (arrays), then with all that surrounds it in a night: the composer's lists in, lists with new
ranks, rejections and tables out. Lists of 12 slots with 12 candidates to spare over 40,000 items; popular items
stand on many lists, stock is even, so that they run out. Run: ``python -m benchmarks.allocation [--people N]``.
"""

import argparse
import resource
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.allocated_lists import AllocatedLists, Stock, allocated
from perso_pipeline.recommendations.allocation import Allocation, Candidates, allocate
from perso_pipeline.recommendations.composition.rows import RECOMMENDATIONS, SHORT_LISTS, TRACE
from perso_pipeline.recommendations.scenarios import Scenario

SLOTS, SPARE, ITEMS = 12, 12, 40_000
NIGHT = date(2026, 1, 1)
SCENARIO = Scenario.model_validate(
    {
        "id": "home", "name": "Home", "subject": "person", "size": SLOTS, "levels": [{"strategy": "personal"}],
        "allocation": {"pieces_per_list": 0.05, "spare": SPARE},
    }
)  # fmt: skip
EMPTY = """
create schema identity; create schema interactions; create schema profiles;
create table identity.identity_map (identifier varchar, person_id varchar, known_on date, void_on date);
create table profiles.customer_profiles (night date, site_id varchar, person_id varchar);
create table interactions.order_movements (
    site_id varchar, request_id varchar, item_id varchar, quantity bigint, movement varchar, known_on date
);
create table interactions.served_lists (
    request_id varchar, site_id varchar, scenario_id varchar, variant varchar, visitor_id varchar, customer_id varchar,
    event_date date, item_ids varchar[], is_robot boolean, known_on date
)"""


class Memory:
    """A warehouse in memory with the stock, and nothing served yet."""

    def __init__(self, stock: np.ndarray) -> None:
        self._connection = duckdb.connect(config={"threads": 2})
        self._connection.execute(EMPTY)
        items = pa.table({"item_id": [f"P{n:06d}" for n in range(ITEMS)], "stock": stock})
        self._connection.register("items", items)
        self._connection.execute(
            f"create table profiles.item_profiles as select date '{NIGHT}' as night, 'shop' as site_id, * from items"
        )

    def query(self, sql: str, parameters: dict[str, Value]) -> pa.Table:
        return self._connection.sql(sql, params=parameters).to_arrow_table()


def problem(people: int) -> Candidates:
    """Candidates drawn by a power law without repeats, scores falling by place, stock of 1 to 60 pieces."""
    rng = np.random.default_rng(1)
    offered = SLOTS + SPARE
    weight = 1 / np.arange(1, ITEMS + 1) ** 0.7
    drawn = np.searchsorted(np.cumsum(weight) / weight.sum(), rng.random((people, offered + 8))).astype(np.int32)
    drawn.sort(axis=1)
    is_new = np.concatenate([np.ones((people, 1), bool), drawn[:, 1:] != drawn[:, :-1]], axis=1)
    score = np.where(is_new, rng.random(drawn.shape, dtype=np.float32), -1)
    order = np.argsort(-score, axis=1)[:, :offered]
    item, score = np.take_along_axis(drawn, order, 1), np.take_along_axis(score, order, 1)
    is_there = score >= 0
    return Candidates(
        list_no=np.broadcast_to(np.arange(people)[:, None], score.shape)[is_there].astype(np.int64),
        item=item[is_there].astype(np.int64),
        value=score[is_there].astype(np.float64),
        kind=np.zeros(people, dtype=np.int64),
        turn=rng.permutation(people).astype(np.uint64),
        demand=(0.01 / np.log2(np.arange(SLOTS) + 2))[None, :],
        capacity=rng.integers(1, 60, ITEMS).astype(np.float64),
    )


def composed(c: Candidates) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The same as the composer's tables: slots with those to spare, their trace, and no list that is short."""
    count = len(c.item)
    people = pa.array([f"p{n:08d}" for n in range(len(c.kind))])
    names = pa.array([f"P{n:06d}" for n in range(ITEMS)])
    place = np.arange(count) - np.searchsorted(c.list_no, c.list_no) + 1
    known = {
        "night": pa.repeat(pa.scalar(NIGHT), count), "site_id": pa.repeat("shop", count),
        "scenario_id": pa.repeat("home", count), "subject_type": pa.repeat("person", count),
        "subject_id": people.take(pa.array(c.list_no)), "rank": pa.array(place.astype(np.int32)),
        "item_id": names.take(pa.array(c.item)), "score": pa.array(c.value), "level": pa.repeat(1, count),
        "strategy": pa.repeat("personal", count), "model": pa.repeat("als", count),
        "model_version": pa.repeat("2026-01-01.abc", count), "is_fallback": pa.repeat(pa.scalar(value=False), count),
    }  # fmt: skip
    slots, trace = (
        pa.table({f.name: known.get(f.name, pa.nulls(count, f.type)) for f in schema}).cast(schema)
        for schema in (RECOMMENDATIONS, TRACE)
    )
    return slots, trace, SHORT_LISTS.empty_table()


def timed(what: str, run: Callable[[], Any]) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    made = run()
    seconds, spent = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {seconds:.1f} s, {spent:.1f} CPU s, peak {peak:.1f} GB")
    return made


def main(people: int) -> None:
    candidates = problem(people)
    print(f"{people:,} lists, {len(candidates.item):,} candidates, {ITEMS:,} items")
    found: Allocation = timed("the decision, with its bound", partial(allocate, candidates))
    over = int((found.wanted > candidates.capacity).sum())
    print(f"{over:,} items wanted beyond their stock, {found.is_refused.sum():,} candidates refused")
    print(f"loss {found.loss:.2%} of the worth, at most {found.gap:.2%} below the best possible")
    print(f"most promised of any item: {(found.promised / candidates.capacity).max():.6f} of its stock")
    memory, tables = Memory(candidates.capacity.astype(np.int64)), composed(candidates)
    del candidates, found
    config = SCENARIO.allocation
    if config is None:
        raise SystemExit
    stock = Stock.of(memory, night=NIGHT)
    within_stock = partial(allocated, scenario=SCENARIO, config=config, stock=stock, night=NIGHT)
    made: AllocatedLists = timed("tables in, tables out", lambda: within_stock(memory, *tables))
    print(f"{made.recommendations.num_rows:,} slots, {made.items.num_rows:,} items at their bound")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    main(parser.parse_args().people)
