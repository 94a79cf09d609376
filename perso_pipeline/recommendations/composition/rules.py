"""Merchandising rules as masks: for whose lists a rule is in force, and which items it means.

A condition on the item alone is a column of the catalogue. One against the list's own item or person compares codes
of both. Where the reference is not known the rule is not in force: 'only the favourite brand' leaves the list of who
has none as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.composition.catalogue import Catalogue, flag
from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.composition.part import PartReader, matrix
from perso_pipeline.recommendations.conditions import ITEM_ATTRIBUTES, Comparison, Condition, Kind
from perso_pipeline.recommendations.levels import Subject
from perso_pipeline.recommendations.merchandising import Conditioned, Repeat, Rule, RuleBase, Variety
from perso_pipeline.recommendations.scenarios import Scenario

Mask = NDArray[np.bool_]

_COMPARED = {
    Comparison.AT_LEAST: ">=",
    Comparison.AT_MOST: "<=",
    Comparison.MORE_THAN: ">",
    Comparison.LESS_THAN: "<",
}
_UNITS = 10_000  # of a price, which has four decimals


def conditions_of(rules: Iterable[RuleBase]) -> tuple[Condition, ...]:
    """Every condition of the rules, each once."""
    return tuple(dict.fromkeys(one for rule in rules for one in _where(rule)))


def _where(rule: RuleBase) -> tuple[Condition, ...]:
    return rule.where if isinstance(rule, Conditioned) else ()


def columns_of(rules: Sequence[RuleBase]) -> tuple[list[tuple[str, str]], dict[str, Value]]:
    """Columns of the catalogue that the rules ask, for ``read_catalogue``, and what their expressions bind."""
    columns: list[tuple[str, str]] = []
    bound: dict[str, Value] = {}
    names = {one.attribute for one in conditions_of(rules) if one.of} - {"category"}
    names |= {rule.by for rule in rules if isinstance(rule, Variety)} - {"category"}
    for name in sorted(names):
        expression = ITEM_ATTRIBUTES[name][1]
        columns.append((f"x_{name}", f"({expression} * {_UNITS})::bigint" if name == "price" else expression))
    for n, one in enumerate(_static(rules)):
        marks = [f"c{n}_{m}" for m, _ in enumerate(one.values)]
        bound |= dict(zip(marks, one.values, strict=True))
        columns.append((f"holds_{n}", static_sql(one, [f"${mark}" for mark in marks])))
    return columns, bound


def _static(rules: Iterable[RuleBase]) -> list[Condition]:
    return [one for one in conditions_of(rules) if one.of is None]


def static_sql(one: Condition, marks: Sequence[str]) -> str:
    """A condition on an item alone over ``profiles.item_profiles``, never null; ``marks`` stand for its values."""
    expression, op = _expression(one), one.op
    if op in (Comparison.IS_KNOWN, Comparison.IS_UNKNOWN):
        return f"({expression} is {'not ' if op is Comparison.IS_KNOWN else ''}null)"
    if op is Comparison.BETWEEN:
        return f"coalesce({expression} between {marks[0]} and {marks[1]}, false)"
    if op in _COMPARED:
        return f"coalesce({expression} {_COMPARED[op]} {marks[0]}, false)"
    if one.path and one.kind is Kind.TEXT:  # one of several where it is a list
        each = f"list_append(json_extract_string(attributes, '{one.path}[*]'), {expression})"
        same = f"list_has_any({each}, [{', '.join(marks)}])"
    elif one.attribute == "category":  # with its sub-categories
        same = " or ".join(f"{expression} = {mark} or starts_with({expression}, {mark} || '/')" for mark in marks)
    else:
        same = f"{expression} in ({', '.join(marks)})"
    return f"(not coalesce({same}, false))" if op is Comparison.IS_NOT else f"coalesce({same}, false)"


def _expression(one: Condition) -> str:
    """What of ``profiles.item_profiles`` a condition asks."""
    if one.path is None:
        return ITEM_ATTRIBUTES[one.attribute][1]
    said = f"json_extract_string(attributes, '{one.path}')"
    types = {Kind.NUMBER: "double", Kind.FLAG: "boolean"}
    return f"try_cast({said} as {types[one.kind]})" if one.kind in types else said


@dataclass(frozen=True, slots=True)
class _Likeness:
    """A condition against codes of the list's own items or of the person's favourite."""

    reference: Indices  # subjects x most, -1 beyond
    item: Indices  # items x depths
    depth: Indices  # of each code the column of ``item`` it is compared with
    is_negated: bool

    def holds(self, subject: Indices, item: Indices) -> Mask:
        codes = self.reference[subject]
        known = np.maximum(codes, 0)
        alike = self.item[item[:, None], self.depth[known]] == codes
        found: Mask = (alike & (codes >= 0)).any(axis=1)
        if self.is_negated:
            np.logical_not(found, out=found)
        return found

    @property
    def is_known(self) -> Mask:
        return np.asarray((self.reference >= 0).any(axis=1), bool)

    @property
    def key(self) -> Indices:
        """What of a subject decides; equal rows, equal answers."""
        return self.reference


@dataclass(frozen=True, slots=True)
class _Price:
    """A price against that of the list's own item, in percent; of a cart the dearest."""

    reference: Indices  # units per subject, -1 where it is not known
    item: Indices  # units per item, -1 where it is not known
    low: int | None  # in hundredths of a percent
    high: int | None
    is_strict: bool

    def holds(self, subject: Indices, item: Indices) -> Mask:
        own, base = self.item[item] * 10_000, self.reference[subject]
        found = self.item[item] >= 0
        if self.low is not None:
            found &= own > base * self.low if self.is_strict else own >= base * self.low
        if self.high is not None:
            found &= own < base * self.high if self.is_strict else own <= base * self.high
        return found

    @property
    def is_known(self) -> Mask:
        known: Mask = self.reference >= 0
        return known

    @property
    def key(self) -> Indices:
        return self.reference.reshape(-1, 1)


R_co = TypeVar("R_co", bound=RuleBase, covariant=True)
K = TypeVar("K", bound=RuleBase)


@dataclass(frozen=True)
class ActiveRule(Generic[R_co]):
    """A rule of a scenario's lists in one part.

    Attributes:
        rule: The rule.
        in_force: Of each subject, whether the rule stands over its list.
        fixed: Of each item, whether the conditions on the item alone hold.
        relative: The other conditions.
    """

    rule: R_co
    in_force: Mask
    fixed: Mask
    relative: tuple[_Likeness | _Price, ...]

    def means(self, subject: Indices, item: Indices) -> Mask:
        """Whether every condition holds, for each pair; whether the rule is in force is not asked."""
        found = self.fixed[item]
        for one in self.relative:
            some = np.flatnonzero(found)
            found[some] = one.holds(subject[some], item[some])
        return found

    def applies(self, subject: Indices, item: Indices) -> Mask:
        """Whether the rule is in force and means the item, for each pair."""
        found: Mask = self.in_force[subject] & self.means(subject, item)
        return found

    @property
    def key(self) -> Indices:
        """What of a subject decides about any item: equal rows, equal answers."""
        return np.column_stack([self.in_force.astype(np.int64), *(one.key for one in self.relative)])


AnyRule = ActiveRule[RuleBase]


def of_kind(rules: Iterable[AnyRule], *kinds: type[K]) -> list[ActiveRule[K]]:
    """The rules of some kinds, in their order."""
    return [cast("ActiveRule[K]", rule) for rule in rules if isinstance(rule.rule, kinds)]


def active_rules(
    rules: Sequence[Rule], tonight: Sequence[Rule], scenario: Scenario, reader: PartReader
) -> list[AnyRule]:
    """The rules of a scenario as masks over the subjects of a part, in order.

    Args:
        rules: All rules whose columns the catalogue holds (``columns_of``).
        tonight: Those over the scenario.
        scenario: Scenario.
        reader: The part.
    """
    static = {one: n for n, one in enumerate(_static(rules))}
    catalogue, subjects = reader.catalogue, reader.subjects
    made: list[AnyRule] = []
    for rule in tonight:
        in_force = np.ones(len(subjects), bool)
        if rule.sites:
            in_force &= np.array([site in rule.sites for site in catalogue.sites] or [False], bool)[subjects.site]
        if rule.segments:
            in_force &= np.logical_or.reduce([reader.members(segment) for segment in rule.segments])
        if isinstance(rule, Repeat):  # what everybody sees never rests: only a person can have seen it too often
            in_force &= subjects.may_personalize & (reader.kind is Subject.PERSON)
        fixed, relative = catalogue.is_known.copy(), []
        for one in _where(rule):
            if one.of is None:
                fixed &= flag(catalogue.columns[f"holds_{static[one]}"])
            else:
                relative.append(_relative(one, scenario, reader))
                in_force &= relative[-1].is_known
        made.append(ActiveRule(rule, in_force, fixed, tuple(relative)))
    return made


def _relative(one: Condition, scenario: Scenario, reader: PartReader) -> _Likeness | _Price:
    if one.attribute == "price":
        return _price(one, reader)
    catalogue = reader.catalogue
    items, words = value_codes(catalogue, one.attribute)
    known = {word: n for n, word in enumerate(words)}
    depth = np.array([word.count("/") for word in words] if one.attribute == "category" else [0] * len(words), np.int64)
    if one.of == "person":
        named = reader.favourites(one.attribute)
    elif scenario.subject is Subject.CATEGORY and one.attribute == "category":
        named = reader.subjects.ids.to_pylist()
    else:
        reference = _codes_of_context(one, reader.context, items, words, known)
        return _Likeness(reference, items, _at_least_one(depth), one.op is Comparison.IS_NOT)
    codes = np.array([-1 if v is None else known.get(_cut(v, one), -2) for v in named], np.int64).reshape(-1, 1)
    # a favourite that no item of the catalogue has: known, and no item is like it
    items = np.column_stack([items, np.full(len(items), -1)]) if (codes == -2).any() else items
    depth = np.append(depth, items.shape[1] - 1)
    codes = np.where(codes == -2, len(words), codes)
    return _Likeness(codes, items, depth, one.op is Comparison.IS_NOT)


def _codes_of_context(
    one: Condition, context: Indices, items: Indices, words: list[str], known: Mapping[str, int]
) -> Indices:
    """Codes of the values of each subject's own items; of categories the whole path, or its upper levels."""
    if one.attribute != "category":
        codes = items[:, 0]
    else:
        deepest = np.where((items >= 0).any(axis=1), (items >= 0).sum(axis=1) - 1, 0)
        codes = items[np.arange(len(items)), deepest] if len(items) else np.zeros(0, np.int64)
        codes = np.array([-1 if c < 0 else known[_cut(words[c], one)] for c in codes.tolist()], np.int64)
    return np.where(context >= 0, np.append(codes, -1)[context], -1)


def _cut(path: str, one: Condition) -> str:
    return "/".join(path.split("/")[: one.levels]) if one.levels else path


def _at_least_one(depth: Indices) -> Indices:
    return depth if len(depth) else np.zeros(1, np.int64)


def _price(one: Condition, reader: PartReader) -> _Price:
    units = reader.catalogue.columns["x_price"].fill_null(-1).to_numpy()
    context = reader.context
    reference = np.where(context >= 0, np.append(units, -1)[context], -1).max(axis=1, initial=-1)
    percent = [round(float(value) * 100) for value in one.values]  # type: ignore[arg-type]
    low = percent[0] if one.op in (Comparison.AT_LEAST, Comparison.MORE_THAN, Comparison.BETWEEN) else None
    high = percent[-1] if one.op in (Comparison.AT_MOST, Comparison.LESS_THAN, Comparison.BETWEEN) else None
    return _Price(reference, units, low, high, one.op in (Comparison.MORE_THAN, Comparison.LESS_THAN))


def value_codes(catalogue: Catalogue, attribute: str, levels: int | None = None) -> tuple[Indices, list[str]]:
    """Codes of the items' values, items x depths, -1 where there is none, and the values.

    Of a category each depth is a column: the first level, the first two, ...; with ``levels`` at most so many. Of
    anything else there is one.
    """
    name = "category_path" if attribute == "category" else f"x_{attribute}"
    column = catalogue.columns[name].combine_chunks().dictionary_encode()
    values, code = column.dictionary.to_pylist(), column.indices.fill_null(-1).to_numpy().astype(np.int64)
    if attribute != "category":
        return code.reshape(-1, 1), [str(value) for value in values]
    known: dict[str, int] = {}
    paths = [
        [known.setdefault("/".join(parts[: n + 1]), len(known)) for n in range(len(parts[:levels]))]
        for parts in (value.split("/") for value in values)
    ]
    row = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
    table = matrix(row, np.array([c for path in paths for c in path], np.int64), len(paths))
    if not table.size:
        return np.full((len(catalogue), 1), -1, np.int64), []
    return np.where(code[:, None] >= 0, table[code], -1), list(known)
