"""Rules to SQL, by way of a syntax tree: a value from a config is always a literal, never text of a statement.

Add how an operator compares here. Keep reading of files and tables out; what people did is in ``behaviour_sql.py``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from perso_pipeline.segments.behaviour import Did, DidNot, Has, bounds
from perso_pipeline.segments.behaviour_sql import BehaviourColumns, behaviour_columns, measured
from perso_pipeline.segments.conditions import literal
from perso_pipeline.segments.contract import PROFILES, table_of
from perso_pipeline.segments.rules import Operator, Rule, Segment
from perso_pipeline.segments.taste import HasAffinity
from perso_pipeline.segments.taste_sql import NAME as TASTES
from perso_pipeline.segments.taste_sql import TasteColumns, taste_columns, tastes_of

Columns = Mapping[str, frozenset[str]]
"""Table (``schema.name``) to the columns that the warehouse has of it."""


@dataclass(frozen=True)
class Asked:
    """Where the answers to the parts of rules stand."""

    behaviours: BehaviourColumns
    tastes: TasteColumns
    columns: Columns


_COMPARISONS: dict[Operator, type[exp.Binary]] = {
    Operator.IS: exp.EQ,
    Operator.AT_LEAST: exp.GTE,
    Operator.AT_MOST: exp.LTE,
    Operator.MORE_THAN: exp.GT,
    Operator.LESS_THAN: exp.LT,
}
_KEY = ("night", "site_id", "person_id")


def membership_query(segments: Sequence[Segment], night: date, *, columns: Columns, dialect: str = "duckdb") -> str:
    """One statement that answers every segment in one scan of the profiles.

    Args:
        segments: Rules to answer.
        night: Night as of which windows are counted; the statement takes it as ``$night`` besides.
        columns: What there is of the tables of attributes; an attribute that is not there is unknown.
        dialect: Engine to write for.

    Returns:
        SQL whose rows are site_id, person_id and one boolean per segment, ``s0`` being the first of ``segments``,
        sorted by site and person.
    """
    rules = [segment.rule for segment in segments]
    behaviours = behaviour_columns((b for rule in rules for b in _behaviours(rule)), night)
    tastes = taste_columns(asked for rule in rules for asked in _tastes(rule))
    asked = Asked(behaviours, tastes, columns)
    answers = [exp.alias_(rule_expression(rule, asked), f"s{number}") for number, rule in enumerate(rules)]
    base = PROFILES.table
    keys = [_column(base, "site_id"), _column(base, "person_id")]
    query = exp.select(*keys, *answers).from_(_table(base))
    for table in _joined_tables(rules, columns):
        query = query.join(_table(table), on=_equal(_alias(table), _KEY), join_type="left")
    if tastes.relation is not None:
        query = query.join(TASTES, on=_equal(TASTES, ("site_id", "person_id")), join_type="left")
    for name, key in behaviours.joins.items():
        query = query.join(name, on=_equal(name, key), join_type="left")
    night_of_row = exp.EQ(this=_column(base, "night"), expression=exp.Parameter(this=exp.to_identifier("night")))
    query = query.where(night_of_row).order_by(*(key.copy() for key in keys))
    for name, relation in behaviours.ctes.items():
        query = query.with_(name, as_=relation)
    if tastes.relation is not None:
        query = query.with_(TASTES, as_=tastes.relation)
    return query.sql(dialect=dialect)


def rule_expression(rule: Rule, asked: Asked) -> exp.Expression:
    """The rule as a boolean expression that is never NULL."""
    if rule.all:
        return exp.paren(exp.and_(*(rule_expression(part, asked) for part in rule.all)))
    if rule.any:
        return exp.paren(exp.or_(*(rule_expression(part, asked) for part in rule.any)))
    if rule.none_of:
        return exp.not_(exp.paren(rule_expression(rule.none_of, asked)))
    for behaviour in (rule.did, rule.did_not, rule.has):
        if behaviour is not None:
            return _amount(behaviour, asked.behaviours.columns[measured(behaviour)])
    if rule.has_affinity is not None:
        return _draws(rule.has_affinity, asked.tastes)
    return _condition(rule, asked.columns)


def _leaves(rule: Rule) -> Iterator[Rule]:
    parts = (*(rule.all or ()), *(rule.any or ()), *((rule.none_of,) if rule.none_of else ()))
    if not parts:
        yield rule
    for part in parts:
        yield from _leaves(part)


def _behaviours(rule: Rule) -> Iterator[DidNot | Has]:
    for leaf in _leaves(rule):
        yield from (behaviour for behaviour in (leaf.did, leaf.did_not, leaf.has) if behaviour is not None)


def _tastes(rule: Rule) -> Iterator[HasAffinity]:
    yield from (leaf.has_affinity for leaf in _leaves(rule) if leaf.has_affinity is not None)


def _attributes(rule: Rule) -> Iterator[str]:
    yield from (leaf.attribute for leaf in _leaves(rule) if leaf.attribute is not None)


def _joined_tables(rules: Iterable[Rule], columns: Columns) -> list[str]:
    asked = dict.fromkeys(table_of(attribute).table for rule in rules for attribute in _attributes(rule))
    return [table for table in asked if table != PROFILES.table and columns.get(table)]


def _amount(behaviour: DidNot | Has, column: exp.Expression) -> exp.Expression:
    if not isinstance(behaviour, Did | Has):
        return exp.EQ(this=column.copy(), expression=exp.Literal.number("0"))
    low, high = bounds(behaviour)
    tests: list[exp.Expression] = []
    if low is not None:
        tests.append(exp.GTE(this=column.copy(), expression=literal(low)))
    if high is not None:
        tests.append(exp.LTE(this=column.copy(), expression=literal(high)))
    return exp.paren(exp.and_(*tests))


def _draws(asked: HasAffinity, tastes: TasteColumns) -> exp.Expression:
    shares = [tastes.columns[taste].copy() for taste in tastes_of(asked)]
    if asked.at_least_share is None:
        return exp.paren(exp.or_(*(exp.GT(this=share, expression=literal(0)) for share in shares)))
    least = literal(asked.at_least_share)
    return exp.paren(exp.or_(*(exp.GTE(this=share, expression=least.copy()) for share in shares)))


def _condition(rule: Rule, columns: Columns) -> exp.Expression:
    attribute, operator = str(rule.attribute), Operator(rule.op)
    table = table_of(attribute).table
    is_there = attribute in columns.get(table, frozenset())
    if not is_there:
        return exp.Boolean(this=operator in (Operator.IS_UNKNOWN, Operator.IS_NOT))
    column = _column(table, attribute)
    if operator is Operator.IS_KNOWN:
        return exp.not_(exp.Is(this=column, expression=exp.null()))
    if operator is Operator.IS_UNKNOWN:
        return exp.Is(this=column, expression=exp.null())
    given = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    values = [literal(value) for value in given if value is not None]
    if operator is Operator.IS_NOT:
        return exp.NullSafeNEQ(this=column, expression=values[0])
    condition: exp.Expression
    if operator is Operator.IN:
        condition = exp.In(this=column, expressions=values)
    elif operator is Operator.BETWEEN:
        condition = exp.Between(this=column, low=values[0], high=values[1])
    else:
        condition = _COMPARISONS[operator](this=column, expression=values[0])
    return exp.Coalesce(this=exp.paren(condition), expressions=[exp.false()])


def _alias(table: str) -> str:
    return table.split(".")[1]


def _table(table: str) -> exp.Table:
    schema, name = table.split(".")
    return exp.table_(name, db=schema)


def _column(table: str, name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=_alias(table))


def _equal(name: str, key: Sequence[str]) -> exp.Expression:
    return exp.and_(
        *(exp.EQ(this=_column(PROFILES.table, column), expression=exp.column(column, name)) for column in key)
    )
