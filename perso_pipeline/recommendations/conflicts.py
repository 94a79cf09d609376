"""Which rules cannot both have their way, told from the rules alone, before a night finds out.

A conflict is no error: precedence decides it (docs/how-to/merchandising-rules.md). It is told because whoever wrote the
second rule often does not know of the first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from perso_pipeline.recommendations.conditions import Comparison, Condition, Kind
from perso_pipeline.recommendations.merchandising import (
    Boost,
    Bury,
    Conditioned,
    Exclude,
    Include,
    Pin,
    Promote,
    Rule,
    RuleBase,
)
from perso_pipeline.recommendations.scenarios import Scenarios


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two rules, and what becomes of them."""

    first: str
    second: str
    sentence: str


def conflicts(scenarios: Scenarios) -> list[Conflict]:
    """Every pair of rules that stand over one list on one night and get in each other's way, in order of precedence."""
    found = []
    ids = [scenario.id for scenario in scenarios.scenarios]
    for first, second in combinations(scenarios.merchandising.in_order, 2):
        if _meet(first, second, ids):
            found += [Conflict(first.id, second.id, f"{text}.") for text in _clashes(first, second)]
    return found


def _meet(a: RuleBase, b: RuleBase, scenario_ids: Sequence[str]) -> bool:
    """Whether a list may be under both: nights, sites and scenarios in common; people may be in both's segments."""
    if not any(a.holds_for(one) and b.holds_for(one) for one in scenario_ids):
        return False
    if a.sites and b.sites and not set(a.sites) & set(b.sites):
        return False
    ends_first = a.ends_on is not None and b.starts_on is not None and a.ends_on <= b.starts_on
    begins_after = b.ends_on is not None and a.starts_on is not None and b.ends_on <= a.starts_on
    return not (ends_first or begins_after)


def _clashes(a: Rule, b: Rule) -> Iterator[str]:
    """Sentences about two rules, ``a`` being the one that goes first."""
    pair = f"rules '{a.id}' and '{b.id}'"
    if isinstance(a, Pin) and isinstance(b, Pin):
        if a.position == b.position and a.item != b.item:
            yield f"{pair} both pin to position {a.position}: '{a.id}' goes first"
        if a.item == b.item and a.position != b.position:
            yield f"{pair} pin '{a.item}' to positions {a.position} and {b.position}: it stands at {a.position}"
    for one, other in ((a, b), (b, a)):
        if isinstance(one, Pin) and isinstance(other, Exclude) and _names(other, one.item):
            yield f"{pair}: '{other.id}' takes '{one.item}' off, so that '{one.id}' cannot pin it"
        if isinstance(one, Pin) and isinstance(other, Include) and _leaves_out(other, one.item):
            yield f"{pair}: '{other.id}' lets in others than '{one.item}' only, so that '{one.id}' cannot pin it"
        if isinstance(one, Boost) and isinstance(other, Bury) and _mean_alike(one, other):
            yield f"{pair}: '{one.id}' boosts what '{other.id}' buries; both are applied"
        if isinstance(one, Promote | Boost | Include) and isinstance(other, Exclude) and _covers(other, one):
            yield f"{pair}: '{other.id}' takes off all that '{one.id}' means"
    if isinstance(a, Include) and isinstance(b, Include) and not _may_both_hold((*a.where, *b.where)):
        yield f"{pair}: no item meets both, so that their lists are empty"
    if isinstance(a, Promote) and isinstance(b, Promote) and a.share + b.share > 1:
        yield f"{pair} keep {a.share + b.share:.0%} of the slots: '{a.id}' goes first"


def _names(rule: Conditioned, item: str) -> bool:
    """Whether the rule means the item whatever it is like: it asks for the id and nothing else."""
    return all(
        one.attribute == "item" and one.op in (Comparison.IS, Comparison.IN) and item in one.values
        for one in rule.where
    )


def _leaves_out(rule: Include, item: str) -> bool:
    return any(
        one.attribute == "item" and one.op in (Comparison.IS, Comparison.IN) and item not in one.values
        for one in rule.where
    )


def _covers(wide: Conditioned, narrow: Conditioned) -> bool:
    """Whether all that ``narrow`` means is meant by ``wide``: each condition of the one is one of the other."""
    return set(wide.where) <= set(narrow.where)


def _mean_alike(a: Conditioned, b: Conditioned) -> bool:
    """Whether both speak of one attribute, and an item may meet both; of two attributes nothing is told."""
    of_a, of_b = ({(one.attribute, one.of) for one in rule.where} for rule in (a, b))
    return bool(of_a & of_b) and _may_both_hold((*a.where, *b.where))


def _may_both_hold(conditions: Sequence[Condition]) -> bool:
    """Whether an item may meet all of them, as far as can be told without a catalogue."""
    static = [one for one in conditions if one.of is None]
    return not any(a.attribute == b.attribute and _exclude_each_other(a, b) for a, b in combinations(static, 2))


def _exclude_each_other(a: Condition, b: Condition) -> bool:
    named = (Comparison.IS, Comparison.IN)
    if {a.op, b.op} == {Comparison.IS_KNOWN, Comparison.IS_UNKNOWN}:
        return True
    if Comparison.IS_UNKNOWN in (a.op, b.op):
        return (b if a.op is Comparison.IS_UNKNOWN else a).op not in (Comparison.IS_UNKNOWN, Comparison.IS_NOT)
    alike: Callable[[object, object], bool] = _is_in_one_branch if a.attribute == "category" else _is_equal
    if a.op in named and b.op in named:
        if a.path and a.kind is Kind.TEXT:
            return False  # an item may have several colours
        return not any(alike(x, y) for x in a.values for y in b.values)
    for one, other in ((a, b), (b, a)):
        if one.op in named and other.op is Comparison.IS_NOT:
            return all(
                _is_below(x, y) if a.attribute == "category" else x == y for x in one.values for y in other.values
            )
    if a.kind is b.kind is Kind.NUMBER:
        (low_a, high_a), (low_b, high_b) = _range(a), _range(b)
        if Comparison.LESS_THAN in (a.op, b.op) or Comparison.MORE_THAN in (a.op, b.op):
            return low_a >= high_b or low_b >= high_a
        return low_a > high_b or low_b > high_a
    return False


def _is_equal(x: object, y: object) -> bool:
    return x == y


def _is_in_one_branch(x: object, y: object) -> bool:
    return _is_below(x, y) or _is_below(y, x)


def _is_below(x: object, y: object) -> bool:
    return x == y or str(x).startswith(f"{y}/")


def _range(one: Condition) -> tuple[float, float]:
    """Least and greatest value that the condition allows; open ends count as closed."""
    numbers = [float(value) for value in one.values if isinstance(value, int | float)]
    if not numbers:
        return float("-inf"), float("inf")
    low = one.op in (Comparison.AT_LEAST, Comparison.MORE_THAN, Comparison.BETWEEN, Comparison.IS, Comparison.IN)
    high = one.op in (Comparison.AT_MOST, Comparison.LESS_THAN, Comparison.BETWEEN, Comparison.IS, Comparison.IN)
    return (min(numbers) if low else float("-inf")), (max(numbers) if high else float("inf"))
