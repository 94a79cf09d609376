"""The order of each category of each site: a strategy's, then moved by hand.

Arrays of one category at a time (hundreds of categories, never people). Where the numbers come from is in ``signals``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from perso_pipeline.recommendations.listings.config import Action, Listings, ManualRule, RankingStrategy

CATEGORY_RANKING = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("category_path", pa.string()),
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
        ("strategy", pa.string()),
        ("strategy_from", pa.string()),  # null for the default strategy
        ("rule", pa.string()),  # null where no hand moved it
        ("is_pinned", pa.bool_()),
    ]
)
LISTING_RULES = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("category_path", pa.string()),
        ("rule", pa.string()),
        ("action", pa.string()),
        ("items", pa.int32()),
        ("item_ids", pa.list_(pa.string())),
        ("reason", pa.string()),  # null where it moved something
    ]
)
_NAMED_AT_MOST = 20  # items of a rule that its row names
_ALL_THE_WAY = 1e9  # beyond every 'by'


@dataclass(frozen=True)
class Rankings:
    """The tables of one night: ``category_ranking`` by key and rank, ``listing_rules`` a row per rule in force."""

    category_ranking: pa.Table
    listing_rules: pa.Table


@dataclass(frozen=True)
class Category:
    """The items of one category in the order of its strategy, best first; arrays of one length."""

    path: str
    item_ids: NDArray[np.str_]
    brands: NDArray[np.str_]
    paths: NDArray[np.str_]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class Moved:
    """The order after the rules: indices into the category, the rule of each, pins, and what each rule took hold of."""

    order: NDArray[np.int64]
    rule: tuple[str | None, ...]
    is_pinned: tuple[bool, ...]
    touched: dict[str, tuple[str, ...]]


def rank_categories(signals: pa.Table, listings: Listings, *, night: date) -> Rankings:
    """Every category of every site with something to show, as pages of the day after ``night`` show it.

    Args:
        signals: as ``signals.read_signals`` gives them.
        listings: the owner's strategies and rules.
        night: partition; rules in force on the next day count, because that is when pages show the lists.
    """
    day = night + timedelta(days=1)
    rankings: list[pa.Table] = []
    effects: list[dict[str, object]] = []
    shown: set[tuple[str, str]] = set()
    for site_id in signals["site_id"].unique().to_pylist():
        items = _Items.of(signals.filter(pc.equal(signals["site_id"], site_id)))
        for path, members in _members(items.paths):
            strategy, origin = listings.strategy(site_id, path)
            category = _ordered(path, items, members, strategy)
            entry = listings.own(site_id, path)
            rules = [rule for rule in entry.rules if rule.is_in_force(day)] if entry else []
            moved = move(category, rules)
            kept = moved.order[: listings.ranking.size]
            words = {"strategy": strategy.value, "strategy_from": origin, "site_id": site_id}
            rankings.append(_rows(category, moved, kept, words, night=night))
            effects += [_effect(rule, moved.touched[rule.id], path, site_id=site_id, night=night) for rule in rules]
            shown.add((site_id, path))
        effects += _without_category(listings, site_id, shown, day=day, night=night)
    ranking = pa.concat_tables(rankings) if rankings else CATEGORY_RANKING.empty_table()
    return Rankings(ranking, pa.Table.from_pylist(effects, schema=LISTING_RULES))


def move(category: Category, rules: Sequence[ManualRule]) -> Moved:
    """The rules on one category. Hidden items go; then boost and bury shift; then pins take their places.

    An item follows the first rule that names it. A shift by n passes n others that stay; without ``by`` it goes the
    whole way. A pin beyond the end stands last.
    """
    count = len(category.item_ids)
    holder = np.full(count, -1)
    for number, rule in enumerate(rules):
        holder[(holder < 0) & _named(category, rule)] = number
    key = np.arange(count, dtype=np.float64)
    pins: dict[int, int] = {}  # index of the item -> place
    hidden = np.zeros(count, dtype=bool)
    for number, rule in enumerate(rules):
        mine = holder == number
        shift = _ALL_THE_WAY if rule.by is None else rule.by + 0.5
        if rule.action is Action.HIDE:
            hidden |= mine
        elif rule.action is Action.PIN:
            places = dict(zip(rule.items, rule.places(), strict=True))
            pins |= {int(index): places[str(category.item_ids[index])] for index in np.flatnonzero(mine)}
        else:
            key[mine] += -shift if rule.action is Action.BOOST else shift
    free = [int(i) for i in np.argsort(key, kind="stable") if not hidden[i] and i not in pins]
    order = _with_pins(free, pins)
    named = {rule.id: tuple(category.item_ids[holder == number].tolist()) for number, rule in enumerate(rules)}
    return Moved(
        order=np.array(order, dtype=np.int64),
        rule=tuple(rules[holder[i]].id if holder[i] >= 0 else None for i in order),
        is_pinned=tuple(i in pins for i in order),
        touched=named,
    )


def _with_pins(free: Sequence[int], pins: dict[int, int]) -> list[int]:
    """Pins at their places, everything else around them in its order."""
    by_place = {place: index for index, place in pins.items()}
    order: list[int] = []
    rest = iter(free)
    for place in range(1, len(free) + len(pins) + 1):
        index = by_place.pop(place) if place in by_place else next(rest, None)
        if index is not None:
            order.append(index)
    return order + [by_place[place] for place in sorted(by_place)]


def _named(category: Category, rule: ManualRule) -> NDArray[np.bool_]:
    """Items that a rule names: of every kind it gives, one that fits."""
    named = np.ones(len(category.item_ids), dtype=bool)
    if rule.items:
        named &= np.isin(category.item_ids, rule.items)
    if rule.brands:
        named &= np.isin(category.brands, rule.brands)
    if rule.subcategories:
        named &= np.array([any(lies_in(path, above) for above in rule.subcategories) for path in category.paths])
    return named


def lies_in(path: str, category: str) -> bool:
    """Whether a path is a category or below it."""
    return path == category or path.startswith(f"{category}/")


@dataclass(frozen=True)
class _Items:
    """What a site sells, one array per column, by item id."""

    item_ids: NDArray[np.str_]
    brands: NDArray[np.str_]
    paths: NDArray[np.str_]
    signals: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, rows: pa.Table) -> "_Items":
        names = [name for name in RankingStrategy if name is not RankingStrategy.RECOMMENDED_FOR_YOU]
        return cls(
            item_ids=np.array(rows["item_id"].to_pylist(), dtype=str),
            brands=np.array(rows["brand"].fill_null("").to_pylist(), dtype=str),
            paths=np.array(rows["category_path"].to_pylist(), dtype=str),
            signals={name: rows[name].to_numpy() for name in names},
        )


def _members(paths: NDArray[np.str_]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each category and the rows that stand in it or below it, by path."""
    members: dict[str, list[int]] = {}
    for row, path in enumerate(paths.tolist()):
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            members.setdefault("/".join(parts[:depth]), []).append(row)
    for path in sorted(members):
        yield path, np.array(members[path], dtype=np.int64)


def _ordered(path: str, items: _Items, members: NDArray[np.int64], strategy: RankingStrategy) -> Category:
    """By the strategy's number, then by 28 days of everything, then by id."""
    by = RankingStrategy.MOST_VIEWED if strategy is RankingStrategy.RECOMMENDED_FOR_YOU else strategy
    wanted, scores = items.signals[RankingStrategy.DEFAULT][members], items.signals[by][members]
    best_first = members[np.lexsort((-wanted, -scores))]
    return Category(
        path=path,
        item_ids=items.item_ids[best_first],
        brands=items.brands[best_first],
        paths=items.paths[best_first],
        scores=items.signals[by][best_first],
    )


def _rows(
    category: Category, moved: Moved, kept: NDArray[np.int64], words: Mapping[str, str | None], *, night: date
) -> pa.Table:
    """``words`` are the columns that are the same in every row."""
    count = len(kept)
    columns = {name: pa.repeat(pa.scalar(word, pa.string()), count) for name, word in words.items()} | {
        "night": pa.repeat(pa.scalar(night, pa.date32()), count),
        "category_path": pa.repeat(category.path, count),
        "rank": pa.array(range(1, count + 1), pa.int32()),
        "item_id": pa.array(category.item_ids[kept].tolist(), pa.string()),
        "score": pa.array(category.scores[kept], pa.float64()),
        "rule": pa.array(moved.rule[:count], pa.string()),
        "is_pinned": pa.array(moved.is_pinned[:count], pa.bool_()),
    }
    return pa.table([columns[name] for name in CATEGORY_RANKING.names], schema=CATEGORY_RANKING)


def _effect(rule: ManualRule, items: tuple[str, ...], path: str, *, site_id: str, night: date) -> dict[str, object]:
    missing = sorted(set(rule.items) - set(items))
    reason = None
    if not items:
        reason = "nothing that can be bought in the category is named, or an earlier rule holds it"
    elif missing:
        reason = f"not moved, because not for sale here or held by an earlier rule: {', '.join(missing)}"
    return {
        "night": night, "site_id": site_id, "category_path": path, "rule": rule.id, "action": rule.action.value,
        "items": len(items), "item_ids": list(items[:_NAMED_AT_MOST]), "reason": reason,
    }  # fmt: skip


def _without_category(
    listings: Listings, site_id: str, shown: set[tuple[str, str]], *, day: date, night: date
) -> list[dict[str, object]]:
    """Rules of categories that hold nothing on the site, so that a slip in a path does not pass in silence."""
    return [
        {**_effect(rule, (), entry.category, site_id=site_id, night=night), "reason": "the category has no items here"}
        for entry in listings.categories
        if entry.holds_on(site_id) and (site_id, entry.category) not in shown
        for rule in entry.rules
        if rule.is_in_force(day)
    ]
