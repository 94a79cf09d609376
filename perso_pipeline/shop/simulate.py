"""A simulated shop: landing files a pipeline can live on, and beside them what is true.

The order of a day, and nothing else; each thing that happens has a module of its own.
"""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from perso_pipeline.shop import accounts
from perso_pipeline.shop.arrays import Ints
from perso_pipeline.shop.calendar import SECOND, build_calendar
from perso_pipeline.shop.catalogue import build_catalogue
from perso_pipeline.shop.config import ShopConfig, ShopSummary
from perso_pipeline.shop.deliveries import Deliveries
from perso_pipeline.shop.orders import order_events, place_orders, store_orders
from perso_pipeline.shop.people import People, build_people
from perso_pipeline.shop.planted import plant
from perso_pipeline.shop.recommendations import Requests, cart_lists, plan_lists, recommendation_events
from perso_pipeline.shop.storefront import plan_accounts, write_out
from perso_pipeline.shop.truth import Truth
from perso_pipeline.shop.visits import fill_carts, plan_steps, plan_visits

FIRST_ORDER = 100001  # every site counts from here: an order number alone says nothing
SECOND_ACCOUNT_AFTER = 1  # days
MODEL_VERSION = "incumbent-3.1"
_HOUR = 3600 * SECOND


def simulate(
    config: ShopConfig,
    *,
    landing_dir: Path,
    truth_dir: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> ShopSummary:
    """Write ``landing_dir/<stream>/<day>/`` for every day of the period and the truth into ``truth_dir``.

    Args:
        config: what shop; the same config gives the same bytes.
        landing_dir: made if missing; files of the same name are replaced.
        truth_dir: made if missing.
        on_progress: called with (days done, days in all).
    """
    # three streams: what the post does must not change what people do, nor who deletes an account anything else
    rng, post, farewell = np.random.default_rng(config.seed).spawn(3)
    calendar = build_calendar(config)
    catalogue = build_catalogue(config, rng)
    people = build_people(config, catalogue, rng)
    plant(people, truth_dir)
    deliveries = Deliveries(config, calendar, landing_dir, post)
    truth = Truth(config)
    sites = config.sites
    site_ids = pa.array([site.id for site in sites])
    numbers = {"session": 0, "request": 0, "search": 0}
    next_order = np.full(len(sites), FIRST_ORDER)

    for day in range(config.days):
        midnight = calendar.midnights[:, day]
        changed = catalogue.open_day(day, rng)
        if day == 0:
            everything = np.ones_like(changed)
            deliveries.send("catalog_items", accounts.catalogue_records(
                everything, at=midnight + 5 * 60 * SECOND, day=0, catalogue=catalogue, sites=sites, with_others=True,
            ), reliable=True)  # fmt: skip
        _send_accounts(deliveries, day, midnight, people, config, rng)
        gone = np.flatnonzero(people.is_member & (people.leaving_day == day - 1))
        gone = gone[farewell.random(len(gone)) < config.deleted_share]
        gone_at = midnight[people.site[gone]] + farewell.integers(8 * _HOUR, 21 * _HOUR, len(gone))
        farewells = accounts.deletion_events(gone, at=gone_at, people=people, sites=sites)
        deliveries.send("profile_events", farewells, reliable=True, rng=farewell)
        truth.add_deleted(gone, calendar.date(day))
        people.clear_cookies(rng)
        mail = accounts.newsletter(day, calendar=calendar, people=people, sites=sites, rng=rng)
        called = mail.called if mail else np.zeros(0, dtype=np.int64)
        visits = plan_visits(
            day, config=config, calendar=calendar, people=people, called=called,
            first_number=numbers["session"], rng=rng,
        )  # fmt: skip
        if mail:
            deliveries.send("message_events", mail.clicked_on(visits.visitor[visits.is_called], people))
        numbers["session"] += visits.count
        steps = plan_steps(visits, people=people, catalogue=catalogue, rng=rng)
        lists, steps, caused = plan_lists(
            visits, steps, config=config, people=people, catalogue=catalogue, first_number=numbers["request"],
            day=calendar.date(day), rng=rng,
        )  # fmt: skip
        numbers["request"] += len(lists.number)
        buys = fill_carts(visits, steps, caused=caused, catalogue=catalogue, rng=rng)
        caused &= buys
        order = np.full(visits.count, -1)
        for site in range(len(sites)):
            mine = np.flatnonzero(buys & (visits.site == site))
            mine = mine[np.argsort(visits.start[mine], kind="stable")]
            order[mine] = next_order[site] + np.arange(len(mine))
            next_order[site] += len(mine)

        account = plan_accounts(visits, buys, people, rng)
        timed = write_out(
            visits, steps, buys=buys, order=order, account=account, people=people, catalogue=catalogue, sites=sites,
            first_search=numbers["search"], rng=rng,
        )  # fmt: skip
        numbers["search"] += len(steps.session)
        deliveries.send("storefront_events", timed.columns)

        filled = np.flatnonzero(timed.cart_at >= 0)
        filled = filled[rng.random(len(filled)) < 0.9]
        added = np.flatnonzero(steps.is_added)
        context = np.full(visits.count, -1)
        context[steps.session[added]] = steps.item[added]
        in_cart = cart_lists(
            visits,
            filled,
            context[filled],
            config=config,
            people=people,
            catalogue=catalogue,
            first_number=numbers["request"],
            day=calendar.date(day),
            rng=rng,
        )
        numbers["request"] += len(in_cart.number)
        requests = _joined(lists, in_cart)
        on_step = np.maximum(lists.step, 0)
        list_at = np.where(lists.step >= 0, timed.step_at[on_step], timed.landing_at[lists.session])
        known = np.where(lists.step >= 0, timed.customer_of_step[on_step], -1)
        deliveries.send("recommendation_events", recommendation_events(
            visits, steps, requests,
            served_at=np.concatenate([list_at, timed.cart_at[filled]]) + SECOND // 4,
            step_at=timed.step_at, added_at=timed.added_at,
            customer=np.concatenate([known, timed.customer_at_cart[filled]]),
            people=people, catalogue=catalogue, site_ids=site_ids, config=config,
            day=calendar.date(day), incumbent=MODEL_VERSION,
        ))  # fmt: skip

        lines, emptied = place_orders(
            visits, steps, buys=buys, order=order, paid_at=timed.checkout_at, people=people, catalogue=catalogue,
            day=day, rng=rng,
        )  # fmt: skip
        deliveries.send("order_events", order_events(lines, people=people, catalogue=catalogue, sites=sites, rng=rng))
        store = store_orders(day, start=midnight, first=next_order, people=people, catalogue=catalogue, rng=rng)
        for site in range(len(sites)):
            next_order[site] += len(np.unique(store.order[store.site == site]))
        if len(store.order):
            deliveries.send(
                "order_events", order_events(store, people=people, catalogue=catalogue, sites=sites, rng=rng)
            )

        sold = np.zeros_like(changed)
        sold[lines.site[lines.item < catalogue.items], lines.item[lines.item < catalogue.items]] = True
        deliveries.send("catalog_items", accounts.catalogue_records(
            changed | sold | emptied & sold, at=midnight + 22 * _HOUR, day=day, catalogue=catalogue, sites=sites,
            with_others=False,
        ))  # fmt: skip
        deliveries.send(
            "exchange_rates", accounts.exchange_rates(day, calendar=calendar, sites=sites, rng=rng), reliable=True
        )
        signs_in = np.isfinite(account.position)
        clicks = visits.is_called.copy()
        clicks[visits.is_called] = mail.friend < 0 if mail else False
        truth.add_day(
            visits, lines, buys=buys, caused=caused, signs_in=signs_in, shows=signs_in | buys | clicks, order=order,
            people=people,
        )  # fmt: skip
        deliveries.close_day(day)
        if on_progress is not None:
            on_progress(day + 1, config.days)

    truth.write(
        truth_dir, people=people, catalogue=catalogue, deliveries=deliveries.counts, undelivered=deliveries.undelivered
    )
    return _summary(config, deliveries, truth, numbers["session"])


def _send_accounts(
    deliveries: Deliveries, day: int, midnight: Ints, people: People, config: ShopConfig, rng: np.random.Generator
) -> None:
    """The CRM's full export on the first day, new accounts when people arrive, and changes of mind."""
    if day == 0:
        old = np.flatnonzero(people.is_member & (people.arrival_day < 0))
        at = midnight[people.site[old]] + 2 * _HOUR + rng.integers(0, _HOUR, len(old))
        deliveries.send("profile_events", accounts.profile_events(
            old, "profile_record", at=at, people=people, sites=config.sites, system="crm", with_visitor=False
        ), reliable=True)  # fmt: skip
    new = np.flatnonzero(people.is_member & (people.arrival_day == day))
    at = midnight[people.site[new]] + rng.integers(7 * _HOUR, 22 * _HOUR, len(new))
    deliveries.send("profile_events", accounts.profile_events(
        new, "account_created", at=at, people=people, sites=config.sites, system="shop", with_visitor=True
    ))  # fmt: skip
    second = people.names.has_second & (np.maximum(people.arrival_day, 0) + SECOND_ACCOUNT_AFTER == day)
    rows = np.flatnonzero(second & (people.leaving_day >= day))
    at = midnight[people.site[rows]] + rng.integers(7 * _HOUR, 22 * _HOUR, len(rows))
    deliveries.send("profile_events", accounts.profile_events(
        rows, "account_created", at=at, people=people, sites=config.sites, system="shop", with_visitor=False,
        is_second=True,
    ))  # fmt: skip
    known = np.flatnonzero(people.is_member & (people.arrival_day < day) & (people.leaving_day >= day))
    turned = known[rng.random(len(known)) < 0.0008]
    people.has_email_consent[turned] = ~people.has_email_consent[turned]
    at = midnight[people.site[turned]] + rng.integers(7 * _HOUR, 22 * _HOUR, len(turned))
    deliveries.send("profile_events", accounts.consent_events(turned, at=at, people=people, sites=config.sites))


def _joined(first: Requests, second: Requests) -> Requests:
    return Requests(**{
        name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in Requests.__dataclass_fields__
    })  # fmt: skip


def _summary(config: ShopConfig, deliveries: Deliveries, truth: Truth, sessions: int) -> ShopSummary:
    delivered: dict[str, int] = defaultdict(int)
    broken: dict[str, int] = defaultdict(int)
    for row in deliveries.counts:
        delivered[row["stream"]] += row["delivered"]
        broken[row["stream"]] += row["broken"]
    arms = truth.totals.values()
    return ShopSummary(
        first_day=deliveries.first_day, last_day=config.last_day, delivered=dict(sorted(delivered.items())),
        broken=dict(sorted(broken.items())), sessions=sessions, orders=int(sum(a["orders"] for a in arms)),
        orders_caused=int(truth.totals["treatment"]["orders_caused"]), bytes_written=deliveries.bytes_written,
    )  # fmt: skip
