"""SQL of what merchandisers forbid: rows that an exclusion takes off, and items that stand twice on one page.

Held against the written tables, apart from the arrays in which the composer applies the same rules. Rules that compare
an item with the list's own item or person are left to the composer's tests. Filters are ``leaks``'s.
"""

from collections.abc import Iterable, Mapping, Sequence

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.composition.rules import static_sql
from perso_pipeline.recommendations.merchandising import Exclude, Include, Rule
from perso_pipeline.recommendations.scenarios import Scenario
from perso_pipeline.recommendations.subjects import subjects_sql

_COLUMNS = "r.site_id, r.scenario_id, r.subject_type, r.subject_id, r.rank, r.item_id"

TWICE_ON_A_PAGE = f"""
select 'twice on a page' as rule, {_COLUMNS}
from recommendations.recommendations as r
join (values {{pages}}) as p(scenario_id, page) using (scenario_id)
where r.night = $night
window same as (partition by p.page, r.site_id, r.subject_type, r.subject_id, r.item_id)
qualify min(r.scenario_id) over same <> max(r.scenario_id) over same
order by all"""


def pages_sql(scenarios: Iterable[Scenario]) -> tuple[str, Mapping[str, Value]] | None:
    """One row per slot whose item stands in another list of its page too, and what it binds; None without pages."""
    paged = [(scenario.id, scenario.page) for scenario in scenarios if scenario.page]
    if not paged:
        return None
    bound: dict[str, Value] = {}
    for n, (scenario_id, page) in enumerate(paged):
        bound |= {f"id_{n}": scenario_id, f"page_{n}": page}
    marks = ", ".join(f"($id_{n}, $page_{n})" for n, _ in enumerate(paged))
    return TWICE_ON_A_PAGE.format(pages=marks), bound


def rules_sql(scenario: Scenario, in_force: Sequence[Rule]) -> tuple[str, Mapping[str, Value]] | None:
    """One row per (rule, row of the scenario's lists that it forbids), and what it binds.

    Of the rules over it on the night those whose every condition is on the item alone; None where there is none.
    """
    forbidding = [
        rule for rule in in_force if isinstance(rule, Include | Exclude) and all(one.of is None for one in rule.where)
    ]
    if not forbidding:
        return None
    bound: dict[str, Value] = {}
    selects = [_rows_of(rule, n, bound) for n, rule in enumerate(forbidding)]
    sql = f"""with {subjects_sql(scenario)},

people as (select site_id, subject_type, subject_id, person_id from subjects where may_personalize),

lists as materialized (
    select * from recommendations.recommendations where night = $night and scenario_id = $scenario
)

{" union all ".join(selects)}
order by all"""
    return sql, bound


def _rows_of(rule: Include | Exclude, number: int, bound: dict[str, Value]) -> str:
    """The rows that one rule forbids; adds what the statement binds."""
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
            and m.segment_id in ({_marks(rule.segments, f"rule_{number}_segment", bound)})
    )"""
        )
    bound[f"rule_{number}"] = f"rule {rule.id}"
    return f"""select $rule_{number} as rule, {_COLUMNS}
from lists as r
join (
    select site_id, item_id, {" and ".join(meant)} as is_meant from profiles.item_profiles where night = $night
) as i on i.site_id = r.site_id and i.item_id = r.item_id
where {" and ".join(here)}"""


def _marks(values: Sequence[str], name: str, bound: dict[str, Value]) -> str:
    bound.update({f"{name}_{n}": value for n, value in enumerate(values)})
    return ", ".join(f"${name}_{n}" for n, _ in enumerate(values))
