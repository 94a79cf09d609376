"""What a config cannot keep, found before the night: lists that cannot be full, categories that nobody sells.

The files alone say some of it, the newest catalogue the rest. How lists turned out is ``measure``'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from perso_pipeline.contracts.config_files import error_at
from perso_pipeline.contracts.errors import nearest
from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.composer import bind, parameters_of
from perso_pipeline.recommendations.levels import UNAVAILABLE, Filter
from perso_pipeline.recommendations.listings.config import FILE, Listings
from perso_pipeline.recommendations.listings.ranking import lies_in
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios
from perso_pipeline.recommendations.subjects import END, ITEM_RULES, UNAVAILABLE_TEST, site_condition

CATALOGUE = "profiles.item_profiles"


@dataclass(frozen=True)
class Problem:
    """One thing that a night would run into; ``is_certain`` where lists stay short whatever else happens."""

    text: str
    is_certain: bool


def newest_catalogue(warehouse: Warehouse) -> date | None:
    """The newest night with a catalogue; None before the first."""
    if not warehouse.exists(CATALOGUE):
        return None
    newest: date | None = warehouse.query(f"select max(night) as night from {CATALOGUE}")["night"][0].as_py()
    return newest


def problems_of_catalogue(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Iterator[Problem]:
    """Scenarios whose filters leave fewer items of a site than a list has places."""
    for scenario in scenarios.scenarios:
        statement = f"with {_items_sql(scenario)} {_LEFT}"
        rows = warehouse.query(statement, bind(statement, parameters_of(scenario, scenarios, night=night))).to_pylist()
        for site in scenario.sites:
            if site not in {row["site_id"] for row in rows}:
                text = f"scenario '{scenario.id}' names site '{site}', whose catalogue of {night} is empty"
                yield Problem(f"scenarios.yml: {text}; deliver catalog_items for it.", is_certain=True)
        for row in rows:
            left = row["families" if Filter.VARIANTS in scenario.filters else "items"]
            left -= Filter.SAME_ITEM in scenario.filters and left > 0
            if left < scenario.size:
                yield Problem(_too_few(scenario, row, left=left, night=night), is_certain=True)


def _too_few(scenario: Scenario, row: Mapping[str, Any], *, left: int, night: date) -> str:
    removed = ", ".join(f"{rule} {count}" for rule, count in zip(row["rules"], row["removed"], strict=True))
    return (
        f"scenarios.yml: scenario '{scenario.id}' has {scenario.size} places, but of {row['catalogue']} items of "
        f"{row['site_id']} on {night} only {left} may stand there (taken off: {removed or 'none'}); "
        "make it smaller, or its filters fewer."
    )


def _items_sql(scenario: Scenario) -> str:
    """``items``: the sites' catalogue of the night with the first filter, if any, that takes an item off every list."""
    tests = {UNAVAILABLE: UNAVAILABLE_TEST} | {
        str(rule): ITEM_RULES[rule] for rule in scenario.filters if rule in ITEM_RULES
    }
    expired = ITEM_RULES[Filter.EXPIRED].format(end=END)
    cases = " ".join(f"when {test.format(end=END, expired=expired)} then '{rule}'" for rule, test in tests.items())
    return f"""items as (
    select site_id, coalesce(parent_item_id, item_id) as family, case {cases} end as item_rule
    from profiles.item_profiles
    where night = $night and {site_condition(scenario)}
)"""


# of each site: what is left by items and by families, and what each rule takes off
_LEFT = """
, removed as (
    select site_id, list(item_rule order by item_rule) as rules, list(items order by item_rule) as removed
    from (select site_id, item_rule, count(*) as items from items where item_rule is not null group by all)
    group by site_id
)
select
    i.site_id, count(*) as catalogue, count(*) filter (i.item_rule is null) as items,
    count(distinct i.family) filter (i.item_rule is null) as families,
    coalesce(any_value(r.rules), []) as rules, coalesce(any_value(r.removed), []) as removed
from items as i
left join removed as r on r.site_id = i.site_id
group by i.site_id
order by i.site_id"""


def problems_of_listings(
    warehouse: Warehouse, listings: Listings, config_dir: Path, *, night: date
) -> Iterator[Problem]:
    """Categories, items and brands of ``listings.yml`` that no site it holds for has."""
    rows = warehouse.query(_STOCKED, {"night": night}).to_pylist()
    for number, entry in enumerate(listings.categories):
        mine = [row for row in rows if entry.holds_on(row["site_id"])]
        paths = {path for row in mine if row["category_path"] for path in _with_upper(row["category_path"])}
        where = f"the catalogue of {', '.join(entry.sites) or 'any site'} on {night}"
        if entry.category not in paths:
            words = f"'{entry.category}' is no category in {where}{nearest(entry.category, paths)}"
            yield _problem(config_dir, ("categories", number, "category"), words)
            continue
        inside = [row for row in mine if row["category_path"] and lies_in(row["category_path"], entry.category)]
        known = {
            "items": {row["item_id"] for row in inside},
            "brands": {row["brand"] for row in inside if row["brand"]},
            "subcategories": {path for path in paths if lies_in(path, entry.category)},
        }
        for place, rule in enumerate(entry.rules):
            for kind, given in (("items", rule.items), ("brands", rule.brands), ("subcategories", rule.subcategories)):
                for at, word in enumerate(given):
                    if word not in known[kind]:
                        hint = "" if kind == "items" else nearest(word, known[kind])
                        words = f"'{word}' is not in '{entry.category}' in {where}{hint}"
                        yield _problem(config_dir, ("categories", number, "rules", place, kind, at), words)


_STOCKED = """
select distinct site_id, item_id, brand, category_path from profiles.item_profiles
where night = $night
order by all"""


def _problem(config_dir: Path, location: tuple[int | str, ...], words: str) -> Problem:
    return Problem(str(error_at(config_dir / FILE, location, words)), is_certain=False)


def _with_upper(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
