"""What a person sees in every placement on a night, and why: read from the stored lists, never computed again.

Plain values for ``perso preview`` and for the metadata of an asset. Layout stays out; a merchandiser's words are in
``words``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from perso_pipeline.contracts.errors import PersoError, nearest
from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.composer import bind
from perso_pipeline.recommendations.readiness import preview_sql as sql
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios

ANYONE = "anyone"


@dataclass(frozen=True)
class Slot:
    """One place of a list: the item and what the trace says of it."""

    rank: int
    item_id: str
    name: str | None
    level: int
    levels: int
    strategy: str
    model: str
    model_version: str
    origins: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Removed:
    """A candidate that would have stood among the first, and the rule that took it out."""

    item_id: str
    name: str | None
    rule: str


@dataclass(frozen=True)
class Page:
    """One placement.

    Attributes:
        subject: What the list was made for, such as an item or a cart; None where it is everybody unknown's.
        subject_kind: Kind of subject that the scenario is for.
        subject_name: Name of an item that is the subject.
        occasion: Why this list is the one that the person sees.
        rules: Filters that stood over the whole list, in order.
        short: Why places are empty; None where none is.
    """

    scenario_id: str
    name: str
    subject: str | None
    subject_kind: str
    subject_name: str | None
    occasion: str
    size: int
    slots: tuple[Slot, ...]
    rules: tuple[str, ...]
    removed: tuple[Removed, ...]
    short: str | None


@dataclass(frozen=True)
class Listed:
    """First places of a category page."""

    category: str
    is_own_order: bool
    strategy: str
    items: tuple[tuple[str, str | None, str], ...]  # id, name, why


@dataclass(frozen=True)
class SitePreview:
    """Everything of one site."""

    site_id: str
    about: Mapping[str, Any]
    pages: tuple[Page, ...]
    menu: tuple[str, ...]
    landing: str | None
    category: Listed | None


@dataclass(frozen=True)
class Preview:
    """A person (or ``anyone``) on a night."""

    person_id: str
    night: date
    sites: tuple[SitePreview, ...]


def preview(
    warehouse: Warehouse, scenarios: Scenarios, who: str, *, site_id: str | None = None, as_of: date | None = None
) -> Preview:
    """The pages of a person as of the newest night with lists on or before ``as_of``.

    Args:
        warehouse: where the night's tables stand.
        scenarios: names and sizes of the placements; others than those stored are left out.
        who: person id, customer number, visitor id, or ``anyone`` for who is not known at all.
        site_id: only this site.
        as_of: None for the newest night.

    Raises:
        PersoError: no night, no such site, or nobody of that name; says what comes nearest.
    """
    night = _night(warehouse, as_of)
    person = ANYONE if who == ANYONE else _person(warehouse, who, night)
    sites = [row["site_id"] for row in _rows(warehouse, sql.SITES, {"night": night})]
    if site_id is not None and site_id not in sites:
        hint = nearest(site_id, sites)
        msg = f"There are no lists for site '{site_id}'{hint} on {night}; there are lists for {', '.join(sites)}."
        raise PersoError(msg)
    known = _rows(warehouse, sql.ABOUT, {"night": night, "person": person})
    about = {row["site_id"]: {k: v for k, v in row.items() if k != "site_id"} for row in known}
    chosen = [site_id] if site_id else [site for site in sites if site in about] or sites
    return Preview(
        person,
        night,
        tuple(_site(warehouse, scenarios, person, about.get(site, {}), site_id=site, night=night) for site in chosen),
    )


def _rows(warehouse: Warehouse, statement: str, bound: Mapping[str, Value]) -> list[dict[str, Any]]:
    return warehouse.query(statement, bind(statement, bound)).to_pylist()


def _first(warehouse: Warehouse, statement: str, bound: Mapping[str, Value]) -> str | None:
    """First value of the first row."""
    return next((str(next(iter(row.values()))) for row in _rows(warehouse, statement, bound)), None)


def _night(warehouse: Warehouse, as_of: date | None) -> date:
    nights: list[date] = []
    if warehouse.exists("recommendations.recommendations"):
        found = warehouse.query("select distinct night from recommendations.recommendations order by night")
        nights = found.column(0).to_pylist()
    if not nights:
        msg = "No night has made lists yet; run one with 'perso run' first."
        raise PersoError(msg)
    before = [night for night in nights if as_of is None or night <= as_of]
    if not before:
        msg = f"There are no lists of {as_of} or before; the first night with lists is {nights[0]}."
        raise PersoError(msg)
    return before[-1]


def _person(warehouse: Warehouse, who: str, night: date) -> str:
    found = _first(warehouse, sql.WHO, {"who": who, "night": night})
    if found is not None:
        return found
    near = _first(warehouse, sql.NEAREST, {"who": who, "night": night})
    hint = f"the nearest known is '{near}'" if near else "nobody is known at all"
    msg = f"Nobody is known as '{who}' on {night}; {hint}. For who is not known at all: --person anyone."
    raise PersoError(msg)


def _site(
    warehouse: Warehouse, scenarios: Scenarios, person: str, about: Mapping[str, Any], *, site_id: str, night: date
) -> SitePreview:
    bound: dict[str, Value] = {"night": night, "site": site_id, "person": person}
    cart_days = max((one.cart_days for one in scenarios.scenarios if one.subject.value == "cart"), default=0)
    contexts = {} if person == ANYONE else _contexts(warehouse, {**bound, "cart_days": cart_days})
    if about.get("segment_id"):
        contexts["segment"] = (about["segment_id"], "for their segment")
    pages = [
        _page(warehouse, scenario, contexts, bound)
        for scenario in scenarios.scenarios
        if not scenario.sites or site_id in scenario.sites
    ]
    menu = _rows(warehouse, sql.MENU, bound) if warehouse.exists("activation.navigation") else []
    return SitePreview(
        site_id=site_id,
        about=about,
        pages=tuple(page for page in pages if page is not None),
        menu=tuple(row["category"] for row in menu),
        landing=next((row["category"] for row in menu if row["is_landing"]), None),
        category=_category(warehouse, menu, bound),
    )


def _contexts(warehouse: Warehouse, bound: Mapping[str, Value]) -> dict[str, tuple[str, str]]:
    """Kind of subject -> the one that the person would meet next, and how that is known."""
    found = {"person": (str(bound["person"]), "for this person")}
    for kind, statement, words in (
        ("item", sql.LAST_ITEM, "beside the item they saw last"),
        ("cart", sql.OPEN_CART, "for their open cart"),
        ("category", sql.LAST_CATEGORY, "in the category of the item they saw last"),
        ("search_term", sql.LAST_TERM, "after their last search"),
    ):
        subject = _first(warehouse, statement, bound)
        if subject is not None:
            found[kind] = (subject, words)
    return found


def _page(
    warehouse: Warehouse, scenario: Scenario, contexts: Mapping[str, tuple[str, str]], bound: Mapping[str, Value]
) -> Page | None:
    kind = scenario.subject.value
    unknown = f"as everybody unknown sees it: no {kind.replace('_', ' ')} known"
    subject, occasion = contexts.get(kind, (None, "the same for everybody" if kind == "none" else unknown))
    keyed = {**bound, "scenario": scenario.id, "kind": kind, "subject": subject}
    rows = _rows(warehouse, sql.SLOTS, keyed) if subject else []
    short = _rows(warehouse, sql.SHORT, keyed) if subject else []
    if not rows and not short:
        occasion = f"as everybody unknown sees it: {subject} has no list" if subject else occasion
        subject, keyed = None, {**keyed, "kind": ANYONE, "subject": "*"}
        rows = _rows(warehouse, sql.SLOTS, keyed)
        if not rows:
            return None
    removed = _rows(warehouse, sql.REMOVED, keyed)
    rules = [str(rule) for rule in scenario.filters]
    return Page(
        scenario_id=scenario.id,
        name=scenario.name,
        subject=subject,
        subject_kind=kind,
        subject_name=_first(warehouse, sql.NAME, keyed) if kind == "item" and subject else None,
        occasion=occasion,
        size=scenario.size,
        slots=tuple(_slot(row, len(scenario.levels), rules) for row in rows),
        rules=tuple(rules),
        removed=tuple(Removed(row["item_id"], row["name"], row["rule"]) for row in removed),
        short=short[0]["reason"] if short else None,
    )


def _slot(row: Mapping[str, Any], levels: int, filters: Sequence[str]) -> Slot:
    return Slot(
        rank=row["rank"],
        item_id=row["item_id"],
        name=row["name"],
        level=row["level"],
        levels=levels,
        strategy=row["strategy"],
        model=row["model"],
        model_version=row["model_version"],
        origins=tuple(row["origins"] or ()),
        notes=tuple(note for note in row["rules"] or () if note not in filters),
    )


def _category(warehouse: Warehouse, menu: Sequence[Mapping[str, Any]], bound: Mapping[str, Value]) -> Listed | None:
    """The page of the first category of their menu."""
    if not menu or not warehouse.exists("recommendations.category_ranking"):
        return None
    keyed = {**bound, "category": menu[0]["category"]}
    own = _rows(warehouse, sql.OWN_CATEGORY, keyed)
    rows = own or _rows(warehouse, sql.CATEGORY, keyed)
    if not rows:
        return None
    return Listed(
        category=menu[0]["category"],
        is_own_order=bool(own),
        strategy=rows[0]["strategy"],
        items=tuple((row["item_id"], row["name"], row["why"]) for row in rows),
    )
