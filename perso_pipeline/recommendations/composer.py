"""Lists from candidates: all subjects of a part at once, part after part.

Which subjects, in what order the scenarios of a page, and the tables they end in. How one scenario's lists are made is
``composition``'s; nothing here loops over people or items.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.allocated_lists import ALLOCATED_ITEMS, ALLOCATIONS, Stock, allocated
from perso_pipeline.recommendations.composition.catalogue import read_catalogue
from perso_pipeline.recommendations.composition.lists import make_lists
from perso_pipeline.recommendations.composition.off_rows import rejection_table, short_table
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.reader import Reader
from perso_pipeline.recommendations.composition.rows import (
    RECOMMENDATIONS,
    REJECTIONS,
    SHORT_LISTS,
    TRACE,
    slot_tables,
)
from perso_pipeline.recommendations.composition.rules import active_rules, columns_of
from perso_pipeline.recommendations.composition.setting import Page
from perso_pipeline.recommendations.levels import Subject
from perso_pipeline.recommendations.merchandising import Rule
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios
from perso_pipeline.recommendations.subjects import Part
from perso_pipeline.recommendations.submodels import check_submodels
from perso_pipeline.resources.in_turn import in_turn

# with 100 candidates each 2.3 GB, and two parts are composed at a time; more than those wait, so that memory stays flat
SUBJECTS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Composition:
    """Lists of one night: Arrow tables, each sorted by its key.

    ``recommendations`` has a row per slot filled, ``trace`` its origin and rules, ``rejections`` a row per
    candidate that a rule took out of the first ``size`` places, ``short_lists`` a row per list with empty
    slots and why, ``allocations`` and ``allocated_items`` what the bound of stock did where a scenario has one.
    """

    recommendations: pa.Table
    trace: pa.Table
    rejections: pa.Table
    short_lists: pa.Table
    allocations: pa.Table = field(default_factory=ALLOCATIONS.empty_table)
    allocated_items: pa.Table = field(default_factory=ALLOCATED_ITEMS.empty_table)

    def tables(self) -> dict[str, pa.Table]:
        """The tables under the names they have in the warehouse."""
        return {
            "recommendations.recommendations": self.recommendations,
            "recommendations.recommendation_trace": self.trace,
            "recommendations.recommendation_rejections": self.rejections,
            "recommendations.short_lists": self.short_lists,
            "recommendations.allocations": self.allocations,
            "recommendations.allocated_items": self.allocated_items,
        }


def compose(
    warehouse: Warehouse, scenarios: Scenarios, *, night: date, subjects_at_once: int = SUBJECTS_AT_ONCE
) -> Composition:
    """Compose every scenario for one night, from rows known on that night or before."""
    parts = list(compose_parts(warehouse, scenarios, night=night, subjects_at_once=subjects_at_once))
    return _whole(parts)


def compose_parts(
    warehouse: Warehouse, scenarios: Scenarios, *, night: date, subjects_at_once: int = SUBJECTS_AT_ONCE
) -> Iterator[Composition]:
    """The same a part at a time: of one scenario and some of its subjects; words are coded (dictionary arrays)."""
    check_submodels(warehouse, scenarios.scenarios, night=night)
    tonight = {s.id: scenarios.merchandising.of(s.id, night) for s in scenarios.scenarios}
    rules = tuple(rule for rule in scenarios.merchandising.in_order if any(rule in some for some in tonight.values()))
    columns, bound = columns_of(rules)
    weights = {f"w_{name}": weight for name, weight in scenarios.popularity.model_dump().items()}
    catalogue = read_catalogue(warehouse, night=night, weights=weights, columns=columns, parameters=bound)
    reader = Reader(warehouse, catalogue, night=night, weights=weights)
    bounded: dict[str, list[Composition]] = {s.id: [] for s in scenarios.scenarios if s.allocation}

    def composed(task: tuple[Sequence[Scenario], Part]) -> list[tuple[Scenario, Composition]]:
        some, part = task
        return list(_part(PartReader(reader, part), some, rules, tonight, night=night))

    tasks = (
        (some, part)
        for kind, some in _by_kind(scenarios.scenarios).items()
        for part in _parts(reader, kind, subjects_at_once)
    )
    for lists in in_turn(composed, tasks):
        for scenario, made in lists:
            if scenario.allocation:
                bounded[scenario.id].append(made)
            else:
                yield made
    yield from _within_stock(warehouse, scenarios, bounded, night=night)


def _part(
    reader: PartReader,
    scenarios: Sequence[Scenario],
    rules: Sequence[Rule],
    tonight: Mapping[str, Sequence[Rule]],
    *,
    night: date,
) -> Iterator[tuple[Scenario, Composition]]:
    """All scenarios for one part, those of a page one after another.

    With candidates to spare where a scenario's lists are to be cut by stock; what is rejected is that of its own size.
    """
    pages: dict[str, Page] = {}
    for scenario in scenarios:
        active = active_rules(rules, tonight[scenario.id], scenario, reader)
        page = pages.get(scenario.page or "", Page.empty())
        made = make_lists(scenario, active, reader, page, night=night)
        if scenario.page:
            pages[scenario.page] = page.with_more(made.page())
        rejections = rejection_table(made, scenario, reader, night=night)
        filled = scenario
        if scenario.allocation:
            filled = scenario.model_copy(update={"size": scenario.size + scenario.allocation.spare})
            made = make_lists(filled, active, reader, page, night=night)
        recommendations, trace = slot_tables(made, filled, reader, night=night)
        short = short_table(made, filled, reader, night=night)
        yield scenario, Composition(recommendations, trace, rejections, short)


def _within_stock(
    warehouse: Warehouse, scenarios: Scenarios, bounded: Mapping[str, Sequence[Composition]], *, night: date
) -> Iterator[Composition]:
    """Lists of all parts, cut to their size: what one list is promised another one is not."""
    stock = Stock.of(warehouse, night=night) if bounded else None
    for scenario in scenarios.scenarios:
        if scenario.allocation is None or stock is None:
            continue
        wide = _whole(bounded[scenario.id])
        cut = allocated(
            warehouse, wide.recommendations, wide.trace, wide.short_lists,
            scenario=scenario, config=scenario.allocation, stock=stock, night=night,
        )  # fmt: skip
        rejections = pa.concat_tables([wide.rejections, cut.rejections])
        yield Composition(cut.recommendations, cut.trace, rejections, cut.short_lists, cut.allocations, cut.items)


def _by_kind(scenarios: Sequence[Scenario]) -> dict[Part, list[Scenario]]:
    """Scenarios whose subjects are the same, in the order in which they are filled."""
    kinds: dict[Part, list[Scenario]] = {}
    for scenario in sorted(scenarios, key=lambda s: s.page_priority):
        cart_days = scenario.cart_days if scenario.subject is Subject.CART else 0
        kinds.setdefault(Part(scenario.subject, cart_days), []).append(scenario)
    return kinds


def _parts(reader: Reader, kind: Part, subjects_at_once: int) -> list[Part]:
    """The subjects of a kind in parts of about so many, by ranges of their ids."""
    carts = reader.open_carts(kind)
    subjects = reader.query(f"select count(*) as subjects from ({kind.subjects_sql})", {}, carts)["subjects"][0].as_py()
    parts = max(1, -(-subjects // subjects_at_once))
    if parts == 1:
        return [kind]
    bounds = f"""
    select min(subject_id) as first_id
    from (select subject_id, ntile({parts}) over (order by subject_id) as part from ({kind.subjects_sql}))
    group by part order by part"""
    first = reader.query(bounds, {}, carts)["first_id"].to_pylist()
    edges = [None, *dict.fromkeys(first[1:]), None]
    return [Part(kind.subject, kind.cart_days, a, b) for a, b in itertools.pairwise(edges)]


def parameters_of(scenario: Scenario, scenarios: Scenarios, *, night: date) -> dict[str, Value]:
    """All values that statements about a scenario's lists may bind."""
    return {
        "night": night,
        "size": scenario.size,
        "bought_days": scenario.bought_days,
        "viewed_days": scenario.viewed_days,
        "cart_days": scenario.cart_days,
        "w_purchases": scenarios.popularity.purchases,
        "w_cart_adds": scenarios.popularity.cart_adds,
        "w_views": scenarios.popularity.views,
        **{f"site_{n}": site for n, site in enumerate(scenario.sites)},
    }


def bind(statement: str, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters that a statement names: DuckDB refuses any more."""
    return {name: value for name, value in parameters.items() if f"${name}" in statement}


_SCHEMAS = {
    "recommendations": RECOMMENDATIONS,
    "trace": TRACE,
    "rejections": REJECTIONS,
    "short_lists": SHORT_LISTS,
    "allocations": ALLOCATIONS,
    "allocated_items": ALLOCATED_ITEMS,
}


def _whole(parts: Sequence[Composition]) -> Composition:
    """The tables of all parts, words in place of codes."""
    last = {"rejections": ("rule", "item_id"), "allocated_items": ("item_id",)}
    made = {
        name: _together([getattr(part, name) for part in parts], schema, *last.get(name, ("rank",)))
        for name, schema in _SCHEMAS.items()
    }
    return Composition(**made)


def _together(parts: Sequence[pa.Table], schema: pa.Schema, *last: str) -> pa.Table:
    names = ["night", "site_id", "scenario_id", "subject_type", "subject_id", *last]
    whole = pa.concat_tables([part.select(schema.names).cast(schema) for part in parts])
    return whole.sort_by([(name, "ascending") for name in names if name in schema.names]).combine_chunks()
