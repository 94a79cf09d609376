"""Orders of a day and all that the back office will say of them later.

Order lines with discounts, and shipments, cancellations, returns and refunds on their own days.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.sites import Site
from perso_pipeline.shop import arrays
from perso_pipeline.shop.arrays import Bools, Ints
from perso_pipeline.shop.calendar import SECOND
from perso_pipeline.shop.catalogue import Catalogue
from perso_pipeline.shop.names import loyalty_cards
from perso_pipeline.shop.people import People, visitor_ids
from perso_pipeline.shop.recommendations import REQUEST_SALT
from perso_pipeline.shop.visits import Steps, Visits
from perso_pipeline.shop.words import APP_BROWSER

EVENTS = (
    "order_placed", "order_invoiced", "items_shipped", "shipment_completed", "order_cancelled",
    "return_started", "return_completed", "line_refunded",
)  # fmt: skip
_CHANNELS = ("web", "app", "store")
_COUPONS = ("WELCOME10", "AUTUMN15")
_HOUR = 3600 * SECOND
_DAY = 24 * _HOUR
POSTAGE, POSTAGE_COST = 399, 260  # cents
FREE_POSTAGE = 4000  # cents of goods
CANCELLED_LINES = 0.013  # beside those that were sold without being there
RETURNED_LINES = 0.08


@dataclass(kw_only=True)
class Lines:
    """Order lines of a day, sorted by order; visitor or person -1 where the shop does not know."""

    order: Ints
    line: Ints
    site: Ints
    person: Ints
    customer: Ints  # code of the account or till number
    email: Ints  # code
    loyalty: Ints  # person whose card was shown
    visitor: Ints
    item: Ints
    quantity: Ints
    price: Ints  # cents
    discount: Ints  # cents, for the line
    request: Ints
    at: Ints
    channel: Ints
    coupon: Ints
    is_oversold: Bools


def place_orders(
    visits: Visits,
    steps: Steps,
    *,
    buys: Bools,
    order: Ints,
    paid_at: Ints,
    people: People,
    catalogue: Catalogue,
    day: int,
    rng: np.random.Generator,
) -> tuple[Lines, Bools]:
    """Lines of the day's orders with postage, and which (site, item) ran out because of them."""
    rows = np.flatnonzero(steps.is_added & buys[steps.session])
    session = steps.session[rows]
    item, quantity, site = steps.item[rows], steps.quantity[rows], visits.site[session]
    price = catalogue.price[site, item]
    oversold = _oversold(catalogue, site, item, quantity, paid_at[session])
    emptied = catalogue.sell(site, item, np.where(oversold, 0, quantity), day, rng)

    coupon_of = np.where(rng.random(visits.count) < 0.10, rng.integers(0, len(_COUPONS), visits.count), -1)
    rate = np.array([10, 15])[np.maximum(coupon_of[session], 0)] * (coupon_of[session] >= 0)
    discount = (quantity * price * rate + 50) // 100

    paying = np.flatnonzero(buys)
    worth = np.bincount(session, weights=(quantity * price - discount).astype(float), minlength=visits.count)
    posted = paying[worth[paying] < FREE_POSTAGE]
    session = np.concatenate([session, posted])
    sorting = np.argsort(session, kind="stable")
    session = session[sorting]
    who = visits.person[session]

    def joined(goods: Ints, postage: int) -> Ints:
        return np.concatenate([goods, np.full(len(posted), postage)])[sorting]

    return Lines(
        order=order[session], line=arrays.within(session) + 1, site=visits.site[session], person=who,
        customer=np.where(people.is_member[who], visits.account[session], -1), email=visits.account[session],
        loyalty=np.full(len(session), -1), visitor=visits.visitor[session],
        item=joined(item, catalogue.service), quantity=joined(quantity, 1), price=joined(price, POSTAGE),
        discount=joined(discount, 0), request=joined(steps.request[rows], -1),
        at=paid_at[session] + SECOND, channel=(visits.browser[session] == APP_BROWSER).astype(np.int64),
        coupon=coupon_of[session], is_oversold=joined(oversold.astype(np.int64), 0) == 1,
    ), emptied  # fmt: skip


def store_orders(
    day: int, *, start: Ints, first: Ints, people: People, catalogue: Catalogue, rng: np.random.Generator
) -> Lines:
    """What members buy in the stores: a customer number (the shop's or the tills' own) and a card, no visitor.

    Args:
        day: local day.
        start: by site, UTC microseconds of local midnight.
        first: by site, next free order number.
        people: everyone.
        catalogue: for tastes and prices.
        rng: randomness.
    """
    members = np.flatnonzero(people.is_member & (people.arrival_day <= day))
    person = members[rng.random(len(members)) < 0.0004]
    lines = rng.integers(1, 4, len(person))
    who = np.repeat(person, lines)
    site = people.site[who]
    item = catalogue.choose(site, people.tastes[who, rng.integers(0, people.tastes.shape[1], len(who))], rng)
    order = np.empty(len(person), dtype=np.int64)
    for number in range(len(first)):
        mine = people.site[person] == number
        order[mine] = first[number] + np.arange(int(mine.sum()))
    at = start[people.site[person]] + rng.integers(9 * _HOUR, 18 * _HOUR, len(person))
    n = len(who)
    none = np.full(n, -1)
    return Lines(
        order=np.repeat(order, lines), line=arrays.within(np.repeat(np.arange(len(person)), lines)) + 1,
        site=site, person=who, customer=np.where(people.names.has_till_number[who], 2 * people.count + who, who),
        email=none, loyalty=who, visitor=none, item=item, quantity=np.ones(n, dtype=np.int64),
        price=catalogue.price[site, item], discount=np.zeros(n, dtype=np.int64), request=none,
        at=np.repeat(at, lines), channel=np.full(n, 2), coupon=none, is_oversold=np.zeros(n, dtype=bool),
    )  # fmt: skip


def _oversold(catalogue: Catalogue, site: Ints, item: Ints, quantity: Ints, at: Ints) -> Bools:
    """Lines that come after the last piece has gone."""
    key = site * catalogue.items + item
    order = np.lexsort((at, key))
    running = np.cumsum(quantity[order])
    starts = np.append(True, key[order][1:] != key[order][:-1]) if len(key) else np.zeros(0, dtype=bool)
    before = np.maximum.accumulate(np.where(starts, running - quantity[order], 0)) if len(key) else running
    short = np.zeros(len(key), dtype=bool)
    short[order] = running - before > catalogue.stock[site, item][order]
    return short


def order_events(
    lines: Lines, *, people: People, catalogue: Catalogue, sites: tuple[Site, ...], rng: np.random.Generator
) -> dict[str, pa.Array | Ints]:
    """All events of the lines, now and later; ``_site`` and ``_at`` are codes for the delivery."""
    n = len(lines.order)
    goods = lines.item < catalogue.items
    _, which = np.unique(lines.site * (lines.order.max(initial=0) + 1) + lines.order, return_inverse=True)
    per_order = rng.random((4, int(which.max(initial=-1)) + 1))
    store = lines.channel == 2
    cancelled = ~store & (lines.is_oversold | (per_order[0][which] < CANCELLED_LINES))
    returned = goods & ~cancelled & (rng.random(n) < RETURNED_LINES)
    partly = returned & (lines.quantity > 1) & (rng.random(n) < 0.5)
    back = np.where(partly, 1 + (rng.random(n) * (lines.quantity - 1)).astype(np.int64), lines.quantity)
    paid = lines.quantity * lines.price - lines.discount
    refund = np.where(back == lines.quantity, paid, (paid * back + lines.quantity // 2) // lines.quantity)

    invoiced = lines.at + (6 * _HOUR + per_order[1][which] * 14 * _HOUR).astype(np.int64)
    shipped = invoiced + (8 * _HOUR + per_order[2][which] * 2 * _DAY).astype(np.int64)
    arrived = shipped + (20 * _HOUR + per_order[3][which] * 3 * _DAY).astype(np.int64)
    asked = lines.at + ((3 + rng.random(n) * 17) * _DAY).astype(np.int64)
    asked = np.where(store, asked, np.maximum(asked, arrived + 2 * _HOUR))
    came = asked + ((1.5 + rng.random(n) * 4) * _DAY).astype(np.int64)
    repaid = came + (rng.random(n) * _DAY).astype(np.int64)
    stopped = lines.at + ((0.5 + rng.random(n) * 4) * _HOUR).astype(np.int64)

    sound = ~cancelled
    zero = np.zeros(n, dtype=np.int64)
    parts = [
        (0, np.ones(n, dtype=bool), lines.at, lines.quantity, paid),
        (1, sound, np.where(store, lines.at, invoiced), lines.quantity, paid),
        (2, sound & goods & ~store, shipped, lines.quantity, zero),
        (3, sound & goods & ~store, arrived, lines.quantity, zero),
        (4, cancelled, stopped, lines.quantity, paid),
        (5, returned & ~store, asked, back, zero),
        (6, returned, came, back, zero),
        (7, returned, repaid, back, refund),
    ]
    rows = np.concatenate([np.flatnonzero(part[1]) for part in parts])
    kind = np.concatenate([np.full(int(part[1].sum()), part[0]) for part in parts])
    at = np.concatenate([part[2][part[1]] for part in parts])
    quantity = np.concatenate([part[3][part[1]] for part in parts])
    amount = np.concatenate([part[4][part[1]] for part in parts])
    order = np.lexsort((rows, kind, at))
    rows, kind, at, quantity, amount = rows[order], kind[order], at[order], quantity[order], amount[order]
    site, item = lines.site[rows], lines.item[rows]
    is_placed = kind == 0
    articles = np.zeros((len(sites), catalogue.service - catalogue.items), dtype=np.int64)
    costs = np.column_stack([catalogue.unit_cost, articles, np.full(len(sites), POSTAGE_COST)])
    return {
        "_site": site,
        "_at": at,
        "event_type": arrays.words(kind, pa.array(EVENTS)),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(site, pa.array([s.id for s in sites])),
        "order_id": pa.array(lines.order[rows]).cast(pa.string()),
        "order_line_id": pa.array(lines.line[rows]).cast(pa.string()),
        "customer_id": arrays.words(lines.customer[rows], people.customer_ids),
        "visitor_id": visitor_ids(np.where(is_placed, lines.visitor[rows], -1)),
        "email": arrays.words(np.where(is_placed, lines.email[rows], -1), people.emails),
        "loyalty_id": loyalty_cards(np.where(is_placed, lines.loyalty[rows], -1)),
        "item_id": arrays.words(item, catalogue.ids),
        "quantity": arrays.numbers(quantity),
        "unit_price": arrays.money(lines.price[rows]),
        "discount": arrays.money(lines.discount[rows], missing=~is_placed),
        "amount": arrays.money(amount),
        "unit_cost": arrays.money(costs[site, item]),
        "currency": arrays.words(site, pa.array([s.currency for s in sites])),
        "request_id": arrays.hex_ids("r", np.where(is_placed, lines.request[rows], -1), REQUEST_SALT),
        "order_channel": arrays.words(lines.channel[rows], pa.array(_CHANNELS)),
        "country": arrays.words(site, pa.array([s.country or "GB" for s in sites])),
        "coupon_code": arrays.words(np.where(is_placed, lines.coupon[rows], -1), pa.array(_COUPONS)),
    }
