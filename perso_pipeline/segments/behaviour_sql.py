"""Behaviours to columns: one relation per source table, each scanned once, one filtered aggregate per behaviour.

Persons are resolved as of the night, and nothing that became known later is read. What a config says is only ever
a literal of the syntax tree. Keep the profiles and the rules around behaviours out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlglot import exp, parse_one

from perso_pipeline.segments.behaviour import (
    ITEM_EVENTS,
    ORDER_EVENTS,
    ORDER_TOTALS,
    VISIT_EVENTS,
    VISIT_TOTALS,
    DidNot,
    Has,
)
from perso_pipeline.segments.conditions import among, fact_conditions, item_conditions, literal

Behaviour = DidNot | Has

_PEOPLE = """
    select identifier, person_id from identity.identity_map
    where known_on <= $night and (void_on is null or void_on > $night)
"""
_VISITS = """
    select session_id, channel, device_type from interactions.sessions where known_on <= $night
"""
_ITEM_FACTS = """
    select people.person_id, facts.site_id
    from interactions.interactions as facts
    inner join people on facts.identifier = people.identifier
    where facts.known_on <= $night and facts.event_date <= $night and facts.is_robot is not true
    group by people.person_id, facts.site_id
"""
_VISIT_FACTS = """
    select people.person_id, facts.site_id
    from interactions.sessions as facts
    inner join people on facts.identifier = people.identifier
    where facts.known_on <= $night and facts.session_date <= $night and facts.is_robot is not true
    group by people.person_id, facts.site_id
"""
# a line is of whom its sale says; what was refunded since is in the sums
_LINES = """
    select
        site_id, order_id, order_line_id,
        min(order_date) as order_date,
        min_by(identifier, row(movement <> 'sale', occurred_at, movement_id))
            filter (where identifier is not null) as identifier,
        min_by(item_id, row(movement <> 'sale', occurred_at, movement_id)) as item_id,
        count(*) filter (where movement = 'sale') > 0 as is_sold,
        cast(sum(gross) as double) / nullif(sum(quantity) filter (where movement = 'sale'), 0) as piece_price,
        sum(case when is_goods then quantity else 0 end) as units,
        sum(gross) as gross_revenue,
        sum(net) as net_revenue,
        sum(refunded) as refunded_revenue
    from interactions.order_movements
    where known_on <= $night and movement_date <= $night
    group by site_id, order_id, order_line_id
"""
_CHECKOUTS = """
    select site_id, order_id, min_by(session_id, row(occurred_at, event_id)) as session_id
    from interactions.session_events
    where event_type = 'checkout_complete' and order_id is not null and known_on <= $night and event_date <= $night
    group by site_id, order_id
"""
_ORDERS = """
    select people.person_id, facts.site_id, facts.order_id
    from lines as facts
    inner join people on facts.identifier = people.identifier
    group by people.person_id, facts.site_id, facts.order_id
"""
_PRICE_OF_EVENT = parse_one(
    "coalesce(cast(facts.amount as double) / nullif(facts.quantity, 0), cast(items.price as double))"
)
_PRICE_OF_LINE = parse_one("coalesce(facts.piece_price, cast(items.price as double))")
_VISIT_SUMS = {"visit_seconds": "duration_seconds", "searches": "searches"}


@dataclass(frozen=True)
class BehaviourColumns:
    """The relations of all behaviours, and where each behaviour's number stands in them.

    Attributes:
        ctes: Name and query, in the order in which they build on each other.
        joins: Relations to join to the profiles, with the columns they are joined by.
        columns: Behaviour to its number, coalesced to 0.
    """

    ctes: dict[str, exp.Query] = field(default_factory=dict)
    joins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[Behaviour, exp.Expression] = field(default_factory=dict)


def behaviour_columns(behaviours: Iterable[Behaviour], night: date) -> BehaviourColumns:
    """Relations for ``behaviours`` as of ``night``; equal behaviours share a column."""
    wanted = list(dict.fromkeys(measured(behaviour) for behaviour in behaviours))
    found = BehaviourColumns()
    if not wanted:
        return found
    found.ctes["people"] = _select(_PEOPLE)
    item_columns = _add_items(found, wanted)
    if any(b.needs_visit and _word(b) not in (*VISIT_EVENTS, *VISIT_TOTALS) for b in wanted):
        found.ctes["visits"] = _select(_VISITS)
    sources: tuple[tuple[str, Sequence[str], Callable[..., exp.Query]], ...] = (
        ("item_facts", ITEM_EVENTS, _item_facts),
        ("visit_facts", (*VISIT_EVENTS, *VISIT_TOTALS), _visit_facts),
        ("order_facts", (*ORDER_EVENTS, *ORDER_TOTALS), _order_facts),
    )
    for name, words, build in sources:
        mine = {b: f"b{number}" for number, b in enumerate(wanted) if _word(b) in words}
        if mine:
            found.ctes[name] = build(mine, item_columns, night, found.ctes)
            _add_joins(found, name, mine)
    return found


def measured(behaviour: Behaviour) -> Behaviour:
    """The behaviour without its bounds: what is counted or added up."""
    given = behaviour.model_dump(exclude={"at_least", "at_most", "between"}, exclude_none=True)
    return Has.model_construct(**given) if isinstance(behaviour, Has) else DidNot.model_construct(**given)


def _add_items(found: BehaviourColumns, wanted: list[Behaviour]) -> dict[exp.Expression, str]:
    """The catalogue of the night with one flag per distinct condition on items: asked once an item, not once a fact."""
    conditions = dict.fromkeys(c for b in wanted for c in item_conditions(b))
    names = {condition: f"i{number}" for number, condition in enumerate(conditions)}
    if any(b.needs_item for b in wanted):
        items = _select("select site_id, item_id, price from profiles.item_profiles where night = $night")
        for condition, name in names.items():
            items = items.select(exp.alias_(_known(condition.copy()), name))
        found.ctes["items"] = items
    return names


def _item_facts(
    mine: dict[Behaviour, str], items: dict[exp.Expression, str], night: date, _: dict[str, exp.Query]
) -> exp.Query:
    query = _dated(_select(_ITEM_FACTS), mine, "event_date", night)
    events = sorted({_word(b) for b in mine})
    query = query.where(among(exp.column("event_type", "facts"), events))
    query = _with_items(query, mine)
    if any(b.needs_visit for b in mine):
        query = query.join("visits", on="facts.session_id = visits.session_id", join_type="left")
    for behaviour, name in mine.items():
        is_event = exp.EQ(this=exp.column("event_type", "facts"), expression=literal(_word(behaviour)))
        conditions = _flags(behaviour, items) + fact_conditions(
            behaviour, day="event_date", night=night, visit="visits", price=_PRICE_OF_EVENT
        )
        query = query.select(_counted([is_event, *conditions], name))
    return query


def _visit_facts(
    mine: dict[Behaviour, str], _items: dict[exp.Expression, str], night: date, _: dict[str, exp.Query]
) -> exp.Query:
    query = _dated(_select(_VISIT_FACTS), mine, "session_date", night)
    for behaviour, name in mine.items():
        conditions = fact_conditions(behaviour, day="session_date", night=night, visit="facts", price=None)
        if isinstance(behaviour, Has):
            query = query.select(_summed(exp.column(_VISIT_SUMS[behaviour.total], "facts"), conditions, name))
        else:
            query = query.select(_counted(conditions, name))
    return query


def _order_facts(
    mine: dict[Behaviour, str], items: dict[exp.Expression, str], night: date, ctes: dict[str, exp.Query]
) -> exp.Query:
    """Order lines to orders (an order counts once, however many of its lines fit), orders to persons."""
    ctes["lines"] = _select(_LINES)
    orders = _dated(_select(_ORDERS), mine, "order_date", night)
    orders = _with_items(orders, mine)
    if any(b.needs_visit for b in mine):
        ctes["checkouts"] = _select(_CHECKOUTS)
        orders = orders.join(
            "checkouts",
            on="facts.site_id = checkouts.site_id and facts.order_id = checkouts.order_id",
            join_type="left",
        ).join("visits", on="checkouts.session_id = visits.session_id", join_type="left")
    sums: list[exp.Expression] = []
    is_sold = exp.column("is_sold", "facts")
    for behaviour, name in mine.items():
        conditions = _flags(behaviour, items) + fact_conditions(
            behaviour, day="order_date", night=night, visit="visits", price=_PRICE_OF_LINE
        )
        if isinstance(behaviour, Has):
            orders = orders.select(_summed(exp.column(behaviour.total, "facts"), conditions, name))
        elif _word(behaviour) == "purchase":
            orders = orders.select(_counted([is_sold.copy(), *conditions], name))
        else:
            each = exp.and_(is_sold.copy(), *conditions)
            counted = exp.cast(exp.Case(ifs=[exp.If(this=each, true=literal(1))], default=literal(0)), "int")
            orders = orders.select(exp.alias_(exp.Max(this=counted), name))
        sums.append(exp.alias_(exp.Sum(this=exp.column(name)), name))
    ctes["orders"] = orders
    return _select("select person_id, site_id from orders group by person_id, site_id").select(*sums)


def _with_items(query: exp.Select, mine: dict[Behaviour, str]) -> exp.Select:
    if not any(b.needs_item for b in mine):
        return query
    return query.join("items", on="facts.site_id = items.site_id and facts.item_id = items.item_id", join_type="left")


def _dated(query: exp.Select, mine: dict[Behaviour, str], day: str, night: date) -> exp.Select:
    """Read no further back than the widest window reaches."""
    first_days = [b.first_day(night) for b in mine]
    if all(first is not None for first in first_days):
        earliest = min(first for first in first_days if first is not None)
        query = query.where(exp.GTE(this=exp.column(day, "facts"), expression=literal(earliest)))
    return query


def _add_joins(found: BehaviourColumns, name: str, mine: dict[Behaviour, str]) -> None:
    own = [b for b in mine if b.site is None]
    if own:
        found.joins[name] = ("site_id", "person_id")
    elsewhere = [mine[b] for b in mine if b.site is not None]
    anywhere = f"{name}_anywhere"
    if elsewhere:
        sums = [exp.alias_(exp.Sum(this=exp.column(column)), column) for column in elsewhere]
        found.ctes[anywhere] = exp.select("person_id").select(*sums).from_(name).group_by("person_id")
        found.joins[anywhere] = ("person_id",)
    for behaviour, column in mine.items():
        place = name if behaviour.site is None else anywhere
        found.columns[behaviour] = exp.Coalesce(this=exp.column(column, place), expressions=[literal(0)])


def _counted(conditions: list[exp.Expression], name: str) -> exp.Expression:
    count: exp.Expression = exp.Count(this=exp.Star())
    return exp.alias_(_filtered(count, conditions), name)


def _summed(value: exp.Expression, conditions: list[exp.Expression], name: str) -> exp.Expression:
    return exp.alias_(exp.Coalesce(this=_filtered(exp.Sum(this=value), conditions), expressions=[literal(0)]), name)


def _filtered(aggregate: exp.Expression, conditions: list[exp.Expression]) -> exp.Expression:
    if not conditions:
        return aggregate
    return exp.Filter(this=aggregate, expression=exp.Where(this=exp.and_(*conditions)))


def _flags(behaviour: Behaviour, items: dict[exp.Expression, str]) -> list[exp.Expression]:
    return [exp.column(items[condition], "items") for condition in item_conditions(behaviour)]


def _known(condition: exp.Expression) -> exp.Expression:
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def _word(behaviour: Behaviour) -> str:
    return behaviour.total if isinstance(behaviour, Has) else behaviour.event


def _select(sql: str) -> exp.Select:
    parsed = parse_one(sql, dialect="duckdb")
    assert isinstance(parsed, exp.Select)
    return parsed
