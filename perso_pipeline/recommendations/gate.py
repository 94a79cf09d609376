"""The gate before publication: what must not go out, said with the rows that are wrong.

Plain functions from the warehouse to findings; ``checks`` hands them to Dagster. The tests of leaks are
written straight against facts and catalogue, not with the composer's exclusions, so that a fault there shows.
What needs another night to hold against is in ``gate_history``.
"""

from collections.abc import Callable, Mapping
from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.composer import bind, parameters_of
from perso_pipeline.recommendations.findings import COVERED, FILLED, NO_LEAK, Finding, named_rows
from perso_pipeline.recommendations.gate_history import first_level_serves, fresh, near_last_night
from perso_pipeline.recommendations.leaks import leaks_sql, pages_sql, promises_sql
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios
from perso_pipeline.recommendations.subjects import site_condition, subjects_sql


def inspect(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> list[Finding]:
    """All findings for one night's lists, in the order of ``findings.CHECKS``."""
    return [
        no_leak(warehouse, scenarios, night=night),
        filled(warehouse, scenarios, night=night),
        covered(warehouse, scenarios, night=night),
        fresh(warehouse, scenarios, night=night),
        near_last_night(warehouse, scenarios, night=night),
        first_level_serves(warehouse, scenarios, night=night),
    ]


def no_leak(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """No row that a rule in force forbids: see ``leaks`` for the rules."""
    parts = []
    for scenario in scenarios.scenarios:
        sql, bound = leaks_sql(scenario, scenarios.merchandising.of(scenario.id, night))
        parts.append(_query(warehouse, sql, scenario, scenarios, night=night, more=bound))
    for across in (pages_sql(scenarios.scenarios), promises_sql(scenarios.scenarios)):
        if across:
            sql, bound = across
            parts.append(warehouse.query(sql, {"night": night, **bound}))
    marks = ", ".join(f"$id_{n}" for n, _ in enumerate(scenarios.scenarios))
    ids: dict[str, Value] = {f"id_{n}": s.id for n, s in enumerate(scenarios.scenarios)}
    parts.append(
        warehouse.query(
            f"""select 'unknown scenario' as rule, site_id, scenario_id, subject_type, subject_id, rank, item_id
            from recommendations.recommendations
            where night = $night and scenario_id not in ({marks})""",
            {"night": night, **ids},
        )
    )
    rows = pa.concat_tables(parts, promote_options="permissive")
    counts = rows.group_by("rule").aggregate([("rule", "count")]).sort_by("rule").to_pylist()
    said = ", ".join(f"{c['rule']} {c['rule_count']}" for c in counts)
    sentence = f"must not go out: {said} ({named_rows(rows)})"
    sentence = sentence if rows.num_rows else "no row breaks a rule"
    return Finding(NO_LEAK, rows.num_rows == 0, sentence, rows)


def filled(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Filled share of all slots, per scenario and site, at or above ``gate.min_fill``."""
    return _floor(
        warehouse, scenarios, night=night, check=FILLED, measure=_FILL, limit=lambda s: s.gate.min_fill, word="filled"
    )


def covered(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Every subject has a list, and the lists show at least ``gate.min_item_coverage`` of what is available."""
    items = _floor(
        warehouse,
        scenarios,
        night=night,
        check=COVERED,
        measure=_ITEM_COVERAGE,
        limit=lambda s: s.gate.min_item_coverage,
        word="of available items shown",
    )
    missing = [
        _query(warehouse, f"with {subjects_sql(s)} {_WITHOUT_LIST}", s, scenarios, night=night)
        for s in scenarios.scenarios
    ]
    without = pa.concat_tables(missing)
    if without.num_rows == 0:
        return items
    sentence = f"{without.num_rows} subjects have no list at all ({named_rows(without)}); {items.sentence}"
    return Finding(COVERED, passed=False, sentence=sentence, rows=without)


_ROWS = "select * from recommendations.recommendations where night = $night and scenario_id = $scenario"

_FILL = f"""
select s.site_id, count(*) as subjects, sum(coalesce(r.filled, 0)) / (count(*) * $size) as share
from subjects as s
left join (
    select site_id, subject_type, subject_id, count(*) as filled from ({_ROWS})
    group by site_id, subject_type, subject_id
) as r using (site_id, subject_type, subject_id)
group by s.site_id
order by s.site_id"""

_ITEM_COVERAGE = f"""
, available as (
    select site_id, count(*) as items from profiles.item_profiles
    where night = $night and is_available and {{sites}}
    group by site_id
)
select a.site_id, a.items, coalesce(r.shown, 0) / a.items as share
from available as a
left join (select site_id, count(distinct item_id) as shown from ({_ROWS}) group by site_id) as r using (site_id)
order by a.site_id"""

_WITHOUT_LIST = f"""
select s.site_id, $scenario as scenario_id, s.subject_type, s.subject_id
from subjects as s
anti join ({_ROWS}) as r using (site_id, subject_type, subject_id)
order by all"""


def _floor(
    warehouse: Warehouse,
    scenarios: Scenarios,
    *,
    night: date,
    check: str,
    measure: str,
    limit: Callable[[Scenario], float],
    word: str,
) -> Finding:
    """Hold a share per scenario and site against the scenario's floor; no row at all is a fault."""
    parts, faults = [], []
    for scenario in scenarios.scenarios:
        sql = f"with {subjects_sql(scenario)} {measure.format(sites=site_condition(scenario))}"
        rows = _query(warehouse, sql, scenario, scenarios, night=night)
        floor = limit(scenario)
        if rows.num_rows == 0:
            faults.append(f"{scenario.id}: no site has anything to show on {night}")
        faults += [
            f"{scenario.id} on {row['site_id']}: {row['share']:.1%} {word}, at least {floor:.1%}"
            for row in rows.to_pylist()
            if row["share"] < floor
        ]
        named = pa.repeat(pa.scalar(scenario.id), rows.num_rows)
        parts.append(rows.select(["site_id", "share"]).add_column(1, "scenario_id", named))
    return Finding(check, not faults, "; ".join(faults) or "all at or above their floors", pa.concat_tables(parts))


def _query(
    warehouse: Warehouse,
    sql: str,
    scenario: Scenario,
    scenarios: Scenarios,
    *,
    night: date,
    more: Mapping[str, Value] | None = None,
) -> pa.Table:
    parameters = {**parameters_of(scenario, scenarios, night=night), "scenario": scenario.id, **(more or {})}
    return warehouse.query(sql, bind(sql, parameters))
