"""From a scenario's lists, composed with candidates to spare, to lists that promise no item beyond its stock.

Arrow before and after, and the stock that scenarios of one site share. Who gets what is ``allocation``'s business, how
much a slot sells ``slot_demand``'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.allocation import Candidates, Indices, Numbers, allocate
from perso_pipeline.recommendations.composition.rows import RECOMMENDATIONS, REJECTIONS, SHORT_LISTS, TRACE
from perso_pipeline.recommendations.exploration import seeds_of
from perso_pipeline.recommendations.levels import ALLOCATION
from perso_pipeline.recommendations.scenario_parts import Allocation
from perso_pipeline.recommendations.scenarios import Scenario
from perso_pipeline.recommendations.slot_demand import OWN, UNKNOWN, Served, expected_pieces, served
from perso_pipeline.recommendations.subjects import ANYONE

ALLOCATIONS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("scenario_id", pa.string()),
        ("lists", pa.int64()),
        ("changed_lists", pa.int64()),
        ("value_loss", pa.float64()),
        ("most_to_win", pa.float64()),
        ("first_level_score_before", pa.float64()),
        ("first_level_score_after", pa.float64()),
        ("days_measured", pa.int64()),
        ("pieces_measured", pa.int64()),
        ("own_slot_pieces", pa.list_(pa.float64())),
        ("unknown_slot_pieces", pa.list_(pa.float64())),
    ]
)
ALLOCATED_ITEMS = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("scenario_id", pa.string()),
        ("item_id", pa.string()),
        ("stock", pa.int64()),
        ("may_promise", pa.float64()),
        ("wanted", pa.float64()),
        ("promised", pa.float64()),
        ("lists_refused", pa.int64()),
    ]
)


@dataclass
class Stock:
    """What may still be promised on a night, over all its scenarios.

    Attributes:
        pieces: Per site and item, pieces in stock; items without a figure are not bounded.
        promised: Per site and item, pieces that scenarios before promised.
    """

    pieces: Mapping[tuple[str, str], int]
    promised: dict[tuple[str, str], float] = field(default_factory=dict)

    @classmethod
    def of(cls, warehouse: Warehouse, *, night: date) -> "Stock":
        rows = warehouse.query(
            "select site_id, item_id, stock from profiles.item_profiles where night = $night and stock is not null",
            {"night": night},
        )
        keys = zip(rows["site_id"].to_pylist(), rows["item_id"].to_pylist(), strict=True)
        return cls(dict(zip(keys, rows["stock"].to_pylist(), strict=True)))

    def of_items(self, site_id: str, item_ids: Sequence[str]) -> list[int | None]:
        """Pieces in stock of each item; None where there is no figure."""
        return [self.pieces.get((site_id, item_id)) for item_id in item_ids]

    def left(self, site_id: str, item_ids: Sequence[str], *, factor: float) -> Numbers:
        """Pieces of each item that may still be promised when ``factor`` of the stock may be."""
        stock = [np.inf if pieces is None else factor * pieces for pieces in self.of_items(site_id, item_ids)]
        promised = [self.promised.get((site_id, item_id), 0.0) for item_id in item_ids]
        return np.maximum(0.0, np.array(stock, dtype=np.float64) - promised)

    def promise(self, site_id: str, item_ids: Sequence[str], pieces: Numbers) -> None:
        """Take note of pieces of each item that a scenario promises."""
        for item_id, more in zip(item_ids, pieces.tolist(), strict=True):
            self.promised[site_id, item_id] = self.promised.get((site_id, item_id), 0.0) + more


@dataclass(frozen=True)
class AllocatedLists:
    """The lists, and what the bound did: ``ALLOCATIONS``, ``ALLOCATED_ITEMS``."""

    recommendations: pa.Table
    trace: pa.Table
    rejections: pa.Table
    short_lists: pa.Table
    allocations: pa.Table
    items: pa.Table


def allocated(
    warehouse: Warehouse,
    recommendations: pa.Table,
    trace: pa.Table,
    short_lists: pa.Table,
    *,
    scenario: Scenario,
    config: Allocation,
    stock: Stock,
    night: date,
) -> AllocatedLists:
    """Cut every list to its size without promising more than there is.

    Args:
        warehouse: To measure from what slots sold.
        recommendations: Slots of the scenario, composed for ``size`` + ``spare``, sorted by site, subject and rank.
        trace: Of the same slots, in the same order.
        short_lists: Of lists composed so.
        scenario: The scenario.
        config: Its ``allocation``.
        stock: Is told what this scenario promises.
        night: The night.
    """
    sold = served(warehouse, scenario.id, night=night, window_days=config.window_days, slots=scenario.size)
    sites = [_Site.of(site_id, recommendations, trace, sold, scenario, config, stock, night=night)
             for site_id in sorted(pc.unique(recommendations["site_id"]).to_pylist())]  # fmt: skip
    empty = short_lists.filter(pc.equal(short_lists["filled"], 0))
    sizes = pa.repeat(pa.scalar(scenario.size, pa.int32()), empty.num_rows)
    empty = empty.set_column(empty.schema.get_field_index("size"), SHORT_LISTS.field("size"), sizes)
    return AllocatedLists(
        recommendations=pa.concat_tables([RECOMMENDATIONS.empty_table(), *(site.kept(site.rows) for site in sites)]),
        trace=pa.concat_tables([TRACE.empty_table(), *(site.kept(site.trace) for site in sites)]),
        rejections=pa.concat_tables([REJECTIONS.empty_table(), *(site.refused() for site in sites)]),
        short_lists=pa.concat_tables([empty, *(site.short_lists(short_lists) for site in sites)]),
        allocations=pa.Table.from_pylist([site.key | site.summary() for site in sites], schema=ALLOCATIONS),
        items=pa.Table.from_pylist(
            [site.key | row for site in sites for row in site.items_at_their_bound()], schema=ALLOCATED_ITEMS
        ),
    )


class _Site:
    """The candidates of one scenario on one site, by list and place, and who gets what."""

    @classmethod
    def of(
        cls,
        site_id: str,
        recommendations: pa.Table,
        trace: pa.Table,
        sold: Mapping[str, Served],
        scenario: Scenario,
        config: Allocation,
        stock: Stock,
        *,
        night: date,
    ) -> "_Site":
        """The rows of a site, allocated; ``stock`` is told."""
        own = pc.equal(recommendations["site_id"], site_id)
        measured = sold.get(site_id, Served(days=0, own_lists=0, pieces=np.zeros((2, scenario.size))))
        key = {"night": night, "site_id": site_id, "scenario_id": scenario.id}
        site = cls(recommendations.filter(own), trace.filter(own), key, scenario, config, measured, stock)
        stock.promise(site_id, site.item_ids, site.found.promised)
        return site

    def __init__(
        self,
        rows: pa.Table,
        trace: pa.Table,
        key: dict[str, Any],
        scenario: Scenario,
        config: Allocation,
        measured: Served,
        stock: Stock,
    ) -> None:
        self.rows, self.trace, self.key = rows, trace, key
        self.size, self.measured, site_id = scenario.size, measured, key["site_id"]
        self.place = rows["rank"].to_numpy()
        self.list_no = np.cumsum(self.place == 1) - 1
        self.level, self.score = rows["level"].to_numpy(), rows["score"].to_numpy()
        coded = rows["item_id"].combine_chunks().dictionary_encode()
        self.item, self.item_ids = coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()
        self.subjects = rows.select(["site_id", "subject_type", "subject_id"]).filter(pa.array(self.place == 1))
        is_unknown = pc.equal(self.subjects["subject_type"], ANYONE).to_numpy()
        self.demand = expected_pieces(
            measured,
            pieces_per_list=config.pieces_per_list,
            unknown_lists=config.unknown_lists,
            cover_days=config.cover_days,
        )
        self.stock = stock.of_items(site_id, self.item_ids)
        self.capacity = stock.left(site_id, self.item_ids, factor=config.factor)
        self.found = allocate(
            Candidates(
                list_no=self.list_no,
                item=self.item,
                value=comparable(self.list_no, self.level, self.score),
                kind=np.where(is_unknown, UNKNOWN, OWN),
                turn=seeds_of(key["night"], scenario.id, self.subjects["subject_id"].to_pylist()),
                demand=self.demand,
                capacity=self.capacity,
            )
        )
        self.is_taken_away = self.found.is_refused & (self.place <= scenario.size)

    def kept(self, slots: pa.Table) -> pa.Table:
        """The slots, or their trace, with their new ranks."""
        rows = slots.filter(pa.array(self.found.rank > 0))
        rank = pa.array(self.found.rank[self.found.rank > 0], pa.int32())
        return rows.set_column(rows.schema.get_field_index("rank"), rows.schema.field("rank"), rank)

    def refused(self) -> pa.Table:
        """A rejection per item that would have stood in the list."""
        rows = self.rows.filter(pa.array(self.is_taken_away))
        said = {"rule": pa.repeat(ALLOCATION, rows.num_rows), "rule_id": pa.nulls(rows.num_rows, pa.string())}
        columns = [said[name] if name in said else rows[name] for name in REJECTIONS.names]
        return pa.Table.from_arrays(columns, schema=REJECTIONS)

    def short_lists(self, composed: pa.Table) -> pa.Table:
        """A row per list that ends with empty slots; why it was short before, if it was, and what was refused."""
        filled = np.bincount(self.list_no, weights=self.found.rank > 0).astype(np.int64)
        refused = np.bincount(self.list_no, weights=self.found.is_refused).astype(np.int64)
        offered = np.bincount(self.list_no)
        at = np.flatnonzero(filled < self.size)
        before = {(r["site_id"], r["subject_type"], r["subject_id"]): r["reason"] for r in composed.to_pylist()}
        said = []
        for n, row in zip(at.tolist(), self.subjects.take(pa.array(at)).to_pylist(), strict=True):
            full = f"the levels offer {offered[n]} that may be shown; taken off: none"
            reason = before.get(tuple(row.values()), full)
            if refused[n]:
                reason = f"{reason}, {ALLOCATION} {refused[n]}".replace("taken off: none, ", "taken off: ")
            said.append(self.key | row | {"size": self.size, "filled": int(filled[n]), "reason": reason})
        return pa.Table.from_pylist(said, schema=SHORT_LISTS)

    def summary(self) -> dict[str, Any]:
        """Columns of ``ALLOCATIONS``."""
        is_first = self.level == 1
        return {
            "lists": int(self.list_no[-1]) + 1,
            "changed_lists": len(np.unique(self.list_no[self.is_taken_away])),
            "value_loss": self.found.loss,
            "most_to_win": self.found.gap,
            "first_level_score_before": float(self.score[is_first & (self.place <= self.size)].sum()),
            "first_level_score_after": float(self.score[is_first & (self.found.rank > 0)].sum()),
            "days_measured": self.measured.days,
            "pieces_measured": int(self.measured.pieces.sum()),
            "own_slot_pieces": self.demand[OWN].tolist(),
            "unknown_slot_pieces": self.demand[UNKNOWN].tolist(),
        }

    def items_at_their_bound(self) -> list[dict[str, Any]]:
        """Columns of ``ALLOCATED_ITEMS`` for items that somebody was refused."""
        lists = np.bincount(self.item[self.found.is_refused], minlength=len(self.item_ids))
        return [
            {
                "item_id": self.item_ids[i],
                "stock": self.stock[i],
                "may_promise": self.capacity[i],
                "wanted": self.found.wanted[i],
                "promised": self.found.promised[i],
                "lists_refused": int(lists[i]),
            }
            for i in sorted(np.flatnonzero(lists).tolist(), key=self.item_ids.__getitem__)
        ]


def comparable(list_no: Indices, level: Indices, score: Numbers) -> Numbers:
    """What candidates are worth, from 1 down to 0, so that lists and levels can be held against each other.

    A score counts as a share of the best of its list and level (levels do not share a scale), and never for more than
    the candidate before it. Rows by list and place.
    """
    if not len(score):
        return np.zeros(0)
    positive = np.maximum(score, 0.0)
    is_first = np.r_[True, (list_no[1:] != list_no[:-1]) | (level[1:] != level[:-1])]
    best = positive[np.flatnonzero(is_first)][np.cumsum(is_first) - 1]
    share = np.divide(positive, best, out=np.zeros(len(score)), where=best > 0)
    # each list lies lower than the one before by more than shares can differ, so the running minimum begins anew
    return np.maximum(0.0, np.minimum.accumulate(share - 2.0 * list_no) + 2.0 * list_no)
