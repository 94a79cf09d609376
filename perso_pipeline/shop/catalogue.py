"""The assortment: items with tastes hidden in them, prices, costs and stock as they change by the day.

What an item is and what there is of it. Who chooses it stands in ``people`` and ``visits``.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from perso_pipeline.shop.arrays import Bools, Floats, Ints
from perso_pipeline.shop.config import ShopConfig
from perso_pipeline.shop.words import ARTICLES, BRANDS, FINISHES, LEAVES, STYLES

EURO_PER_POUND = 1.16
_PRICE_FACTOR = {"GBP": 1.0, "EUR": 1.2, "USD": 1.3}


@dataclass(kw_only=True)
class Catalogue:
    """Items sorted by group (leaf category x style); arrays by item, or by site and item.

    ``group`` is the hidden taste unit: people like groups, so items of a group are seen and bought together.
    """

    leaf: Ints
    style: Ints
    group: Ints
    group_start: Ints  # first item of each group, and one past the last
    brand: Ints
    launch_day: Ints  # 0 where the item is there from the first day
    popularity: Floats
    base_price: Ints  # cents, (sites, items)
    unit_cost: Ints  # cents, (sites, items)
    price: Ints  # cents today, (sites, items)
    sale_until: Ints  # last day of the running sale, -1 without one, (sites, items)
    stock: Ints  # (sites, items)
    restock_on: Ints  # day on which goods come in, -1 when none are on the way, (sites, items)
    weekly_demand: Floats
    ids: pa.Array  # item ids: products, then articles, then the one service
    names: pa.Array
    cumulative: Floats = None  # type: ignore[assignment]

    @property
    def items(self) -> int:
        return len(self.leaf)

    @property
    def groups(self) -> int:
        return len(self.group_start) - 1

    @property
    def service(self) -> int:
        """Code of postage."""
        return self.items + len(ARTICLES)

    def open_day(self, day: int, rng: np.random.Generator) -> Bools:
        """Take deliveries, start and end sales; returns which (site, item) changed."""
        arrived = self.restock_on == day
        amount = np.maximum(4, rng.poisson(self.weekly_demand * 3.0, self.stock.shape))
        self.stock = np.where(arrived, self.stock + amount, self.stock)
        self.restock_on = np.where(arrived, -1, self.restock_on)
        ending = (self.sale_until >= 0) & (self.sale_until < day)
        self.price = np.where(ending, self.base_price, self.price)
        self.sale_until = np.where(ending, -1, self.sale_until)
        starting = (self.sale_until < 0) & (rng.random(self.price.shape) < 0.006)
        cut = rng.choice(np.array([0.15, 0.2, 0.3]), self.price.shape)
        lowered = _charm(self.base_price * (1 - cut))
        self.price = np.where(starting, lowered, self.price)
        self.sale_until = np.where(starting, day + rng.integers(4, 10, self.price.shape), self.sale_until)
        weight = self.popularity * (self.launch_day <= day) * np.where(self.stock > 0, 1.0, 0.3)
        weight = weight * np.where(self.sale_until >= 0, 1.25, 1.0)
        self.cumulative = np.cumsum(weight.ravel())
        return arrived | ending | starting | (self.launch_day == day)

    def choose(self, site: Ints, group: Ints, rng: np.random.Generator) -> Ints:
        """One item per row: of ``group`` by popularity, or of the whole shop where ``group`` is -1."""
        base = site * self.items
        whole = group < 0
        low = base + np.where(whole, 0, self.group_start[np.maximum(group, 0)])
        high = base + np.where(whole, self.items, self.group_start[np.maximum(group, 0) + 1])
        padded = np.concatenate([[0.0], self.cumulative])
        at = padded[low] + rng.random(len(site)) * (padded[high] - padded[low])
        found = np.searchsorted(self.cumulative, at, side="right")
        return np.clip(found, low, high - 1) - base

    def sell(self, site: Ints, item: Ints, quantity: Ints, day: int, rng: np.random.Generator) -> Bools:
        """Take stock for the day; returns which (site, item) ran out. Oversold lines are the caller's affair."""
        np.subtract.at(self.stock, (site, item), quantity)
        empty = self.stock <= 0
        self.stock = np.maximum(self.stock, 0)
        order = empty & (self.restock_on < 0)
        self.restock_on = np.where(order, day + rng.integers(2, 9, self.stock.shape), self.restock_on)
        return empty


def _charm(cents: Floats) -> Ints:
    """Prices that end in .99 (never below .99)."""
    return (np.maximum(1, np.round((cents + 1) / 100)) * 100 - 1).astype(np.int64)


def build_catalogue(config: ShopConfig, rng: np.random.Generator) -> Catalogue:
    """The assortment on the first morning."""
    n = config.items
    leaves = min(len(LEAVES), max(12, n // 25))
    styles = int(np.clip(n // (leaves * 9), 2, len(STYLES)))
    groups = leaves * styles
    group_weight = rng.dirichlet(np.full(groups, 3.0))
    group = np.sort(np.concatenate([np.arange(min(groups, n)), rng.choice(groups, max(0, n - groups), p=group_weight)]))
    rank = rng.permutation(n) + 1
    popularity = (rank + 2.0) ** -0.85
    popularity /= popularity.sum()
    leaf, style = group // styles, group % styles
    first_of_group = np.append(True, group[1:] != group[:-1])
    brand_pool = (style[:, None] + len(STYLES) * rng.integers(0, 3, (groups, 2))[group]) % len(BRANDS)
    brand = np.where(rng.random(n) < 0.65, brand_pool[:, 0], brand_pool[:, 1])
    launch = np.where(~first_of_group & (rng.random(n) < 0.06), rng.integers(1, max(2, config.days), n), 0)
    median = np.array([price for _, _, price in LEAVES])[leaf]
    pounds = median * np.exp(rng.normal(0.0, 0.35, n)) * (1 + 0.06 * (style - styles / 2))
    factors = np.array([_PRICE_FACTOR.get(site.currency, 1.0) for site in config.sites])
    base_price = _charm(pounds[None, :] * factors[:, None] * 100)
    unit_cost = np.round(base_price * rng.uniform(0.45, 0.65, n)[None, :]).astype(np.int64)
    # pieces sold in a week: about .14 per person (measured), spread over items as they are liked
    share = site_shares(len(config.sites))
    demand = 0.14 * config.people * config.activity * popularity[None, :] * share[:, None]
    stock = rng.poisson(demand * rng.uniform(0.5, 6.0, demand.shape)) + rng.integers(0, 8, demand.shape)
    finish = rng.integers(0, len(FINISHES), n)
    names = [f"{STYLES[s]} {LEAVES[c][1]} in {FINISHES[f]}" for s, c, f in zip(style, leaf, finish, strict=True)]
    ids = [f"P{100000 + 7 * i}" for i in range(n)] + [f"ART{i + 1:03d}" for i in range(len(ARTICLES))] + ["POSTAGE"]
    return Catalogue(
        leaf=leaf, style=style, group=group,
        group_start=np.searchsorted(group, np.arange(groups + 1)),
        brand=brand, launch_day=launch, popularity=popularity,
        base_price=base_price, unit_cost=unit_cost, price=base_price.copy(),
        sale_until=np.full(base_price.shape, -1), stock=stock.astype(np.int64),
        restock_on=np.full(base_price.shape, -1), weekly_demand=demand,
        ids=pa.array(ids), names=pa.array([*names, *ARTICLES, "Standard delivery"]),
    )  # fmt: skip


def site_shares(sites: int) -> Floats:
    """How people spread over sites: each site has two thirds of the one before."""
    weight = (2 / 3) ** np.arange(sites)
    return weight / weight.sum()
