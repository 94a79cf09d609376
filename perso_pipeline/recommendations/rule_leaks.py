"""SQL of what merchandisers forbid: a test per rule of the night over the rows of a scenario's lists.

Held against the written tables, apart from the arrays in which the composer applies the same rules. Rules that compare
an item with the list's own item or person are left to the composer's tests. ``leaks`` puts the tests to the lists.
"""

from collections.abc import Sequence

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.composition.rules import static_sql
from perso_pipeline.recommendations.merchandising import Exclude, Include, Rule


def rule_tests(in_force: Sequence[Rule]) -> tuple[dict[str, str], dict[str, Value]]:
    """What of ``lists as r`` a rule forbids, by the name of its leak, and what the tests bind.

    Of the rules over a scenario on the night those whose every condition is on the item alone.
    """
    forbidding = [
        rule for rule in in_force if isinstance(rule, Include | Exclude) and all(one.of is None for one in rule.where)
    ]
    bound: dict[str, Value] = {}
    return {f"rule {rule.id}": _test(rule, n, bound) for n, rule in enumerate(forbidding)}, bound


def _test(rule: Include | Exclude, number: int, bound: dict[str, Value]) -> str:
    """Join and condition that leave the rows that one rule forbids; adds what they bind."""
    meant = []
    for place, one in enumerate(rule.where):
        marks = [f"rule_{number}_{place}_{v}" for v, _ in enumerate(one.values)]
        bound.update(zip(marks, one.values, strict=True))
        meant.append(static_sql(one, [f"${mark}" for mark in marks]))
    here = [f"i.is_meant = {isinstance(rule, Exclude)}"]
    if rule.sites:
        here.append(f"r.site_id in ({_marks(rule.sites, f'rule_{number}_site', bound)})")
    if rule.segments:
        here.append(
            f"""exists (
        select 1 from people as p
        join segments.segment_membership as m
            on m.night = $night and m.site_id = p.site_id and m.person_id = p.person_id
        where p.site_id = r.site_id and p.subject_type = r.subject_type and p.subject_id = r.subject_id
            and p.may_personalize and m.segment_id in ({_marks(rule.segments, f"rule_{number}_segment", bound)})
    )"""
        )
    return f"""
join (
    select site_id, item_id, {" and ".join(meant)} as is_meant from profiles.item_profiles where night = $night
) as i on i.site_id = r.site_id and i.item_id = r.item_id
where {" and ".join(here)}"""


def _marks(values: Sequence[str], name: str, bound: dict[str, Value]) -> str:
    bound.update({f"{name}_{n}": value for n, value in enumerate(values)})
    return ", ".join(f"${name}_{n}" for n, _ in enumerate(values))
