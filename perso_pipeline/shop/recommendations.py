"""The shop's own lists: what was served, seen, clicked, and what that really caused.

A click either stands in for a product that would have been seen anyway (no effect) or brings one that
would not (``true_lift``). Control visitors get neither; their lists are logged as held back.
"""

from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import pyarrow as pa

from perso_pipeline.shop import arrays
from perso_pipeline.shop.arrays import Bools, Ints
from perso_pipeline.shop.catalogue import Catalogue
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.experiments import held_back, model_versions
from perso_pipeline.shop.people import People, visitor_ids
from perso_pipeline.shop.visits import HOME, Steps, Visits
from perso_pipeline.shop.words import BROWSERS, ROBOTS

SLOTS = 8
SCENARIOS = ("home", "product", "cart")
EVENTS = ("served", "rendered", "viewed", "clicked", "added_to_cart")
REQUEST_SALT = 23
_CANDIDATES = 16
_EXTRA_AT_DEFAULT = 0.02 / 0.06  # extra clicks per list seen, per unit of true lift
_SLOT_CHANCE = 1 / (np.arange(SLOTS) + 1.5)


@dataclass(kw_only=True)
class Requests:
    """One row per list of the day; step rows refer to ``Steps``, -1 where there is none."""

    number: Ints
    session: Ints
    scenario: Ints
    step: Ints  # product view the list stands on (product), else -1
    items: Ints  # (n, SLOTS), -1 in empty slots
    is_held_back: Bools
    is_rendered: Bools
    is_viewed: Bools
    target: Ints  # step that the click leads to, -1 without a click

    def take(self, rows: Ints | Bools) -> "Requests":
        return Requests(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def plan_lists(
    visits: Visits,
    steps: Steps,
    *,
    config: ShopConfig,
    people: People,
    catalogue: Catalogue,
    first_number: int,
    day: date,
    rng: np.random.Generator,
) -> tuple[Requests, Steps, Bools]:
    """Lists on home and product pages, the steps with those that clicks brought, and who buys because of one."""
    human = ~visits.is_robot
    home = np.flatnonzero(human & (visits.landing == HOME))
    product = np.flatnonzero(human[steps.session] & (rng.random(len(steps.session)) < 0.4))
    session = np.concatenate([home, steps.session[product]])
    step = np.concatenate([np.full(len(home), -1), product])
    n = len(session)
    scenario = np.where(step < 0, 0, 1)
    control = _held_back(visits.visitor[session], scenario, day, config, people)
    rendered = rng.random(n) < 0.94
    viewed = rendered & (rng.random(n) < 0.58)

    # the step that follows the list in the same session; a click may lead there
    following = np.where(step >= 0, step + 1, np.searchsorted(steps.session, session, side="left"))
    inside = following < len(steps.session)
    inside &= steps.session[np.minimum(following, len(steps.session) - 1)] == session
    page = np.where(step >= 0, steps.item[np.maximum(step, 0)], -1)  # item on whose page the list stands
    inside &= steps.item[np.minimum(following, len(steps.session) - 1)] != page
    instead = viewed & inside & (rng.random(n) < 0.075)
    extra = viewed & ~instead & ~control & (rng.random(n) < min(0.5, _EXTRA_AT_DEFAULT * config.true_lift))

    items = _contents(visits, session, page, people, catalogue, rng)
    slot = rng.choice(SLOTS, n, p=_SLOT_CHANCE / _SLOT_CHANCE.sum())
    rows = np.flatnonzero(instead)
    steps.is_direct[following[rows]] = True
    _put(items, rows, slot[rows], steps.item[following[rows]])

    number = first_number + np.arange(n)
    clicked = instead & ~control
    steps.request[following[clicked]] = number[clicked]
    rows = np.flatnonzero(extra)
    seen = items[rows, slot[rows]]
    rows, seen = rows[seen >= 0], seen[seen >= 0]
    where = np.where(step[rows] >= 0, steps.position[np.maximum(step[rows], 0)], 0)
    brought = Steps(
        session=session[rows], position=where, item=seen, is_extra=np.ones(len(rows), dtype=bool),
        is_direct=np.ones(len(rows), dtype=bool), request=number[rows],
        is_added=np.zeros(len(rows), dtype=bool), quantity=np.zeros(len(rows), dtype=np.int64),
    )  # fmt: skip
    together = Steps(
        **{f.name: np.concatenate([getattr(steps, f.name), getattr(brought, f.name)]) for f in fields(Steps)}
    )
    order = np.lexsort((together.is_extra, together.position, together.session))
    moved = np.empty(len(order), dtype=np.int64)
    moved[order] = np.arange(len(order))
    target = np.full(n, -1)
    target[clicked] = moved[following[clicked]]
    target[rows] = moved[len(steps.session) + np.arange(len(rows))]
    requests = Requests(
        number=number, session=session,
        scenario=scenario, is_held_back=control,
        step=np.where(step >= 0, moved[np.maximum(step, 0)], -1),
        items=items, is_rendered=rendered & ~control, is_viewed=viewed & ~control, target=target,
    )  # fmt: skip
    return requests, together.take(order), _caused(visits, brought, config, rng)


def _held_back(visitors: Ints, scenario: Ints, day: date, config: ShopConfig, people: People) -> Bools:
    by_scenario = [held_back(visitors, name, day, config=config, people=people) for name in SCENARIOS]
    return np.choose(scenario, by_scenario)


def _model_versions(
    visitors: Ints, scenario: Ints, day: date, incumbent: str, config: ShopConfig, people: People
) -> pa.Array:
    """Of each list, the model that made it."""
    found = np.full(len(visitors), incumbent, dtype=object)
    for number, name in enumerate(SCENARIOS):
        codes, names = model_versions(visitors, name, day, incumbent=incumbent, config=config, people=people)
        mine = scenario == number
        found[mine] = np.array(names, dtype=object)[codes[mine]]
    return pa.array(found, pa.string()).dictionary_encode()


def _caused(visits: Visits, brought: Steps, config: ShopConfig, rng: np.random.Generator) -> Bools:
    """Sessions that buy only because of an extra click: on average ``true_lift`` times those that mean to buy."""
    caused = np.zeros(visits.count, dtype=bool)
    sessions = np.unique(brought.session)
    sessions = sessions[~visits.means_to_buy[sessions]]
    if len(sessions):
        wanted = config.true_lift * visits.buy_chance[~visits.is_control].sum()
        caused[sessions[rng.random(len(sessions)) < wanted / len(sessions)]] = True
    return caused


def cart_lists(
    visits: Visits, filled: Ints, context: Ints, *, config: ShopConfig, people: People, catalogue: Catalogue,
    first_number: int, day: date, rng: np.random.Generator,
) -> Requests:  # fmt: skip
    """Lists in the cart of the sessions ``filled``; they are seen, and nobody clicks them."""
    n = len(filled)
    scenario = np.full(n, 2)
    control = _held_back(visits.visitor[filled], scenario, day, config, people)
    rendered = rng.random(n) < 0.94
    return Requests(
        number=first_number + np.arange(n), session=filled, scenario=scenario, is_held_back=control,
        step=np.full(n, -1),
        items=_contents(visits, filled, context, people, catalogue, rng),
        is_rendered=rendered & ~control, is_viewed=rendered & ~control & (rng.random(n) < 0.5),
        target=np.full(n, -1),
    )  # fmt: skip


def _contents(
    visits: Visits, session: Ints, context: Ints, people: People, catalogue: Catalogue, rng: np.random.Generator
) -> Ints:
    """(n, SLOTS) different items: near the context item, of the person's tastes, or simply popular."""
    n = len(session)
    who = np.tile(np.maximum(visits.person[session], 0)[:, None], (1, _CANDIDATES))
    draw = rng.random((n, _CANDIDATES))
    taste = rng.integers(0, people.tastes.shape[1], (n, _CANDIDATES))
    group = people.tastes[who, taste]
    near = np.where(context >= 0, catalogue.group[np.maximum(context, 0)], visits.focus[session])[:, None]
    group = np.where(draw < 0.45, near, group)
    group = np.where(draw > 0.8, -1, group)
    sites = np.repeat(visits.site[session], _CANDIDATES)
    items = catalogue.choose(sites, group.ravel(), rng).reshape(n, _CANDIDATES)
    known = np.column_stack([context, items])
    repeated = np.zeros((n, _CANDIDATES), dtype=bool)
    for column in range(_CANDIDATES):
        repeated[:, column] = (known[:, : column + 1] == items[:, column, None]).any(axis=1)
    order = np.argsort(repeated, axis=1, kind="stable")[:, :SLOTS]
    return np.where(np.take_along_axis(repeated, order, axis=1), -1, np.take_along_axis(items, order, axis=1))


def _put(items: Ints, rows: Ints, slot: Ints, wanted: Ints) -> None:
    """Make sure ``wanted`` stands in each of ``rows``: where it already does, leave it; else in ``slot``."""
    there = (items[rows] == wanted[:, None]).any(axis=1)
    rows, slot, wanted = rows[~there], slot[~there], wanted[~there]
    filled = (items[rows] >= 0).sum(axis=1)
    items[rows, np.minimum(slot, np.minimum(filled, SLOTS - 1))] = wanted


def recommendation_events(
    visits: Visits, steps: Steps, requests: Requests, *,
    served_at: Ints, step_at: Ints, added_at: Ints, customer: Ints, people: People, catalogue: Catalogue,
    site_ids: pa.Array, config: ShopConfig, day: date, incumbent: str,
) -> dict[str, pa.Array | Ints]:  # fmt: skip
    """Columns of the stream (without event_id); ``_site`` and ``_at`` are codes for the delivery.

    Args:
        visits: sessions.
        steps: products seen.
        requests: lists.
        served_at: UTC microseconds by request.
        step_at: UTC microseconds of each product view.
        added_at: UTC microseconds at which a step's item was put in the cart, -1 if it was not.
        customer: person known to the shop at the time of each request, -1 for none.
        people: for ids.
        catalogue: for ids.
        site_ids: vocabulary of sites.
        config: what is tested.
        day: the local day.
        incumbent: model_version of the lists that no test is about.
    """
    models = _model_versions(visits.visitor[requests.session], requests.scenario, day, incumbent, config, people)
    second = 1_000_000
    clicked = requests.target >= 0
    target = np.maximum(requests.target, 0)
    carted = clicked & (added_at[target] >= 0)
    parts = [
        (0, np.arange(len(requests.number)), served_at),
        (1, np.flatnonzero(requests.is_rendered), served_at + second // 2),
        (2, np.flatnonzero(requests.is_viewed), served_at + 3 * second),
        (3, np.flatnonzero(clicked), step_at[target] - second // 5),
        (4, np.flatnonzero(carted), added_at[target] + second // 10),
    ]
    rows = np.concatenate([part[1] for part in parts])
    kind = np.concatenate([np.full(len(part[1]), part[0]) for part in parts])
    at = np.concatenate([part[2][part[1]] for part in parts])
    order = np.lexsort((kind, rows, at))
    rows, kind, at = rows[order], kind[order], at[order]
    session = requests.session[rows]
    step = requests.step[rows]
    on_list = kind <= 2
    return {
        "_site": visits.site[session],
        "_at": at,
        "event_type": arrays.words(kind, pa.array(EVENTS)),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(visits.site[session], site_ids),
        "visitor_id": visitor_ids(visits.visitor[session]),
        "customer_id": arrays.words(customer[rows], people.customer_ids),
        "request_id": arrays.hex_ids("r", requests.number[rows], REQUEST_SALT),
        "scenario_id": arrays.words(requests.scenario[rows], pa.array(SCENARIOS)),
        "variant": arrays.words(
            np.where(kind == 0, requests.is_held_back[rows].astype(np.int64), -1), pa.array(("treatment", "control"))
        ),
        "item_ids": arrays.lists(np.where(on_list[:, None], requests.items[rows], -1), catalogue.ids),
        "item_id": arrays.words(np.where(on_list, -1, steps.item[np.maximum(requests.target[rows], 0)]), catalogue.ids),
        "context_item_id": arrays.words(np.where(step >= 0, steps.item[np.maximum(step, 0)], -1), catalogue.ids),
        "model_version": models.take(pa.array(rows)),
        "user_agent": arrays.words(visits.browser[session], pa.array([b for b, _ in BROWSERS] + list(ROBOTS))),
    }
