"""Shoppers: site, tastes, habits, accounts and the devices they hold.

Who people are, which cookies they carry and when they come. What they do on a visit stands in ``visits``.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from perso_pipeline.contracts.assignment import share_sql
from perso_pipeline.shop.arrays import Bools, Floats, Ints, hex_ids
from perso_pipeline.shop.catalogue import Catalogue, site_shares
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.names import Names, customer_ids, emails, give_names
from perso_pipeline.shop.words import BROWSERS

SLOTS = 3  # devices a person may have
TASTES = 5  # groups a person likes
VISITOR_SALT = 11
_PERSONAS = 24


@dataclass(kw_only=True)
class People:
    """Arrays by person; ``device`` holds device numbers by person and slot, -1 where there is none."""

    site: Ints
    persona: Ints
    tastes: Ints  # (people, TASTES) groups
    weights: Floats  # (people, TASTES), sum 1
    visits_per_day: Floats
    arrival_day: Ints  # -1 for people of old
    leaving_day: Ints
    buying: Floats  # mean 1: multiplies the chance to buy
    is_member: Bools
    has_email_consent: Bools
    device: Ints
    names: Names
    first_shared_device: int  # offices and kiosks stand after everybody's own devices
    customer_ids: pa.Array  # by code, see ``names``
    emails: pa.Array
    device_visitor: Ints  # present cookie of each device
    device_browser: Ints
    visitor_shares: dict[str, Floats]  # salt to, by visitor number, where the hash of the cookie falls
    visitors: int

    @property
    def count(self) -> int:
        return len(self.site)

    def clear_cookies(self, rng: np.random.Generator) -> None:
        """A few devices lose their cookie over night and come back as a new visitor."""
        lost = np.flatnonzero(rng.random(len(self.device_visitor)) < 0.004)
        self.device_visitor[lost] = self.visitors + np.arange(len(lost))
        self.visitors += len(lost)

    def shares(self, salt: str) -> Floats:
        """The salted hash of every cookie so far, by visitor number."""
        known = self.visitor_shares.get(salt, np.zeros(0))
        if len(known) < self.visitors:
            known = np.concatenate([known, visitor_shares(np.arange(len(known), self.visitors), salt)])
            self.visitor_shares[salt] = known
        return known


def visitor_ids(numbers: Ints) -> pa.Array:
    return hex_ids("v", numbers, VISITOR_SALT)


def visitor_shares(numbers: Ints, salt: str) -> Floats:
    """``contracts.assignment.share`` of many cookies, by DuckDB's md5."""
    rows = pa.table({"visitor_id": visitor_ids(numbers)})
    with duckdb.connect() as connection:
        connection.register("visitors", rows)
        found = connection.sql(f"select {share_sql('visitor_id', salt=salt)} as share from visitors").fetchnumpy()
    return np.asarray(found["share"], dtype=np.float64)


def build_people(config: ShopConfig, catalogue: Catalogue, rng: np.random.Generator) -> People:
    """Everyone who will come in the period, people of old and new ones."""
    n = config.people
    site = rng.choice(len(config.sites), n, p=site_shares(len(config.sites)))
    tastes, weights, persona = _tastes(n, catalogue, rng)
    arrival = np.where(rng.random(n) < 0.55, -1, rng.integers(0, config.days, n))
    is_member = rng.random(n) < 0.55
    devices_of = rng.choice(np.array([1, 2, 3]), n, p=[0.55, 0.33, 0.12])
    owned = np.arange(SLOTS)[None, :] < devices_of[:, None]
    device = np.where(owned, np.cumsum(owned.ravel()).reshape(n, SLOTS) - 1, -1)
    kinds = np.array([kind for _, kind in BROWSERS])
    want = rng.choice(np.array(["desktop", "mobile", "tablet"]), int(owned.sum()), p=[0.42, 0.5, 0.08])
    browser = np.empty(int(owned.sum()), dtype=np.int64)
    for kind in ("desktop", "mobile", "tablet"):
        mine = want == kind
        options = np.flatnonzero(kinds == kind)
        browser[mine] = rng.choice(options, int(mine.sum()))
    _share_devices(device, site, rng)
    own = int(owned.sum())
    names = give_names(site, is_member, rng)
    visitors = own + names.shared_devices
    browser = np.concatenate([browser, np.full(names.shared_devices, np.flatnonzero(kinds == "desktop")[0])])
    return People(
        site=site, persona=persona, tastes=tastes, weights=weights,
        visits_per_day=rng.gamma(0.9, 0.36 / 0.9, n) * config.activity,
        arrival_day=arrival,
        leaving_day=np.maximum(arrival, 0) + rng.exponential(150.0, n).astype(np.int64),
        buying=rng.gamma(2.0, 0.5, n),
        is_member=is_member,
        has_email_consent=is_member & (rng.random(n) < 0.6),
        device=device, names=names, first_shared_device=own,
        customer_ids=customer_ids(n), emails=emails(n),
        device_visitor=np.arange(visitors), device_browser=browser,
        visitor_shares={}, visitors=visitors,
    )  # fmt: skip


def _tastes(n: int, catalogue: Catalogue, rng: np.random.Generator) -> tuple[Ints, Floats, Ints]:
    """Three groups of the persona, two of one's own; weights fall off quickly."""
    size = np.add.reduceat(catalogue.popularity, catalogue.group_start[:-1]) ** 0.7
    chance = size / size.sum()
    per_persona = min(7, catalogue.groups)
    pools = np.stack([rng.choice(catalogue.groups, per_persona, replace=False, p=chance) for _ in range(_PERSONAS)])
    persona = rng.choice(_PERSONAS, n, p=rng.dirichlet(np.full(_PERSONAS, 6.0)))
    shuffled = rng.permuted(np.tile(np.arange(per_persona), (n, 1)), axis=1)[:, : TASTES - 1]
    shared = np.take_along_axis(pools[persona], shuffled, axis=1)
    own = rng.choice(catalogue.groups, n, p=chance)
    tastes = np.column_stack([shared, own])
    weights = rng.gamma(np.array([2.5, 1.6, 1.0, 0.6, 0.8]), 1.0, (n, TASTES)) + 0.02
    return tastes, weights / weights.sum(axis=1, keepdims=True), persona


def _share_devices(device: Ints, site: Ints, rng: np.random.Generator) -> None:
    """About 2 in 100 devices are held by two people of one site: the second takes the first one's main device."""
    n = len(site)
    chosen = rng.permutation(n)[: max(2, int(0.06 * n)) // 2 * 2]
    chosen = chosen[np.argsort(site[chosen], kind="stable")]
    first, second = chosen[::2], chosen[1::2]
    same = site[first] == site[second]
    device[second[same], 0] = device[first[same], 0]
