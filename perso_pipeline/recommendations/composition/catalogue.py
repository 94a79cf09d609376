"""The items of a night as arrays: numbers in place of ids, and of each item what filters and rules ask.

Numbers follow (site, item id), so that equal scores are told apart by number. Read once for all scenarios.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.levels import Filter
from perso_pipeline.recommendations.subjects import END, ITEM_RULES, UNAVAILABLE_TEST

UNKNOWN_SITE = -1

_UNKNOWN = """
select c.site_id, c.item_id
from (select distinct site_id, item_id from models.candidates where night = $night) as c
anti join profiles.item_profiles as i on i.night = $night and i.site_id = c.site_id and i.item_id = c.item_id"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Items by number: those of the night's catalogue, and those that candidates name beside it.

    Attributes:
        sites: Site ids, sorted.
        item_ids: Id of each item.
        site: Position in ``sites``.
        numbered: Rows (site_id, item_id, catalogue_no) of the night's catalogue, for statements.
        number_of: Catalogue number of a statement -> item.
        is_known: Whether the item is in the night's catalogue.
        family: Code of the item's parent, its own where it has none.
        popularity: Weighted sum of 28 days.
        is_off: For each filter of items whether it takes the item off; under '' what is always in force.
        columns: Further columns of ``profiles.item_profiles``, null for unknown items.
    """

    sites: tuple[str, ...]
    item_ids: pa.StringArray
    site: Indices
    numbered: pa.Table
    number_of: Indices
    is_known: NDArray[np.bool_]
    family: Indices
    popularity: NDArray[np.float64]
    is_off: Mapping[str, NDArray[np.bool_]]
    columns: pa.Table

    def __len__(self) -> int:
        return len(self.item_ids)

    def numbers(self, rows: pa.Table) -> Indices:
        """Items of rows with ``catalogue_no``, or, where that is null, with ``site_id`` and ``item_id``."""
        given = rows["catalogue_no"].combine_chunks()
        if given.null_count == 0:
            return self.number_of[given.to_numpy()]
        numbers = (
            self.number_of[given.fill_null(0).to_numpy()] if len(self.number_of) else np.zeros(len(given), np.int64)
        )
        gaps = np.flatnonzero(given.is_null().to_numpy(zero_copy_only=False))
        unknown = np.flatnonzero(~self.is_known)
        ids = self.item_ids.take(pa.array(unknown)).to_pylist()
        by_id = {(self.sites[self.site[n]], name): n for n, name in zip(unknown.tolist(), ids, strict=True)}
        few = rows.select(["site_id", "item_id"]).take(pa.array(gaps)).to_pylist()
        numbers[gaps] = [by_id[row["site_id"], row["item_id"]] for row in few]
        return numbers


def read_catalogue(
    warehouse: Warehouse,
    *,
    night: date,
    weights: Mapping[str, Value],
    columns: Sequence[tuple[str, str]] = (),
    parameters: Mapping[str, Value] | None = None,
) -> Catalogue:
    """Read the night's items.

    Args:
        warehouse: Where to read.
        night: Night.
        weights: ``w_purchases``, ``w_cart_adds`` and ``w_views`` of popularity.
        columns: Further columns, each a name and an expression over ``profiles.item_profiles``.
        parameters: What these expressions bind.
    """
    tests = {rule: test.format(end=END) for rule, test in ITEM_RULES.items()}
    flags = ", ".join(f"{test} as off_{n}" for n, test in enumerate(tests.values()))
    more = "".join(f", {expression} as {name}" for name, expression in columns)
    known = warehouse.query(
        f"""
        select
            site_id, item_id, coalesce(parent_item_id, item_id) as family, category_path,
            ($w_purchases * coalesce(purchases_28d, 0) + $w_cart_adds * coalesce(cart_adds_28d, 0)
                + $w_views * coalesce(views_28d, 0))::double as popularity,
            {UNAVAILABLE_TEST.format(expired=tests[Filter.EXPIRED])} as off, {flags}{more}
        from profiles.item_profiles
        where night = $night
        order by site_id, item_id""",
        {"night": night, **weights, **(parameters or {})},
    )
    numbered = known.select(["site_id", "item_id"]).append_column(
        "catalogue_no", pa.array(np.arange(known.num_rows, dtype=np.int32))
    )
    unknown = warehouse.query(_UNKNOWN, {"night": night})
    rows = pa.concat_tables([known, unknown], promote_options="default")
    order = pc.sort_indices(rows, [("site_id", "ascending"), ("item_id", "ascending")])
    number_of = np.empty(rows.num_rows, np.int64)
    number_of[order.to_numpy()] = np.arange(rows.num_rows)
    is_known = np.zeros(rows.num_rows, bool)
    is_known[number_of[: known.num_rows]] = True
    rows = rows.take(order).combine_chunks()
    sites = tuple(sorted(set(rows["site_id"].to_pylist())))
    family = pc.coalesce(rows["family"], rows["item_id"]).combine_chunks().dictionary_encode()
    return Catalogue(
        sites=sites,
        item_ids=_array(rows["item_id"]),
        site=pc.index_in(rows["site_id"], pa.array(sites, pa.string())).to_numpy().astype(np.int64),
        numbered=numbered,
        number_of=number_of[: known.num_rows],
        is_known=is_known,
        family=family.indices.to_numpy().astype(np.int64),
        popularity=rows["popularity"].fill_null(0.0).to_numpy(),
        is_off={
            "": flag(rows["off"]) | ~is_known,
            **{str(rule): flag(rows[f"off_{n}"]) & is_known for n, rule in enumerate(tests)},
        },
        columns=rows.select(["category_path", *(name for name, _ in columns)]),
    )


def flag(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """A column of booleans with null as false."""
    return pc.fill_null(column, fill_value=False).to_numpy().astype(bool)


def _array(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
