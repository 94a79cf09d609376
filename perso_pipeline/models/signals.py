"""The training set of a site and night: interactions to signals, signals to a matrix as of a day.

A signal is a person, an item and a day with the summed weight of that day's events. Decay and the cap on
extreme people depend on the cut, so they are applied in ``matrix_as_of`` and not in SQL. Keep models out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.models.config import SignalsConfig
from perso_pipeline.models.protocol import Indices, InteractionMatrix
from perso_pipeline.models.submodels_config import WEEKDAYS, TimeSlot

# Weights are decimals in SQL: sums of doubles would depend on the order of threads.
_SIGNALS = """
with weights as (
    select * from (values {weights}) as t(event_type, weight, is_relevant)
),
low_ratings as (
    select event_id
    from interactions.session_events
    where site_id = $site_id and event_type = 'rating' and rating < $low_rating_below and known_on <= $night
        and event_date > $start and event_date <= $night
),
happened as (
    select
        i.identifier, i.item_id, i.event_date, i.occurred_at,
        case when r.event_id is null then i.event_type else 'low_rating' end as event_type
    from interactions.interactions as i
    left join low_ratings as r on r.event_id = i.event_id
    where i.site_id = $site_id and i.known_on <= $night and not i.is_robot
        and i.event_date > $start and i.event_date <= $night
    union all
    select identifier, item_id, movement_date, occurred_at, movement
    from interactions.order_movements
    where site_id = $site_id and known_on <= $night and is_goods and movement in ('cancellation', 'refund')
        and movement_date > $start and movement_date <= $night
),
events as (
    select
        m.person_id, i.item_id, i.event_date, i.event_type, least(count(*), $max_events_per_day) as events{slot_counts}
    from happened as i
    join identity.identity_map as m
        on m.identifier = i.identifier and m.known_on <= $night and (m.void_on is null or m.void_on > $night)
    group by m.person_id, i.item_id, i.event_date, i.event_type
)
select
    e.person_id,
    e.item_id,
    e.event_date,
    cast(sum(e.events * w.weight) as double) as weight,
    bool_or(w.is_relevant) as is_relevant{slot_weights}
from events as e
join weights as w on w.event_type = e.event_type
group by e.person_id, e.item_id, e.event_date
order by e.person_id, e.item_id, e.event_date
"""
# hours and weekdays (1 = Monday) as a clock in the site shows them
_LOCAL = "timezone($time_zone, timezone('UTC', i.occurred_at))"
_IN_SLOT = f"""where hour({_LOCAL}) >= $from_{{n}} and hour({_LOCAL}) < $to_{{n}}
            and contains($days_{{n}}, cast(isodow({_LOCAL}) as varchar))"""


@dataclass(frozen=True, slots=True)
class Signals:
    """One row per person, item and day, sorted so.

    Attributes:
        person: position in ``people``.
        item: position in ``items``.
        day: days since 1970-01-01, in the site's zone.
        weight: may be negative.
        is_relevant: whether an event of the day counts as a hit in evaluation.
        people: ids, ascending.
        items: ids, ascending.
        fingerprint: SHA-256 over all of the above.
        slot_weights: per time slot that was asked for, the part of ``weight`` that came from its hours; aligned.
    """

    person: Indices
    item: Indices
    day: Indices
    weight: NDArray[np.float64]
    is_relevant: NDArray[np.bool_]
    people: NDArray[np.str_]
    items: NDArray[np.str_]
    fingerprint: str
    slot_weights: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.person)

    def rows(self, kept: NDArray[np.bool_]) -> "Signals":
        """The rows where ``kept`` is true; people, items and fingerprint stay those of the whole."""
        return replace(
            self,
            person=self.person[kept],
            item=self.item[kept],
            day=self.day[kept],
            weight=self.weight[kept],
            is_relevant=self.is_relevant[kept],
            slot_weights={slot: weights[kept] for slot, weights in self.slot_weights.items()},
        )

    @property
    def first_date(self) -> date:
        return to_date(int(self.day.min()))

    @property
    def last_date(self) -> date:
        return to_date(int(self.day.max()))


def read_signals(
    warehouse: Warehouse,
    site_id: str,
    night: date,
    config: SignalsConfig,
    *,
    slots: Mapping[str, TimeSlot] | None = None,
    time_zone: str = "UTC",
) -> Signals:
    """What was known of a site on a night; people as they were resolved on that night, robots left out.

    Args:
        warehouse: Has the facts and the identity map.
        site_id: The site.
        night: Nothing known later is read.
        config: Weights, window and caps.
        slots: By name, hours of which the weights are wanted beside the whole day's.
        time_zone: IANA zone of those hours.
    """
    parameters: dict[str, Value] = {
        "night": night,
        "start": night - timedelta(days=config.window_days),
        "site_id": site_id,
        "max_events_per_day": config.max_events_per_day,
        "low_rating_below": config.low_rating_below,
    }
    rows = []
    for place, (event_type, weight) in enumerate(sorted(config.weights.items())):
        rows.append(f"($event_{place}, cast($weight_{place} as decimal(12, 4)), cast($relevant_{place} as boolean))")
        parameters |= {
            f"event_{place}": event_type,
            f"weight_{place}": weight,
            f"relevant_{place}": event_type in config.relevant_events,
        }
    names = sorted(slots or {})
    counts, weights = [], []
    for place, name in enumerate(names):
        counts.append(
            f",\n        least(count(*) filter ({_IN_SLOT.format(n=place)}), $max_events_per_day) as s_{place}"
        )
        weights.append(f",\n    cast(sum(e.s_{place} * w.weight) as double) as slot_{place}")
        slot = (slots or {})[name]
        parameters |= {
            f"from_{place}": slot.from_hour,
            f"to_{place}": slot.to_hour,
            f"days_{place}": "".join(str(WEEKDAYS.index(day) + 1) for day in slot.days),
            "time_zone": time_zone,
        }
    statement = _SIGNALS.format(weights=", ".join(rows), slot_counts="".join(counts), slot_weights="".join(weights))
    return from_table(warehouse.query(statement, parameters), slots=names)


def from_table(table: pa.Table, *, slots: Sequence[str] = ()) -> Signals:
    """Columns person_id, item_id, event_date, weight, is_relevant to ``Signals``; the order does not matter.

    ``slots`` names the columns slot_0, slot_1, ... that stand beside them.
    """
    table = table.combine_chunks()
    people, person = _coded(table.column("person_id"))
    items, item = _coded(table.column("item_id"))
    day = table.column("event_date").to_numpy(zero_copy_only=False).astype("datetime64[D]").astype(np.int64)
    weight = table.column("weight").to_numpy(zero_copy_only=False).astype(np.float64)
    is_relevant = table.column("is_relevant").to_numpy(zero_copy_only=False).astype(bool)
    order = np.lexsort((day, item, person))
    person, item, day, weight, is_relevant = person[order], item[order], day[order], weight[order], is_relevant[order]
    by_slot = {
        name: table.column(f"slot_{place}").to_numpy(zero_copy_only=False).astype(np.float64)[order]
        for place, name in enumerate(slots)
    }
    digest = hashlib.sha256()
    for ids in (people, items):
        digest.update("\x1f".join(ids.tolist()).encode() + b"\x1e")
    for column in (person, item, day, weight, is_relevant, *by_slot.values()):
        digest.update(np.ascontiguousarray(column).tobytes())
    return Signals(
        person=person,
        item=item,
        day=day,
        weight=weight,
        is_relevant=is_relevant,
        people=people,
        items=items,
        fingerprint=digest.hexdigest(),
        slot_weights=by_slot,
    )


def matrix_as_of(signals: Signals, as_of: date, config: SignalsConfig) -> InteractionMatrix:
    """People x items from the signals before ``as_of``, decayed to it.

    A pair stays if its decayed weights add up to more than 0. Of each person the newest
    ``max_items_per_person`` items stay: a crawler or a buyer for a whole company says little about taste
    and costs much (implicit#476).
    """
    before = signals.day < to_day(as_of)
    person, item = signals.person[before], signals.item[before]
    day, weight = signals.day[before], signals.weight[before]
    age = to_day(as_of) - day
    decayed = weight * 0.5 ** (age / config.half_life_days)
    pair = person * len(signals.items) + item  # ascending, as the rows are sorted
    starts = np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]]) if len(pair) else np.zeros(0, dtype=np.int64)
    total = np.add.reduceat(decayed, starts) if len(pair) else np.zeros(0)
    newest = np.minimum.reduceat(np.where(weight > 0, age, np.iinfo(np.int32).max), starts) if len(pair) else age
    positive = total > 0
    pair_person, pair_item = person[starts][positive], item[starts][positive]
    total, newest = total[positive], newest[positive]
    kept = _newest_of_each(pair_person, newest, total, config.max_items_per_person)
    pair_person, pair_item, total, newest = pair_person[kept], pair_item[kept], total[kept], newest[kept]

    rows, row = np.unique(pair_person, return_inverse=True)
    columns, column = np.unique(pair_item, return_inverse=True)
    weights = sparse.csr_matrix((total, (row, column)), shape=(len(rows), len(columns)))
    ages = sparse.csr_matrix((newest.astype(np.int32), (row, column)), shape=weights.shape)
    weights.sort_indices()
    ages.sort_indices()
    place = np.full(len(signals.items), -1)
    place[columns] = np.arange(len(columns))
    shown = (weight > 0) & (place[item] >= 0)
    daily = sparse.csr_matrix(
        (np.ones(int(shown.sum())), (place[item[shown]], age[shown])), shape=(len(columns), config.window_days + 1)
    )
    return InteractionMatrix(
        weights=weights,
        people=signals.people[rows],
        items=signals.items[columns],
        last_age_days=ages.data,
        daily_people=daily,
        as_of=as_of,
        fingerprint=signals.fingerprint,
    )


def to_day(moment: date) -> int:
    return (moment - date(1970, 1, 1)).days


def to_date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.str_], Indices]:
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    values = np.array(encoded.dictionary.to_pylist(), dtype=np.str_)
    order = np.argsort(values, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return values[order], place[codes] if len(codes) else np.zeros(0, dtype=np.int64)


def _newest_of_each(person: Indices, age: Indices, weight: NDArray[np.float64], most: int) -> NDArray[np.bool_]:
    order = np.lexsort((-weight, age, person))
    ordered = person[order]
    place = np.arange(len(order))
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else np.zeros(0, dtype=bool)
    nth = place - np.maximum.accumulate(np.where(first, place, 0)) if len(order) else place
    kept = np.zeros(len(order), dtype=bool)
    kept[order[nth < most]] = True
    return kept
