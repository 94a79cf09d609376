"""Filters of a behaviour to conditions on a row; a value from a config is always a literal of the syntax tree.

Add how a filter compares here. Keep relations and aggregates out.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlglot import exp

from perso_pipeline.segments.behaviour import Filter


def literal(value: str | date | float | Decimal) -> exp.Expression:
    """A value as a literal of the syntax tree, never as text of the statement."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, str):
        return exp.Literal.string(value)
    number = exp.Literal.number(str(abs(value)))
    return number if value >= 0 else exp.Neg(this=number)


def among(column: exp.Expression, words: Sequence[str]) -> exp.Expression:
    """The column holds one of ``words``."""
    if len(words) == 1:
        return exp.EQ(this=column, expression=literal(words[0]))
    return exp.In(this=column, expressions=[literal(word) for word in words])


def item_conditions(behaviour: Filter) -> list[exp.Expression]:
    """What the catalogue must say of the item; a category holds its sub-categories."""
    conditions: list[exp.Expression] = []
    if behaviour.category is not None:
        path = exp.column("category_path")
        places = [
            place
            for word in (category.strip("/") for category in behaviour.category)
            for place in (
                exp.EQ(this=path.copy(), expression=literal(word)),
                exp.StartsWith(this=path.copy(), expression=literal(f"{word}/")),
            )
        ]
        conditions.append(exp.paren(exp.or_(*places)))
    if behaviour.brand is not None:
        conditions.append(among(exp.column("brand"), behaviour.brand))
    return conditions


def fact_conditions(
    behaviour: Filter, *, day: str, night: date, visit: str, price: exp.Expression | None
) -> list[exp.Expression]:
    """What a fact must meet to count, besides its event and what the catalogue says.

    Args:
        behaviour: The filters.
        day: Column of the fact's day.
        night: Night as of which windows are counted.
        visit: Relation that knows channel and device.
        price: Price of one piece; None where the source has none.
    """
    found: list[exp.Expression] = []
    first = behaviour.first_day(night)
    if first is not None:
        found.append(exp.GTE(this=exp.column(day, "facts"), expression=literal(first)))
    if behaviour.item is not None:
        found.append(among(exp.column("item_id", "facts"), behaviour.item))
    if price is not None and behaviour.price_at_least is not None:
        found.append(exp.GTE(this=price.copy(), expression=literal(behaviour.price_at_least)))
    if price is not None and behaviour.price_at_most is not None:
        found.append(exp.LTE(this=price.copy(), expression=literal(behaviour.price_at_most)))
    if behaviour.channel is not None:
        found.append(among(exp.column("channel", visit), behaviour.channel))
    if behaviour.device is not None:
        found.append(among(exp.column("device_type", visit), behaviour.device))
    if behaviour.site is not None:
        found.append(among(exp.column("site_id", "facts"), behaviour.site))
    return found
