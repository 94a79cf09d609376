"""Rules to SQL, by way of a syntax tree: a value from a config is always a literal, never text of a statement.

Add how an operator compares here. Keep reading of files and tables out.
"""

from datetime import date

from sqlglot import exp

from perso_pipeline.segments.rules import EVERYONE_ELSE, Operator, Rule, Scalar, Segment

_COMPARISONS: dict[Operator, type[exp.Binary]] = {
    Operator.IS: exp.EQ,
    Operator.AT_LEAST: exp.GTE,
    Operator.AT_MOST: exp.LTE,
    Operator.MORE_THAN: exp.GT,
    Operator.LESS_THAN: exp.LT,
}


def membership_query(segments: tuple[Segment, ...], *, dialect: str = "duckdb") -> str:
    """One statement over ``profiles.customer_profiles`` that answers all segments in one pass.

    Takes the parameter ``$night``; returns site_id, person_id, segment_ids (list in file order, NULL where a
    rule does not hold) and primary_segment_id.
    """
    conditions = [(segment.id, rule_expression(segment.rule)) for segment in segments]
    held = [exp.Case(ifs=[_when(condition.copy(), segment_id)]) for segment_id, condition in conditions]
    first = exp.Case(
        ifs=[_when(condition, segment_id) for segment_id, condition in conditions],
        default=exp.Literal.string(EVERYONE_ELSE),
    )
    query = (
        exp.select(
            exp.column("site_id", quoted=True),
            exp.column("person_id", quoted=True),
            exp.alias_(exp.Array(expressions=held), "segment_ids"),
            exp.alias_(first, "primary_segment_id"),
        )
        .from_(exp.table_("customer_profiles", db="profiles"))
        .where(exp.EQ(this=exp.column("night", quoted=True), expression=exp.Parameter(this=exp.to_identifier("night"))))
        .order_by(exp.column("site_id", quoted=True), exp.column("person_id", quoted=True))
    )
    return query.sql(dialect=dialect)


def rule_expression(rule: Rule) -> exp.Expression:
    """The rule as a boolean expression that is never NULL."""
    if rule.all:
        return exp.paren(exp.and_(*map(rule_expression, rule.all)))
    if rule.any:
        return exp.paren(exp.or_(*map(rule_expression, rule.any)))
    if rule.none_of:
        return exp.not_(exp.paren(rule_expression(rule.none_of)))
    return _condition(rule)


def rule_text(rule: Rule) -> str:
    """The rule as one line for the catalogue."""
    if rule.all:
        return "(" + " and ".join(map(rule_text, rule.all)) + ")"
    if rule.any:
        return "(" + " or ".join(map(rule_text, rule.any)) + ")"
    if rule.none_of:
        return f"not {rule_text(rule.none_of)}"
    words = [str(rule.attribute), str(rule.op).replace("_", " ")]
    if isinstance(rule.value, tuple):
        words.append(", ".join(str(value) for value in rule.value))
    elif rule.value is not None:
        words.append(str(rule.value).lower() if isinstance(rule.value, bool) else str(rule.value))
    return " ".join(words)


def _condition(rule: Rule) -> exp.Expression:
    column = exp.column(str(rule.attribute), quoted=True)
    operator = Operator(rule.op)
    if operator is Operator.IS_KNOWN:
        return exp.not_(exp.Is(this=column, expression=exp.null()))
    if operator is Operator.IS_UNKNOWN:
        return exp.Is(this=column, expression=exp.null())
    values = [_literal(value) for value in (rule.value if isinstance(rule.value, tuple) else (rule.value,))]
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


def _literal(value: Scalar | None) -> exp.Expression:
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    return (
        exp.Literal.number(repr(value))
        if value is None or value >= 0
        else exp.Neg(this=exp.Literal.number(repr(-value)))
    )


def _when(condition: exp.Expression, segment_id: str) -> exp.If:
    return exp.If(this=condition, true=exp.Literal.string(segment_id))
