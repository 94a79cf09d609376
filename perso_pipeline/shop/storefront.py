"""The plan of a day written out as storefront events, in order and with times.

One block of rows per kind of event, laid along each session by a position, then sorted and timed together.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.sites import Site
from perso_pipeline.shop import arrays
from perso_pipeline.shop.arrays import Bools, Floats, Ints
from perso_pipeline.shop.catalogue import Catalogue
from perso_pipeline.shop.people import People
from perso_pipeline.shop.storefront_columns import CODE, EVENTS, storefront_columns
from perso_pipeline.shop.visits import CATEGORY, CONTENT, HOME, PAGE, Steps, Visits
from perso_pipeline.shop.words import (
    ARTICLES,
    CONTACTS,
    FINDLESS,
    LEAVES,
    PAGES,
    STYLES,
)  # fmt: skip

_END = 1000.0  # positions of what follows browsing
_STEP = 10.0
_QUICK = np.isin(np.array(EVENTS), ["search_response", "checkout_complete"])
_EMPTY = {"item": -1, "leaf": -1, "quantity": -1, "search": -1, "query": -1, "results": -1, "percentage": -1,
          "rating": -1, "order": -1, "request": -1, "url": -1, "success": -1, "priced": 0}  # fmt: skip


@dataclass(kw_only=True)
class Account:
    """By session: who signs in, where on the way, and whether they sign out at the end."""

    position: Floats  # of the successful sign-in; infinite without one
    failed: Bools
    tried: Ints  # account whose number was tried in the failed attempt
    signs_out: Bools


@dataclass(kw_only=True)
class Timed:
    """Events of the day, sorted by time within each session, and the times that other streams need."""

    columns: dict[str, pa.Array | Ints]
    step_at: Ints
    added_at: Ints
    checkout_at: Ints  # by session, -1 without an order
    customer_of_step: Ints
    landing_at: Ints
    cart_at: Ints
    customer_at_cart: Ints


class _Blocks:
    """Rows under construction: codes by column, -1 where nothing applies."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Ints | Floats]] = {name: [] for name in ("kind", "session", "position", *_EMPTY)}
        self.size = 0

    def add(self, kind: str, session: Ints, position: Floats | float, **codes: Ints | int) -> slice:
        """Append one row per entry of ``session``; returns where they stand before sorting."""
        n = len(session)
        self.parts["kind"].append(np.full(n, CODE[kind]))
        self.parts["session"].append(session)
        self.parts["position"].append(np.broadcast_to(np.asarray(position, dtype=np.float64), n))
        for name, empty in _EMPTY.items():
            self.parts[name].append(np.broadcast_to(np.asarray(codes.get(name, empty), dtype=np.int64), n))
        self.size += n
        return slice(self.size - n, self.size)

    def column(self, name: str) -> Ints:
        return np.concatenate(self.parts[name])


def plan_accounts(visits: Visits, buys: Bools, people: People, rng: np.random.Generator) -> Account:
    """Members sign in before they pay, and now and then earlier."""
    n = visits.count
    who = np.maximum(visits.person, 0)
    member = people.is_member[who] & ~visits.is_robot
    position = np.full(n, np.inf)
    position[visits.signs_in_early] = 0.5
    late = member & buys & ~visits.signs_in_early
    position[late] = _END + 2
    signs_in = np.isfinite(position)
    failed = signs_in & (rng.random(n) < 0.03)
    other = rng.random(n) < 0.3
    tried = np.where(other, rng.integers(0, people.count, n), np.maximum(visits.account, 0))
    return Account(
        position=position, failed=failed, tried=tried,
        signs_out=signs_in & (rng.random(n) < 0.2),
    )  # fmt: skip


def write_out(
    visits: Visits,
    steps: Steps,
    *,
    buys: Bools,
    order: Ints,
    account: Account,
    people: People,
    catalogue: Catalogue,
    sites: tuple[Site, ...],
    first_search: int,
    rng: np.random.Generator,
) -> Timed:
    """Events of the day's visits.

    Args:
        visits: sessions.
        steps: products seen, with ``is_added``.
        buys: by session, whether an order is placed.
        order: by session, order number, -1 without one.
        account: sign-ins.
        people: for ids.
        catalogue: for ids and prices.
        sites: for ids, currencies and addresses.
        first_search: first search number of the day.
        rng: randomness.
    """
    blocks = _Blocks()
    landing = _landing(blocks, visits, catalogue, rng)
    _browsing(blocks, visits, steps, catalogue, first_search, rng)
    view = _products(blocks, steps)
    added = _carts(blocks, steps, buys, rng)
    _opinions(blocks, visits, steps, rng)
    cart, done = _checkout(blocks, visits, steps, buys, order, account)

    kind, session, position = blocks.column("kind"), blocks.column("session"), blocks.column("position")
    sorting = np.lexsort((position, session))
    gaps = np.clip(np.exp(rng.normal(3.1, 0.9, len(kind))), 6.0, 1200.0)
    gaps = np.where(visits.is_robot[session[sorting]], 1.0 + rng.random(len(kind)) * 3, gaps)
    gaps = np.where(_QUICK[kind[sorting]], 0.8 + rng.random(len(kind)), gaps)
    ticks = (gaps * 1000).astype(np.int64) * 1000
    along = np.cumsum(ticks)
    firsts = np.append(True, session[sorting][1:] != session[sorting][:-1])
    ticks_before = np.maximum.accumulate(np.where(firsts, along, 0))
    at = np.empty(len(kind), dtype=np.int64)
    at[sorting] = visits.start[session[sorting]] + along - ticks_before

    signed_in = position >= account.position[session]
    customer = np.where(signed_in, visits.account[session], -1)
    attempt = (kind == CODE["sign_in"]) & (blocks.column("success") == 0)
    customer = np.where(attempt, account.tried[session], customer)

    added_at = np.full(len(steps.session), -1)
    added_at[steps.is_added] = at[added]
    checkout_at = np.full(visits.count, -1)
    checkout_at[session[done]] = at[done]
    cart_at = np.full(visits.count, -1)
    cart_at[session[cart]] = at[cart]
    customer_at_cart = np.full(visits.count, -1)
    customer_at_cart[session[cart]] = customer[cart]
    by_time = np.lexsort((position, session, at))
    return Timed(
        columns=storefront_columns(
            {name: blocks.column(name)[by_time] for name in ("kind", "session", *_EMPTY)},
            at=at[by_time], customer=customer[by_time], visits=visits, people=people, catalogue=catalogue, sites=sites,
        ),
        step_at=at[view], added_at=added_at, checkout_at=checkout_at, customer_of_step=customer[view],
        landing_at=at[landing], cart_at=cart_at, customer_at_cart=customer_at_cart,
    )  # fmt: skip


def _landing(blocks: _Blocks, visits: Visits, catalogue: Catalogue, rng: np.random.Generator) -> Ints:
    """The first page of each session (product landings are steps) and a few pages around it."""
    everyone = np.arange(visits.count)
    where = np.full(visits.count, -1)

    def place(kind: str, rows: Ints, **codes: Ints | int) -> None:
        where[rows] = np.arange(visits.count)[: len(rows)] + blocks.size
        blocks.add(kind, rows, 0.0, **codes)

    leaf = np.where(
        visits.focus >= 0,
        catalogue.leaf[catalogue.group_start[np.maximum(visits.focus, 0)].clip(max=catalogue.items - 1)],
        0,
    )
    place("page_view", everyone[visits.landing == HOME], url=0)
    rows = everyone[visits.landing == CATEGORY]
    place("category_view", rows, leaf=leaf[rows], url=len(PAGES) + leaf[rows])
    rows = everyone[visits.landing == PAGE]
    place("page_view", rows, url=rng.integers(1, 5, len(rows)))
    rows = everyone[visits.landing == CONTENT]
    article = rng.integers(0, len(ARTICLES), len(rows)) + catalogue.items
    place(
        "content_consumed",
        rows,
        item=article,
        percentage=rng.integers(1, 11, len(rows)) * 10,
        url=len(PAGES) + len(LEAVES) + article,
    )
    more = np.repeat(everyone, np.where(visits.is_robot, 0, rng.poisson(np.where(visits.engaged, 0.5, 0.85))))
    blocks.add(
        "page_view",
        more,
        0.6 + 0.3 * rng.random(len(more)),
        url=rng.choice([0, 1, 2, 3, 4], len(more), p=[0.3, 0.3, 0.15, 0.1, 0.15]),
    )
    return where


def _browsing(
    blocks: _Blocks, visits: Visits, steps: Steps, catalogue: Catalogue, first_search: int, rng: np.random.Generator
) -> None:
    """Category pages and searches on the way to products."""
    draw = rng.random(len(steps.session))
    organic = ~steps.is_direct & (steps.position > 0)
    rows = np.flatnonzero(organic & (draw < 0.36))
    leaf = catalogue.leaf[steps.item[rows]]
    blocks.add("category_view", steps.session[rows], steps.position[rows] * _STEP - 3, leaf=leaf, url=len(PAGES) + leaf)
    searching = organic & (draw > 0.91) & ~visits.is_robot[steps.session]
    rows = np.flatnonzero(searching)
    n = len(rows)
    odd = rng.random(n)
    item = steps.item[rows]
    query = catalogue.leaf[item] * (len(STYLES) + 1) + np.where(odd < 0.5, len(STYLES), catalogue.style[item])
    fixed = len(LEAVES) * (len(STYLES) + 1)
    found = rng.integers(1, 120, n)
    query = np.where(odd > 0.93, fixed + rng.integers(0, len(FINDLESS), n), query)
    query = np.where(odd > 0.998, fixed + len(FINDLESS) + rng.integers(0, len(CONTACTS), n), query)
    found = np.where(odd > 0.93, 0, found)
    number = first_search + np.arange(n)
    where = steps.position[rows] * _STEP
    blocks.add("search_request", steps.session[rows], where - 5, search=number, query=query, url=8)
    blocks.add("search_response", steps.session[rows], where - 4, search=number, query=query, results=found, url=8)


def _products(blocks: _Blocks, steps: Steps) -> slice:
    position = steps.position * _STEP + np.where(steps.is_extra, 5.0 + arrays.within(steps.session) * 1e-3, 0.0)
    return blocks.add(
        "product_view", steps.session, position, item=steps.item, priced=1, request=steps.request,
        url=len(PAGES) + len(LEAVES) + steps.item,
    )  # fmt: skip


def _carts(blocks: _Blocks, steps: Steps, buys: Bools, rng: np.random.Generator) -> slice:
    """What goes into the cart, and what is taken out again by those who do not buy."""
    rows = np.flatnonzero(steps.is_added)
    position = steps.position[rows] * _STEP + np.where(steps.is_extra[rows], 5.5, 2.0)
    page = len(PAGES) + len(LEAVES) + steps.item[rows]
    changed = buys[steps.session[rows]] & (steps.quantity[rows] > 1) & (rng.random(len(rows)) < 0.5)
    added = blocks.add(
        "add_to_cart", steps.session[rows], position, item=steps.item[rows], priced=1,
        quantity=np.where(changed, 1, steps.quantity[rows]), request=steps.request[rows], url=page,
    )  # fmt: skip
    more = rows[changed]
    blocks.add(
        "cart_quantity_change", steps.session[more], _END + 0.5 + 1e-3 * np.arange(len(more)), item=steps.item[more],
        quantity=steps.quantity[more], priced=1, url=5,
    )  # fmt: skip
    back = rows[~buys[steps.session[rows]] & (rng.random(len(rows)) < 0.22)]
    blocks.add(
        "remove_from_cart",
        steps.session[back],
        _END + 0.6,
        item=steps.item[back],
        quantity=steps.quantity[back],
        priced=1,
        url=5,
    )
    return added


def _opinions(blocks: _Blocks, visits: Visits, steps: Steps, rng: np.random.Generator) -> None:
    """Wish lists, ratings, things owned and things never to be shown again."""
    draw = rng.random(len(steps.session))
    human = ~visits.is_robot[steps.session]
    where = steps.position * _STEP + np.where(steps.is_extra, 5.2, 1.0)
    page = len(PAGES) + len(LEAVES) + steps.item
    for kind, low, high in (
        ("add_to_wish_list", 0.0, 0.022), ("remove_from_wish_list", 0.022, 0.026), ("rating", 0.026, 0.032),
        ("owns", 0.032, 0.0335), ("block_item", 0.0335, 0.0343),
    ):  # fmt: skip
        rows = np.flatnonzero(human & (draw >= low) & (draw < high))
        score = np.minimum(5, 1 + rng.binomial(5, 0.7, len(rows))) * 20 if kind == "rating" else -1
        blocks.add(kind, steps.session[rows], where[rows], item=steps.item[rows], rating=score, url=page[rows])


def _checkout(
    blocks: _Blocks, visits: Visits, steps: Steps, buys: Bools, order: Ints, account: Account
) -> tuple[slice, slice]:
    """Cart, account and payment, in that order."""
    everyone = np.arange(visits.count)
    filled = np.zeros(visits.count, dtype=bool)
    filled[steps.session[steps.is_added]] = True
    looks = everyone[filled]
    cart = blocks.add("cart_view", looks, _END, url=5)
    starts = everyone[buys | (filled & (visits.number % 3 == 0))]
    blocks.add("checkout_start", starts, _END + 1, url=6)
    rows = everyone[account.failed]
    blocks.add("sign_in", rows, account.position[rows] - 0.1, success=0, url=4)
    rows = everyone[np.isfinite(account.position)]
    blocks.add("sign_in", rows, account.position[rows], success=1, url=4)
    paid = everyone[buys]
    done = blocks.add("checkout_complete", paid, _END + 3, order=order[paid], url=7)
    rows = everyone[account.signs_out]
    blocks.add("sign_out", rows, _END + 4, url=4)
    return cart, done
