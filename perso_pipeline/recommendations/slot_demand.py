"""How many pieces a slot of a list is expected to sell until the next night, measured from what was served.

Counts come from the facts, the rest is arithmetic. What is done with it is ``allocation``'s and the back-test's matter.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.interactions.carts import IDENTITIES

OWN, UNKNOWN = 0, 1
"""Kinds of lists: a person's own, and the one of everybody unknown."""

PRIOR_PIECES = 30.0
"""Pieces that the stated demand counts for beside those measured."""


@dataclass(frozen=True)
class Served:
    """Of one scenario on one site: what lists of both kinds sold within a window.

    Attributes:
        days: Days on which a list was served.
        own_lists: Lists of its own that the scenario makes tonight.
        pieces: Per kind and slot, pieces ordered from it; shape (2, slots).
    """

    days: int
    own_lists: int
    pieces: NDArray[np.float64]


def served(warehouse: Warehouse, scenario_id: str, *, night: date, window_days: int, slots: int) -> dict[str, Served]:
    """Per site, what the scenario's slots sold in the days up to the night, as known on it.

    Orders count that name the request and hold an item of its list; robots and lists held back do not.
    """
    bound: dict[str, Value] = {"night": night, "scenario": scenario_id, "window_days": window_days, "slots": slots}
    found: dict[str, Served] = {}
    for row in warehouse.query(_SERVED, bound).to_pylist():
        one = found.setdefault(row["site_id"], Served(row["days"], row["own_lists"], np.zeros((2, slots))))
        if row["slot"] is not None:
            one.pieces[UNKNOWN if row["is_unknown"] else OWN, row["slot"] - 1] = float(row["pieces"])
    return found


def expected_pieces(
    sold: Served, *, pieces_per_list: float, unknown_lists: float, cover_days: float
) -> NDArray[np.float64]:
    """Pieces per kind of list and slot for ``cover_days``; shape (2, slots), never rising with the slot.

    Measured and stated demand are drawn together (gamma prior, Poisson counts), so that a slot that has sold nothing
    yet is not taken for one that never will; a later slot is never taken to sell more than one before it.

    Args:
        sold: What was measured.
        pieces_per_list: Stated: pieces that one list sells in a day.
        unknown_lists: Stated: lists of everybody unknown that are served in a day.
        cover_days: Days that the stock has to last.
    """
    by_place = _by_place(sold.pieces.shape[1])
    demand = np.zeros(sold.pieces.shape)
    for kind, lists in ((OWN, sold.own_lists), (UNKNOWN, 1)):
        stated = pieces_per_list * (1.0 if kind == OWN else unknown_lists)
        list_days = float(sold.days * lists)
        if stated:
            demand[kind] = (sold.pieces[kind] + PRIOR_PIECES * by_place) / (list_days + PRIOR_PIECES / stated)
        elif list_days:
            demand[kind] = sold.pieces[kind] / list_days
        demand[kind] = isotonic_regression(demand[kind], increasing=False).x
    return demand * cover_days


def pieces_a_day(sold: Served) -> NDArray[np.float64]:
    """Pieces that all lists of a kind together sell in a day, per slot; shape (2, slots), zeros where none sold.

    Their sum is as measured; how it lies over the slots is drawn towards the usual fall with the place.
    """
    total = sold.pieces.sum(axis=1, keepdims=True)
    share = (sold.pieces + PRIOR_PIECES * _by_place(sold.pieces.shape[1])) / (total + PRIOR_PIECES)
    return share * total / max(sold.days, 1)


def _by_place(slots: int) -> NDArray[np.float64]:
    """Shares of the slots where nothing else is known: the usual discount of a place."""
    by_place = 1 / np.log2(np.arange(slots) + 2)
    shares: NDArray[np.float64] = by_place / by_place.sum()
    return shares


_SERVED = f"""
with {IDENTITIES},

lists as (
    select
        s.site_id, s.request_id, s.item_ids, s.event_date, p.person_id is null as is_unknown
    from interactions.served_lists as s
    left join identities as i
        on i.identifier = coalesce('customer:' || s.customer_id, 'visitor:' || s.visitor_id)
    left join profiles.customer_profiles as p
        on p.night = $night and p.site_id = s.site_id and p.person_id = i.person_id
    where s.scenario_id = $scenario and s.variant = 'treatment' and not s.is_robot
        and s.known_on <= $night and s.event_date <= $night
        and s.event_date > $night::date - $window_days::integer
),

days as (select site_id, count(distinct event_date) as days from lists group by site_id),

people as (select site_id, count(*) as people from profiles.customer_profiles where night = $night group by site_id),

sold as (
    select l.site_id, l.is_unknown, list_position(l.item_ids, o.item_id) as slot, sum(o.quantity) as pieces
    from interactions.order_movements as o
    join lists as l on l.site_id = o.site_id and l.request_id = o.request_id
    where o.movement = 'sale' and o.known_on <= $night
    group by all
)

select d.site_id, d.days, coalesce(p.people, 0) as own_lists, s.is_unknown, s.slot, s.pieces
from days as d
left join people as p using (site_id)
left join (select * from sold where slot between 1 and $slots) as s using (site_id)
order by all"""
