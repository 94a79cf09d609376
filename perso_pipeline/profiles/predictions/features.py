"""What is known of a person as of a night: the hot half from the last visit, the cold half from all the rest.

One function serves training and scoring, so that both see the same. Add a feature to ``_FEATURES`` and to the
query; raise ``PREDICTIONS_VERSION``. Keep labels and models out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.profiles.predictions.purchases import days_of

Floats = NDArray[np.float64]

HOT_DAYS = 7
_FRACTION_DIGITS = 7  # of a hexadecimal hash: a draw of one in 268 million

_QUERY = """
with people as (
    select identifier, person_id from identity.identity_map
    where
        known_on <= $cut and (void_on is null or void_on > $cut)
        and ($below = 'g' or substr(md5(person_id), 1, 7) < $below)
),
days as (
    select
        people.person_id, days.event_date, days.known_on, days.events, days.product_views, days.cart_adds,
        days.searches, days.wish_list_adds, days.orders, days.net
    from interactions.person_days as days
    inner join people on days.identifier = people.identifier
    where
        days.site_id = $site_id and days.known_on <= $cut and days.event_date <= $cut
        and days.event_date > $window_start
),
cold as (
    select
        person_id,
        min(event_date) as first_date,
        max(event_date) filter (where events > 0 or orders > 0) as seen_date,
        max(event_date) filter (where orders > 0) as order_date,
        count(distinct event_date) filter (where event_date > $week_start) as active_days_7,
        count(distinct event_date) filter (where event_date > $month_start) as active_days_28,
        count(distinct event_date) as active_days,
        coalesce(sum(product_views) filter (where event_date > $month_start), 0) as product_views_28,
        coalesce(sum(cart_adds) filter (where event_date > $month_start), 0) as cart_adds_28,
        coalesce(sum(searches) filter (where event_date > $month_start), 0) as searches_28,
        coalesce(sum(wish_list_adds) filter (where event_date > $month_start), 0) as wish_list_adds_28,
        coalesce(sum(orders) filter (where event_date > $month_start), 0) as orders_28,
        sum(product_views) as product_views,
        sum(cart_adds) as cart_adds,
        sum(orders) as orders,
        sum(net) as net,
        max(event_date) as newest_date,
        max(known_on) as newest_known_on
    from days
    group by person_id
),
events as (
    select
        people.person_id, events.event_type, events.item_id, events.occurred_at, events.event_date, events.known_on,
        lag(events.occurred_at) over (partition by people.person_id order by events.occurred_at) as previous_at
    from interactions.session_events as events
    inner join people on events.identifier = people.identifier
    where
        events.site_id = $site_id and events.known_on <= $cut and events.event_date <= $cut
        and events.event_date > $week_start and not events.is_robot
),
visits as (
    select
        person_id,
        max(occurred_at) filter (
            where previous_at is null or occurred_at > previous_at + interval 30 minute
        ) as started_at
    from events
    group by person_id
),
hot as (
    select
        events.person_id,
        max(events.event_date) as visit_date,
        count(*) as visit_events,
        count(*) filter (where events.event_type = 'product_view') as visit_product_views,
        count(distinct events.item_id) as visit_items,
        count(*) filter (where events.event_type = 'add_to_cart') as visit_cart_adds,
        count(*) filter (where events.event_type = 'search_request') as visit_searches,
        count(*) filter (where events.event_type in ('checkout_start', 'cart_view')) as visit_checkouts,
        count(*) filter (where events.event_type = 'checkout_complete') as visit_orders,
        date_diff('second', min(events.occurred_at), max(events.occurred_at)) as visit_seconds,
        max(events.known_on) as visit_newest_known_on
    from events
    inner join visits on events.person_id = visits.person_id and events.occurred_at >= visits.started_at
    group by events.person_id
)
select
    cold.*, hot.* exclude (person_id)
from cold
left join hot on cold.person_id = hot.person_id
where cold.seen_date is not null
order by cold.person_id
"""


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """One row per person seen in the window, sorted by person.

    Attributes:
        cut: the night as of which everything is true.
        people: person_id.
        values: people x ``FEATURE_NAMES``.
        days_since_order: NaN where nobody ordered in the window.
        newest_known_on: the latest ``known_on`` of any record behind the frame; None for an empty one.
    """

    cut: date
    people: pa.Array
    values: Floats
    days_since_order: Floats
    newest_known_on: date | None

    def __len__(self) -> int:
        return len(self.people)


class Frames:
    """Frames of one site that were read already: models and trainings ask for the same cut-off dates."""

    def __init__(self, warehouse: Warehouse, *, window_days: int) -> None:
        self._warehouse = warehouse
        self._window_days = window_days
        self._site_id = ""
        self._frames: dict[tuple[date, float], FeatureFrame] = {}

    def of(self, site_id: str, cut: date, share: float) -> FeatureFrame:
        """As ``read_features``; another site's frames are let go, so that one site's are in memory at a time."""
        if site_id != self._site_id:
            self._site_id, self._frames = site_id, {}
        if (cut, share) not in self._frames:
            self._frames[cut, share] = read_features(
                self._warehouse, site_id, cut, window_days=self._window_days, share=share
            )
        return self._frames[cut, share]


Column = Callable[[str], Floats]


def read_features(
    warehouse: Warehouse, site_id: str, cut: date, *, window_days: int, share: float = 1.0
) -> FeatureFrame:
    """Features as of ``cut`` of everybody seen in the ``window_days`` before.

    Args:
        warehouse: Facts and the identity map.
        site_id: Site.
        cut: Night as of which everything is true.
        window_days: How far back anything is read.
        share: Share of the people, drawn by a hash of their id.

    Raises:
        AssertionError: a record that became known after ``cut`` got in: a leak, and a fault of the query.
    """
    rows = warehouse.query(
        _QUERY,
        {
            "site_id": site_id,
            "cut": cut,
            "window_start": cut - timedelta(days=window_days),
            "month_start": cut - timedelta(days=28),
            "week_start": cut - timedelta(days=HOT_DAYS),
            "below": _below(share),
        },
    )
    newest = [_latest(rows, name) for name in ("newest_known_on", "visit_newest_known_on", "newest_date", "visit_date")]
    days = [day for day in newest if day]
    assert all(day <= cut for day in days), f"features of {cut} rest on records of {max(days)}"
    today = float(np.datetime64(cut, "D").astype(int))

    def days_since(name: str) -> Floats:
        return today - days_of(rows.column(name))

    def count(name: str) -> Floats:
        return np.nan_to_num(rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False))

    return FeatureFrame(
        cut=cut,
        people=rows.column("person_id").combine_chunks(),
        values=_matrix(count, days_since),
        days_since_order=days_since("order_date"),
        newest_known_on=max((day for day in newest[:2] if day), default=None),
    )


def _matrix(count: Column, days_since: Column) -> Floats:
    return np.column_stack([feature(count, days_since) for feature in _FEATURES.values()])


def _log(name: str) -> Callable[[Column, Column], Floats]:
    return lambda count, _: np.log1p(np.maximum(count(name), 0.0))


def _fading(name: str, days: float) -> Callable[[Column, Column], Floats]:
    """1 on the day itself, halved every so many days, 0 where there is no such day."""
    return lambda _, days_since: np.nan_to_num(np.exp2(-days_since(name) / days))


_FEATURES: dict[str, Callable[[Column, Column], Floats]] = {
    # hot: the last visit, if it was in the last week
    "visit_was_today": _fading("visit_date", 0.5),
    "visit_fading": _fading("visit_date", 3),
    "visit_events": _log("visit_events"),
    "visit_product_views": _log("visit_product_views"),
    "visit_items": _log("visit_items"),
    "visit_cart_adds": _log("visit_cart_adds"),
    "visit_searches": _log("visit_searches"),
    "visit_checkouts": _log("visit_checkouts"),
    "visit_orders": _log("visit_orders"),
    "visit_seconds": _log("visit_seconds"),
    "visit_left_a_cart": lambda count, _: ((count("visit_cart_adds") > 0) & (count("visit_orders") == 0)).astype(float),
    # cold: everything else
    "seen_fading_3": _fading("seen_date", 3),
    "seen_fading_14": _fading("seen_date", 14),
    "seen_fading_60": _fading("seen_date", 60),
    "order_fading_7": _fading("order_date", 7),
    "order_fading_30": _fading("order_date", 30),
    "order_fading_120": _fading("order_date", 120),
    "has_ordered": lambda count, _: (count("orders") > 0).astype(float),
    "tenure": lambda _, days_since: np.log1p(days_since("first_date")),
    "active_days_7": _log("active_days_7"),
    "active_days_28": _log("active_days_28"),
    "active_days": _log("active_days"),
    "product_views_28": _log("product_views_28"),
    "cart_adds_28": _log("cart_adds_28"),
    "searches_28": _log("searches_28"),
    "wish_list_adds_28": _log("wish_list_adds_28"),
    "orders_28": _log("orders_28"),
    "product_views": _log("product_views"),
    "cart_adds": _log("cart_adds"),
    "orders": _log("orders"),
    "net": _log("net"),
    "net_per_order": lambda count, _: np.log1p(np.maximum(count("net"), 0.0) / np.maximum(count("orders"), 1.0)),
}
FEATURE_NAMES: tuple[str, ...] = tuple(_FEATURES)


def _below(share: float) -> str:
    """The hexadecimal text below which the hashes of a ``share`` of all people lie."""
    if share >= 1:
        return "g"  # everybody, and no hash is made
    return f"{int(share * 16**_FRACTION_DIGITS):0{_FRACTION_DIGITS}x}"


def _latest(rows: pa.Table, name: str) -> date | None:
    found: date | None = pc.max(rows.column(name)).as_py()
    return found
