"""Visits of a day: who comes, what they look at, what they put in the cart and whether they buy.

Plans a day in arrays, one row per session and one per product seen. ``storefront`` turns the plan into
events, ``recommendations`` into lists, ``orders`` into order lines.
"""

from dataclasses import dataclass, fields

import numpy as np

from perso_pipeline.shop.arrays import Bools, Floats, Ints
from perso_pipeline.shop.calendar import SECOND, Calendar
from perso_pipeline.shop.catalogue import Catalogue
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.experiments import is_held_out
from perso_pipeline.shop.people import People
from perso_pipeline.shop.words import BROWSERS, EMAIL_SOURCE, ROBOTS, SOURCES

ENGAGED = 0.37  # sessions that see a product beyond the landing page
CARTING = 0.065  # sessions that fill a cart and leave it
BUYING = 0.0265  # sessions that mean to buy; lists cause a few more, and a few find everything sold out
AT_OFFICE = 0.25  # visits of office workers that they make from the office
AT_KIOSK = 0.004  # visits of members that they make in a store, signed in
LANDINGS = ("home", "category", "product", "content", "page")
_LANDING_SHARES = np.array([0.38, 0.22, 0.27, 0.05, 0.08])
HOME, CATEGORY, PRODUCT, CONTENT, PAGE = range(5)


@dataclass(kw_only=True)
class Visits:
    """Sessions of one local day, sorted by nothing; ``person`` is -1 for robots."""

    number: Ints  # running number over all days
    person: Ints
    account: Ints  # code of the account that signs in: the person's own or its second one
    site: Ints
    visitor: Ints
    browser: Ints  # beyond BROWSERS: robots
    start: Ints  # UTC microseconds
    source: Ints
    landing: Ints
    engaged: Bools
    is_control: Bools
    focus: Ints  # taste group of the visit
    steps: Ints  # products seen beyond the landing page
    buy_chance: Floats
    means_to_buy: Bools
    carts: Bools
    signs_in_early: Bools
    is_called: Bools  # comes because of a newsletter

    @property
    def count(self) -> int:
        return len(self.person)

    @property
    def is_robot(self) -> Bools:
        return self.person < 0


@dataclass(kw_only=True)
class Steps:
    """Products seen, sorted by session and position."""

    session: Ints  # row of Visits
    position: Ints  # 0 is the landing page
    item: Ints
    is_extra: Bools  # seen only because a list was clicked
    is_direct: Bools  # reached from the page before without a category page or search, in both arms
    request: Ints  # recommendation request that was clicked to come here, else -1
    is_added: Bools
    quantity: Ints

    def take(self, rows: Ints | Bools) -> "Steps":
        return Steps(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def plan_visits(
    day: int,
    *,
    config: ShopConfig,
    calendar: Calendar,
    people: People,
    called: Ints,
    first_number: int,
    rng: np.random.Generator,
) -> Visits:
    """Sessions of ``day``; ``called`` are people who clicked in a newsletter and come for that reason."""
    here = (people.arrival_day <= day) & (people.leaving_day >= day)
    rate = np.where(here, people.visits_per_day * calendar.traffic(day), 0.0)
    times = rng.poisson(rate) + (people.arrival_day == day)
    person = np.concatenate([np.repeat(np.arange(people.count), times), called])
    robots = rng.binomial(len(person), 0.01)
    n = len(person) + robots
    is_robot = np.arange(n) >= len(person)
    person = np.concatenate([person, np.full(robots, -1)])
    who = np.maximum(person, 0)

    slots = (people.device >= 0).sum(axis=1)
    slot = np.minimum((rng.random(n) ** 1.7 * slots[who]).astype(np.int64), slots[who] - 1)
    at_office = (people.names.office[who] >= 0) & (rng.random(n) < AT_OFFICE)
    at_kiosk = people.is_member[who] & ~at_office & (rng.random(n) < AT_KIOSK)
    shared = np.where(at_office, people.names.office[who], people.names.kiosk[who]) + people.first_shared_device
    device = np.where(at_office | at_kiosk, shared, people.device[who, slot])
    on_second = people.names.has_second[who] & (slot == 1) & ~at_office & ~at_kiosk & ~is_robot
    visitor = np.where(is_robot, 0, people.device_visitor[device])
    visitor[is_robot] = people.visitors + np.arange(robots)
    people.visitors += robots
    browser = np.where(is_robot, len(BROWSERS) + rng.integers(0, len(ROBOTS), n), people.device_browser[device])
    site = np.where(is_robot, rng.integers(0, len(config.sites), n), people.site[who])

    source = rng.choice(len(SOURCES), n, p=np.array([share for share, *_ in SOURCES]))
    is_called = np.zeros(n, dtype=bool)
    is_called[len(person) - robots - len(called) : len(person) - robots] = True
    source[is_called] = EMAIL_SOURCE
    source[is_robot] = 0
    landing = rng.choice(len(LANDINGS), n, p=_LANDING_SHARES)
    landing[is_robot] = CATEGORY

    engaged = rng.random(n) < ENGAGED
    buy_chance = np.where(engaged & ~is_robot, np.minimum(0.9, BUYING / ENGAGED * people.buying[who]), 0.0)
    draw = rng.random(n)
    means_to_buy = draw < buy_chance
    carts = ~means_to_buy & engaged & ~is_robot & (draw < buy_chance + CARTING / ENGAGED)
    steps = np.where(engaged, np.minimum(rng.geometric(np.where(means_to_buy | carts, 0.2, 0.29)), 25), 0)
    steps = np.where(is_robot, rng.integers(12, 50, n), steps)

    taste = (rng.random(n)[:, None] > np.cumsum(people.weights[who], axis=1)[:, :-1]).sum(axis=1)
    return Visits(
        number=first_number + np.arange(n), person=person,
        account=np.where(on_second, people.count + who, person), site=site, visitor=visitor, browser=browser,
        start=calendar.midnights[site, day] + (calendar.seconds_of_day(n, rng) * SECOND).astype(np.int64),
        source=source, landing=landing, engaged=engaged | is_robot,
        is_control=is_held_out(visitor, config, people),
        focus=np.where(is_robot, -1, people.tastes[who, taste]),
        steps=steps, buy_chance=buy_chance, means_to_buy=means_to_buy, carts=carts,
        signs_in_early=people.is_member[who] & ~is_robot & ((rng.random(n) < 0.18) | at_kiosk),
        is_called=is_called,
    )  # fmt: skip


def plan_steps(visits: Visits, *, people: People, catalogue: Catalogue, rng: np.random.Generator) -> Steps:
    """Products that would be seen without any list: mostly of the visit's focus, some others."""
    on_landing = (visits.landing == PRODUCT).astype(np.int64)
    count = visits.steps + on_landing
    session = np.repeat(np.arange(visits.count), count)
    n = len(session)
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    position = np.arange(n) - np.repeat(starts, count) + 1 - on_landing[session]
    who = np.maximum(visits.person[session], 0)
    draw = rng.random(n)
    taste = (rng.random(n)[:, None] > np.cumsum(people.weights[who], axis=1)[:, :-1]).sum(axis=1)
    group = np.where(draw < 0.66, visits.focus[session], people.tastes[who, taste])
    group = np.where((draw > 0.88) | (visits.person[session] < 0), -1, group)
    return Steps(
        session=session, position=position, item=catalogue.choose(visits.site[session], group, rng),
        is_extra=np.zeros(n, dtype=bool), is_direct=np.zeros(n, dtype=bool), request=np.full(n, -1),
        is_added=np.zeros(n, dtype=bool), quantity=np.zeros(n, dtype=np.int64),
    )  # fmt: skip


def fill_carts(visits: Visits, steps: Steps, *, caused: Bools, catalogue: Catalogue, rng: np.random.Generator) -> Bools:
    """Decide what goes into carts (sets ``is_added`` and ``quantity``); returns by session who buys.

    Args:
        visits: sessions.
        steps: products seen, with those that lists brought.
        caused: by session, whether a clicked list makes it buy.
        catalogue: for stock; what is sold out cannot be added.
        rng: randomness.
    """
    n = len(steps.session)
    buys = (visits.means_to_buy | caused)[steps.session]
    eager = np.where(buys, 0.22, np.where(visits.carts[steps.session], 0.15, 0.0))
    wanted = rng.random(n) < eager
    favourite = rng.random(n)
    favourite[steps.is_extra & caused[steps.session]] = 2.0  # the clicked item is what they buy
    order = np.lexsort((favourite, steps.session))
    last = np.append(steps.session[order][1:] != steps.session[order][:-1], True) if n else np.zeros(0, dtype=bool)
    best = order[last]
    wanted[best] |= eager[best] > 0
    wanted &= catalogue.stock[visits.site[steps.session], steps.item] > 0
    pair = steps.session * catalogue.items + steps.item
    rows = np.flatnonzero(wanted)
    _, first = np.unique(pair[rows], return_index=True)
    steps.is_added = np.zeros(n, dtype=bool)
    steps.is_added[rows[first]] = True
    steps.quantity = np.where(
        steps.is_added, rng.choice(np.array([1, 2, 3, 4, 6]), n, p=[0.8, 0.12, 0.04, 0.03, 0.01]), 0
    )
    filled = np.zeros(visits.count, dtype=bool)
    filled[steps.session[steps.is_added]] = True
    return filled & (visits.means_to_buy | caused)
