"""What source systems say beside visits and orders: accounts, newsletters, the catalogue, exchange rates."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.sites import Site
from perso_pipeline.shop import arrays
from perso_pipeline.shop.arrays import Bools, Ints
from perso_pipeline.shop.calendar import SECOND, Calendar
from perso_pipeline.shop.catalogue import EURO_PER_POUND, Catalogue
from perso_pipeline.shop.names import loyalty_cards, telephones
from perso_pipeline.shop.orders import POSTAGE, POSTAGE_COST
from perso_pipeline.shop.people import People, visitor_ids
from perso_pipeline.shop.words import BRANDS, LEAVES, STYLES, TRAITS

Columns = Mapping[str, pa.Array | Ints]
_HOUR = 3600 * SECOND
MESSAGE_SALT = 53
FORWARDED = 0.01  # of newsletter clicks: by a friend, who is not the customer


def profile_events(
    rows: Ints, kind: str, *, at: Ints, people: People, sites: tuple[Site, ...], system: str, with_visitor: bool,
    is_second: bool = False,
) -> Columns:  # fmt: skip
    """Account records of the members ``rows``; e-mail and phone in clear, as a shop would deliver them.

    A second account has a number and an e-mail address of its own, no loyalty card, and the telephone of the first.
    """
    account = people.count + rows if is_second else rows
    site = people.site[rows]
    tier = loyalty_tiers(people)[rows]
    born = 365 * 18 + (rows * 7919) % (365 * 55)  # days before 2008: grown-ups of all ages
    visitor = people.device_visitor[people.device[rows, 0]]
    newsletter = people.has_email_consent[rows] & (not is_second)
    return {
        "_site": site,
        "_at": at,
        "event_type": pa.array([kind] * len(rows)),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(site, pa.array([s.id for s in sites])),
        "customer_id": arrays.words(account, people.customer_ids),
        "visitor_id": visitor_ids(visitor if with_visitor else np.full(len(rows), -1)),
        "source_system": pa.array([system] * len(rows)),
        "email": arrays.words(account, people.emails),
        "phone": telephones(people.names.telephone[rows]),
        "loyalty_id": loyalty_cards(np.full(len(rows), -1) if is_second else rows),
        "loyalty_tier": arrays.words(tier, pa.array(["basic", "silver", "gold"])),
        "birth_date": pa.array((14000 - born).astype(np.int32), pa.date32()),
        "country": arrays.words(site, pa.array([s.country or "GB" for s in sites])),
        "has_email_consent": pa.array(newsletter),
        "has_personalization_consent": pa.array((rows * 31) % 100 < 93),
        "attributes": arrays.words(
            rows % 3, pa.array(['{"language":"en"}', '{"language":"de"}', '{"newsletter":"weekly"}'])
        ),
    }


def loyalty_tiers(people: People) -> Ints:
    """Tier by person, were they members: 0 basic, 1 silver, 2 gold."""
    return np.where(people.visits_per_day > 0.7, 2, np.where(people.visits_per_day > 0.35, 1, 0))


def consent_events(rows: Ints, *, at: Ints, people: People, sites: tuple[Site, ...]) -> Columns:
    """Members who change their mind about e-mail (``people`` already holds the new answer)."""
    return {
        "_site": people.site[rows],
        "_at": at,
        "event_type": pa.array(["consent_changed"] * len(rows), pa.string()),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(people.site[rows], pa.array([s.id for s in sites])),
        "customer_id": arrays.words(rows, people.customer_ids),
        "source_system": pa.array(["shop"] * len(rows), pa.string()),
        "has_email_consent": pa.array(people.has_email_consent[rows]),
    }


def deletion_events(rows: Ints, *, at: Ints, people: People, sites: tuple[Site, ...]) -> Columns:
    """Members who delete their account: the shop says so and nothing else of them."""
    return {
        "_site": people.site[rows],
        "_at": at,
        "event_type": pa.array(["account_deleted"] * len(rows), pa.string()),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(people.site[rows], pa.array([s.id for s in sites])),
        "customer_id": arrays.words(rows, people.customer_ids),
        "source_system": pa.array(["shop"] * len(rows), pa.string()),
    }


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A newsletter: its events, and who came because of it."""

    columns: Columns
    click: Ints  # by event: which of ``called`` clicked, -1 for other events
    called: Ints  # persons
    friend: Ints  # by row of ``called``: person it was forwarded to, who clicked instead; -1 for most

    def clicked_on(self, visitor: Ints, people: People) -> Columns:
        """The events with the visitor of each click; ``visitor`` by row of ``called``."""
        by_friend = people.device_visitor[people.device[np.maximum(self.friend, 0), 0]]
        clicker = np.append(np.where(self.friend >= 0, by_friend, visitor), -1)
        return {**self.columns, "visitor_id": visitor_ids(clicker[self.click])}


def newsletter(
    day: int, *, calendar: Calendar, people: People, sites: tuple[Site, ...], rng: np.random.Generator
) -> Mail | None:
    """Tuesday's newsletter to those who agreed; None on other days."""
    if calendar.date(day).weekday() != 1:
        return None
    to = np.flatnonzero(people.has_email_consent & (people.arrival_day < day) & (people.leaving_day >= day))
    n = len(to)
    sent = calendar.midnights[people.site[to], day] + 8 * _HOUR + np.arange(n) % 600 * SECOND
    draw = rng.random(n)
    bounced = draw > 0.992
    opened = draw < 0.27
    clicked = draw < 0.035
    left = (draw >= 0.035) & (draw < 0.037)
    wait = (60 + rng.exponential(3 * 3600, n)).clip(max=13 * 3600).astype(np.int64) * SECOND
    parts = [
        (0, np.arange(n), sent),
        (1, np.flatnonzero(opened), sent + wait),
        (2, np.flatnonzero(clicked), sent + wait + 20 * SECOND),
        (3, np.flatnonzero(bounced), sent + 5 * SECOND),
        (4, np.flatnonzero(left), sent + wait + 40 * SECOND),
    ]
    rows = np.concatenate([p[1] for p in parts])
    kind = np.concatenate([np.full(len(p[1]), p[0]) for p in parts])
    at = np.concatenate([p[2][p[1]] for p in parts])
    order = np.lexsort((rows, kind, at))
    rows, kind, at = rows[order], kind[order], at[order]
    who = to[rows]
    week = calendar.date(day).isocalendar()
    people.has_email_consent[to[left]] = False
    columns: Columns = {
        "_site": people.site[who],
        "_at": at,
        "event_type": arrays.words(kind, pa.array(["sent", "opened", "clicked", "bounced", "unsubscribed"])),
        "occurred_at": arrays.instants(at),
        "site_id": arrays.words(people.site[who], pa.array([s.id for s in sites])),
        "customer_id": arrays.words(who, people.customer_ids),
        "message_id": arrays.hex_ids("m", day * people.count + who, MESSAGE_SALT),
        "message_channel": pa.array(["email"] * len(who), pa.string()),
        "campaign_id": pa.array([f"newsletter-{week.year}-{week.week:02d}"] * len(who), pa.string()),
    }
    called = to[clicked]
    friend = np.where(rng.random(len(called)) < FORWARDED, rng.integers(0, people.count, len(called)), -1)
    click = np.where(kind == 2, (np.cumsum(clicked) - 1)[rows], -1)
    return Mail(columns=columns, click=click, called=called, friend=friend)


def catalogue_records(
    changed: Bools, *, at: Ints, day: int, catalogue: Catalogue, sites: tuple[Site, ...], with_others: bool
) -> Columns:
    """The catalogue's state of the changed (site, item); with articles and postage on the first day."""
    site, item = np.nonzero(changed & (catalogue.launch_day <= day))
    if with_others:
        others = np.arange(catalogue.items, catalogue.service + 1)
        site = np.concatenate([site, np.repeat(np.arange(len(sites)), len(others))])
        item = np.concatenate([item, np.tile(others, len(sites))])
    product = item < catalogue.items
    safe = np.where(product, item, 0)
    kind = np.where(product, 0, np.where(item == catalogue.service, 2, 1))
    price = np.where(product, catalogue.price[site, safe], POSTAGE)
    cost = np.where(product, catalogue.unit_cost[site, safe], POSTAGE_COST)
    paths = pa.array([path for path, _, _ in LEAVES] + ["magazine"])
    text = [f"{style} style, from our {path.split('/')[1]} range." for path, _, _ in LEAVES for style in STYLES]
    launch = np.where(product & (catalogue.launch_day[safe] > 0), at[site] // (24 * _HOUR) * (24 * _HOUR), -1)
    leaf, style = catalogue.leaf[safe], catalogue.style[safe]
    pictures = pa.array([f"https://img.example.com/{item_id}.jpg" for item_id in catalogue.ids.to_pylist()])
    return {
        "_site": site,
        "_at": at[site],
        "event_type": pa.array(["item_upserted"] * len(item), pa.string()),
        "occurred_at": arrays.instants(at[site]),
        "site_id": arrays.words(site, pa.array([s.id for s in sites])),
        "item_id": arrays.words(item, catalogue.ids),
        "item_type": arrays.words(kind, pa.array(["product", "content", "service"])),
        "name": arrays.words(item, catalogue.names),
        "description": arrays.words(np.where(product, leaf * len(STYLES) + style, -1), pa.array(text)),
        "brand": arrays.words(np.where(product, catalogue.brand[safe], -1), pa.array(BRANDS)),
        "category_paths": arrays.lists(np.where(product, leaf, np.where(kind == 1, len(LEAVES), -1))[:, None], paths),
        "price": arrays.money(price, missing=kind == 1),
        "currency": arrays.words(np.where(kind == 1, -1, site), pa.array([s.currency for s in sites])),
        "unit_cost": arrays.money(cost, missing=kind == 1),
        "stock": arrays.numbers(np.where(product, catalogue.stock[site, safe], -1)),
        "valid_from": arrays.instants(np.where(launch >= 0, _launched(catalogue, safe, at, site, day), -1)),
        "image_url": arrays.words(np.where(product, item, -1), pictures),
        "attributes": arrays.words(np.where(product, safe * 7 % len(TRAITS), -1), pa.array(TRAITS)),
    }  # fmt: skip


def _launched(catalogue: Catalogue, item: Ints, at: Ints, site: Ints, day: int) -> Ints:
    """Midnight (UTC) of the day an item was launched."""
    day_length = 24 * _HOUR
    return at[site] // day_length * day_length - (day - catalogue.launch_day[item]) * day_length


def exchange_rates(day: int, *, calendar: Calendar, sites: tuple[Site, ...], rng: np.random.Generator) -> Columns:
    """The day's pound in euros and back, delivered once in the name of the first site."""
    pound = EURO_PER_POUND + 0.012 * np.sin(day / 9.0) + rng.normal(0, 0.002)
    at = np.full(2, calendar.midnights[0, day] + 6 * _HOUR)
    rates = np.round(np.array([pound, 1 / pound]) * 10000).astype(np.int64)
    halves = np.column_stack([rates, np.zeros(2, dtype=np.int64)])
    return {
        "_site": np.zeros(2, dtype=np.int64),
        "_at": at,
        "event_type": pa.array(["rate_published"] * 2),
        "occurred_at": arrays.instants(at),
        "site_id": pa.array([sites[0].id] * 2),
        "from_currency": pa.array(["GBP", "EUR"]),
        "to_currency": pa.array(["EUR", "GBP"]),
        "rate": pa.Array.from_buffers(pa.decimal128(18, 4), 2, [None, pa.py_buffer(halves.tobytes())]),
    }
