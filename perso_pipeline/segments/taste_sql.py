"""Affinities to columns: one relation, scanned once, with one share per kind and value that a rule asks.

What a config says is only ever a literal of the syntax tree. Keep the profiles and the rules out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp, parse_one

from perso_pipeline.segments.conditions import among, literal
from perso_pipeline.segments.taste import HasAffinity

NAME = "tastes"
_LEVELS = 3  # category_1 to category_3 of profiles.affinities: upper levels of deeper paths
_TASTES = "select site_id, person_id from profiles.affinities where night = $night group by site_id, person_id"
_WEIGHT_OF_ALL = parse_one("max(weight / share) filter (where kind = 'category')", dialect="duckdb")

Taste = tuple[str, str]
"""Kind and value."""


@dataclass(frozen=True)
class TasteColumns:
    """The relation of all affinities asked, if there is one, and where each share stands in it.

    Attributes:
        relation: One row per site and person, to be joined by both.
        columns: Kind and value to the share, coalesced to 0.
    """

    relation: exp.Query | None = None
    columns: dict[Taste, exp.Expression] = field(default_factory=dict)


def tastes_of(asked: HasAffinity) -> list[Taste]:
    """The shares that a condition compares."""
    values = (value.strip("/") for value in asked.value) if asked.kind == "category" else asked.value
    return [(asked.kind, value) for value in values]


def taste_columns(asked: Iterable[HasAffinity]) -> TasteColumns:
    """One column per distinct kind and value."""
    wanted = list(dict.fromkeys(taste for one in asked for taste in tastes_of(one)))
    if not wanted:
        return TasteColumns()
    relation = parse_one(_TASTES, dialect="duckdb")
    assert isinstance(relation, exp.Select)
    kinds = dict.fromkeys(kind for taste in wanted for kind in _kinds(taste))
    relation = relation.where(among(exp.column("kind"), list(kinds)))
    columns: dict[Taste, exp.Expression] = {}
    for number, taste in enumerate(wanted):
        relation = relation.select(exp.alias_(_share(taste), f"t{number}"))
        columns[taste] = exp.Coalesce(this=exp.column(f"t{number}", NAME), expressions=[literal(0)])
    return TasteColumns(relation, columns)


def _kinds(taste: Taste) -> list[str]:
    """Kinds of the table that hold the value: a category of n levels stands as itself and above deeper ones."""
    kind, value = taste
    depth = value.count("/") + 1
    return ["category", f"category_{depth}"] if kind == "category" and depth <= _LEVELS else [kind]


def _share(taste: Taste) -> exp.Expression:
    kind, value = taste
    rows = exp.and_(
        among(exp.column("kind"), _kinds(taste)), exp.EQ(this=exp.column("value"), expression=literal(value))
    )
    if kind != "category":
        return exp.Filter(this=exp.Max(this=exp.column("share")), expression=exp.Where(this=rows))
    weight = exp.Filter(this=exp.Sum(this=exp.column("weight")), expression=exp.Where(this=rows))
    return exp.Div(this=weight, expression=_WEIGHT_OF_ALL.copy(), typed=False, safe=False)
