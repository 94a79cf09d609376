"""Single events, the catalogue and segments, for the models that read more than the matrix.

Read once per site and night, cut and aligned to a matrix per training set. Read only where the race needs it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.models.config import SignalsConfig
from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import KINDS, Catalogue, Indices, InteractionMatrix, Journal
from perso_pipeline.models.signals import to_day

_EVENTS = """
select
    m.person_id,
    i.item_id,
    date_diff('day', date '1970-01-01', i.event_date) as event_day,
    date_diff('second', timestamp '1970-01-01', i.occurred_at) as event_second,
    i.event_type
from interactions.interactions as i
join identity.identity_map as m
    on m.identifier = i.identifier and m.known_on <= $night and (m.void_on is null or m.void_on > $night)
where i.site_id = $site_id and i.known_on <= $night and not i.is_robot
    and i.event_type in ('product_view', 'add_to_cart', 'purchase')
    and i.event_date > $start and i.event_date <= $night
order by all
"""
# Of each field the newest value that was delivered: price and stock updates leave the others empty. One row per
# item and day on which something of it changed, so that a training matrix of an earlier day sees the catalogue of
# that day; prices, which change daily in some shops, stand apart.
_DAYS = """
with records as (
    select
        *,
        date_diff('day', date '1970-01-01', event_date) as from_day,
        date_diff('day', date '1970-01-01', coalesce(cast(valid_from as date), event_date)) as begins_day,
        (occurred_at, event_id) as moment
    from staging.stg_catalog_items
    where site_id = $site_id and known_on <= $night
),
"""
_ITEMS = (
    _DAYS
    + """
days as (
    select
        item_id,
        from_day,
        min(begins_day) as begins_day,
        arg_max(name, moment) as name,
        arg_max(description, moment) as description,
        arg_max(brand, moment) as brand,
        arg_max(category_paths, moment) as category_paths,
        arg_max(cast(attributes as varchar), moment) as attributes,
        arg_max(event_type, moment) = 'item_deleted' as is_deleted
    from records
    group by item_id, from_day
),
standing as (
    select
        item_id,
        from_day,
        concat_ws(
            ' ', last_value(name ignore nulls) over so_far, last_value(description ignore nulls) over so_far
        ) as words,
        last_value(brand ignore nulls) over so_far as brand,
        last_value(category_paths ignore nulls) over so_far as category_paths,
        last_value(attributes ignore nulls) over so_far as attributes,
        is_deleted,
        min(begins_day) over so_far as added_day
    from days
    window so_far as (partition by item_id order by from_day)
)
select *
from standing
window each_item as (partition by item_id order by from_day)
qualify lag(from_day) over each_item is null
    or (words, brand, category_paths, attributes, is_deleted, added_day) is distinct from
    lag((words, brand, category_paths, attributes, is_deleted, added_day)) over each_item
order by item_id, from_day
"""
)
_PRICES = (
    _DAYS
    + """
days as (
    select item_id, from_day, arg_max(price, moment) as price
    from records
    where price is not null
    group by item_id, from_day
)
select item_id, from_day, price
from days
qualify price is distinct from lag(price) over (partition by item_id order by from_day)
order by item_id, from_day
"""
)
_SEGMENTS = """
select person_id, segment_id
from segments.segment_membership
where night = $night and site_id = $site_id and segment_id in ({names})
order by all
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the warehouse holds beside the signals of a site and night.

    Attributes:
        events: person_id, item_id, event_day, event_second, event_type; None where nobody asked.
        items: item_id, from_day, words, brand, category_paths, attributes, is_deleted, added_day, sorted by the first
            two: what held from that day on; None where nobody asked.
        prices: item_id, from_day, price, sorted so; None where nobody asked.
        segments: person_id, segment_id; None where nobody asked.
        fingerprint: SHA-256 over all of them.
    """

    events: pa.Table | None
    items: pa.Table | None
    prices: pa.Table | None
    fingerprint: str
    segments: pa.Table | None = None


def read_evidence(
    warehouse: Warehouse,
    site_id: str,
    night: date,
    config: SignalsConfig,
    *,
    events: bool,
    items: bool,
) -> Evidence:
    """Single events and catalogue as they were known on a night."""
    parameters: dict[str, Value] = {"night": night, "site_id": site_id}
    start = night - timedelta(days=config.window_days)
    happened = warehouse.query(_EVENTS, {**parameters, "start": start}) if events else None
    shelf = warehouse.query(_ITEMS, parameters) if items else None
    prices = warehouse.query(_PRICES, parameters) if items else None
    return from_tables(happened, shelf, prices)


def with_groups(
    evidence: Evidence, warehouse: Warehouse, site_id: str, night: date, *, items: bool, segments: Sequence[str]
) -> Evidence:
    """The catalogue, if it is wanted, and who belongs to ``segments``: what ``evidence`` has of them is not read again.

    For lists that are made after the race, which would read them for nothing. Events are left out: they are many, and
    no such list reads them.
    """
    parameters: dict[str, Value] = {"night": night, "site_id": site_id}
    shelf, prices, held = evidence.items, evidence.prices, evidence.segments
    if items and shelf is None:
        shelf, prices = warehouse.query(_ITEMS, parameters), warehouse.query(_PRICES, parameters)
    if segments:
        named: dict[str, Value] = {f"segment_{place}": name for place, name in enumerate(sorted(segments))}
        marks = ", ".join(f"${mark}" for mark in named)
        held = warehouse.query(_SEGMENTS.format(names=marks), {**parameters, **named})
    return from_tables(None, shelf, prices, held)


def from_tables(
    events: pa.Table | None,
    items: pa.Table | None,
    prices: pa.Table | None = None,
    segments: pa.Table | None = None,
) -> Evidence:
    """Evidence of tables in the shape that ``Evidence`` names."""
    digest = hashlib.sha256()
    for table in (events, items, prices, segments):
        if table is None:
            digest.update(b"none")
            continue
        for column in table.columns:
            digest.update("\x1f".join(map(str, column.to_pylist())).encode() + b"\x1e")
    return Evidence(events, items, prices, digest.hexdigest(), segments)


def with_evidence(data: InteractionMatrix, evidence: Evidence) -> InteractionMatrix:
    """``data`` with what was known of its people and items before its day."""
    journal = None if evidence.events is None else _journal(data, evidence.events)
    catalogue = None if evidence.items is None else _catalogue(data, evidence)
    return replace(data, journal=journal, catalogue=catalogue)


def with_new_items(data: InteractionMatrix, evidence: Evidence) -> InteractionMatrix:
    """``data`` with a column for each item of the catalogue that nobody has met yet, then the evidence.

    Models of the catalogue list them; to models of behaviour they are columns without anything.
    """
    if evidence.items is None:
        return with_evidence(data, evidence)
    rows = standing(evidence.items, to_day(data.as_of))
    added = rows.column("added_day").to_numpy(zero_copy_only=False)
    known = np.array(rows.column("item_id").to_pylist(), dtype=np.str_)[added < to_day(data.as_of)]
    items = np.union1d(data.items, known)
    place = np.searchsorted(items, data.items)
    weights = sparse.csr_matrix(
        (data.weights.data, place[data.weights.indices], data.weights.indptr), shape=(len(data.people), len(items))
    )
    daily = data.daily_people.tocoo()
    spread = sparse.csr_matrix((daily.data, (place[daily.row], daily.col)), shape=(len(items), daily.shape[1]))
    return with_evidence(replace(data, weights=weights, items=items, daily_people=spread), evidence)


def _journal(data: InteractionMatrix, events: pa.Table) -> Journal:
    person = _places(events.column("person_id"), data.people)
    item = _places(events.column("item_id"), data.items)
    day = events.column("event_day").to_numpy(zero_copy_only=False).astype(np.int64)
    second = events.column("event_second").to_numpy(zero_copy_only=False).astype(np.int64)
    kind = _places(events.column("event_type"), np.array(sorted(KINDS)))
    kind = np.array([KINDS.index(name) for name in sorted(KINDS)])[kind]
    kept = np.flatnonzero((person >= 0) & (item >= 0) & (day < to_day(data.as_of)))
    kept = kept[np.lexsort((kind[kept], item[kept], second[kept], person[kept]))]
    return Journal(person[kept], item[kept], day[kept], second[kept], kind[kept].astype(np.int8))


def standing(versions: pa.Table, day: int) -> pa.Table:
    """Of each item the row that held just before ``day``, without items that were deleted by then."""
    before = np.flatnonzero(versions.column("from_day").to_numpy(zero_copy_only=False) < day)
    ids = versions.column("item_id").to_numpy(zero_copy_only=False)[before]
    last = before[np.r_[ids[1:] != ids[:-1], np.ones(min(1, len(ids)), dtype=bool)]]
    found = versions.take(pa.array(last))
    if "is_deleted" not in found.column_names:
        return found
    return found.filter(pc.invert(found.column("is_deleted")))


def offered(evidence: Evidence, day: int) -> pa.Table:
    """What the catalogue said just before ``day``: ``Evidence.items`` with one row per item, and ``price``.

    Raises:
        ValueError: the catalogue was not read.
    """
    if evidence.items is None:
        msg = "the catalogue was not read with this evidence"
        raise ValueError(msg)
    rows = standing(evidence.items, day)
    known: dict[str, Any] = {}
    if evidence.prices is not None:
        asked = standing(evidence.prices, day)
        known = dict(zip(asked.column("item_id").to_pylist(), asked.column("price").to_pylist(), strict=True))
    prices = [known.get(item_id) for item_id in rows.column("item_id").to_pylist()]
    return rows.append_column("price", pa.array([None if p is None else float(p) for p in prices], pa.float64()))


def _catalogue(data: InteractionMatrix, evidence: Evidence) -> Catalogue:
    day = to_day(data.as_of)
    rows = {row["item_id"]: row for row in offered(evidence, day).to_pylist()}
    text, traits, category, brand, price, added = [], [], [], [], [], []
    for item_id in data.items.tolist():
        row = rows.get(item_id)
        paths = list(row["category_paths"] or []) if row else []
        text.append((row["words"] or "") if row else "")
        traits.append("\n".join(_traits(row["brand"], paths, row["attributes"])) if row else "")
        category.append(paths[0] if paths else "")
        brand.append((row["brand"] or "") if row else "")
        price.append(np.nan if row is None or row["price"] is None else row["price"])
        in_time = row is not None and row["added_day"] < day
        added.append(row["added_day"] if row is not None and in_time else -1)
    return Catalogue(
        text=np.array(text, dtype=np.str_),
        traits=np.array(traits, dtype=np.str_),
        category=np.array(category, dtype=np.str_),
        added_day=np.array(added, dtype=np.int64),
        brand=np.array(brand, dtype=np.str_),
        price=np.array(price, dtype=np.float64),
    )


def _traits(brand: str | None, paths: Sequence[str], attributes: str | None) -> list[str]:
    found = [f"brand={brand}"] if brand else []
    for path in paths:
        levels = path.split("/")
        found += [f"category={'/'.join(levels[: depth + 1])}" for depth in range(len(levels))]
    named = json.loads(attributes) if attributes else None
    if isinstance(named, dict):
        found += [f"{name}={value}" for name, value in sorted(named.items()) if value not in (None, "")]
    return [trait.replace("\n", " ") for trait in found]


def _places(column: pa.ChunkedArray, ids: NDArray[np.str_]) -> Indices:
    """Position of each value in ``ids`` (ascending), -1 where it is not there."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    words = np.array(encoded.dictionary.to_pylist(), dtype=np.str_)
    if not len(words):
        return np.full(len(column), -1, dtype=np.int64)
    return places(words, ids)[encoded.indices.to_numpy(zero_copy_only=False)]
