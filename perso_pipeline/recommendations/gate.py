"""The gate before publication: what must not go out, said with the rows that are wrong.

Plain functions from the warehouse to findings; ``checks`` hands them to Dagster. The tests of leaks are
written straight against facts and catalogue, not with the composer's exclusions, so that a fault there shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.composer import bind, parameters_of
from perso_pipeline.recommendations.leaks import leaks_sql
from perso_pipeline.recommendations.publish import PUBLISH_LOG
from perso_pipeline.recommendations.scenarios import Scenario, Scenarios
from perso_pipeline.recommendations.subjects import site_condition, subjects_sql

NO_LEAK = "no_leak"
FILLED = "filled"
COVERED = "covered"
FRESH = "fresh"
NEAR_LAST_NIGHT = "near_last_night"
FIRST_LEVEL_SERVES = "first_level_serves"
BLOCKING = (NO_LEAK, FILLED, COVERED, FRESH)
WARNING = (NEAR_LAST_NIGHT, FIRST_LEVEL_SERVES)


@dataclass(frozen=True)
class Finding:
    """What one check saw: whether it passed, a sentence, and rows that show it."""

    check: str
    passed: bool
    sentence: str
    rows: pa.Table


def inspect(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> list[Finding]:
    """All findings for one night's lists, in the order of ``BLOCKING`` then ``WARNING``."""
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
    parts = [
        _query(warehouse, leaks_sql(scenario), scenario, scenarios, night=night) for scenario in scenarios.scenarios
    ]
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
    sentence = f"{rows.num_rows} rows must not go out: {said}" if rows.num_rows else "no row breaks a rule"
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
    sentence = f"{without.num_rows} subjects have no list at all"
    return Finding(COVERED, passed=False, sentence=f"{sentence}; {items.sentence}", rows=without)


def fresh(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Each scenario has rows of this night, and first levels that need a model were made from this night's.

    A site without a champion is left to ``first_level_serves``; no candidates at all stop publication.
    """
    # a submodel's model need not be a champion, its version must be the night's
    named = [
        (s.id, n)
        for s in scenarios.scenarios
        for levels in (s.levels, *(choice.levels for choice in s.by_segment))
        for n, level in enumerate(levels, start=1)
        if any(part.submodel for part in level.parts)
    ]
    tests = [f"(r.scenario_id = $scenario_{n} and r.level = $level_{n})" for n, _ in enumerate(named)]
    bound: dict[str, Value] = {"night": night}
    for n, (scenario_id, level) in enumerate(named):
        bound |= {f"scenario_{n}": scenario_id, f"level_{n}": level}
    rows = warehouse.query(_FRESHNESS.format(is_submodel=" or ".join(tests) or "false"), bound).to_pylist()
    made = {row["what"] for row in rows if row["is_there"]}
    wanted = {"candidates", *(f"scenario {s.id}" for s in scenarios.scenarios)}
    stale = [row["what"] for row in rows if row["what"].startswith("version ")]
    faults = [f"nothing of this night for {what}" for what in sorted(wanted - made)]
    faults += [f"{what} is not this night's champion" for what in stale]
    sentence = "; ".join(faults) if faults else f"all lists and candidates are of {night}"
    table = pa.table({"fault": pa.array(faults, pa.string())})
    return Finding(FRESH, not faults, sentence, table)


def near_last_night(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Mean overlap (Jaccard) of each subject's items with the last night published before this one."""
    before = None
    if warehouse.exists(PUBLISH_LOG):
        last = warehouse.query(f"select max(night) as night from {PUBLISH_LOG} where night < $night", {"night": night})
        before = last["night"][0].as_py()
    if before is None:
        return Finding(
            NEAR_LAST_NIGHT, passed=True, sentence="no earlier published night to hold against", rows=_NOTHING
        )
    rows = warehouse.query(_JACCARD, {"night": night, "before": before})
    limits = {s.id: s.gate.min_jaccard for s in scenarios.scenarios}
    far = [r for r in rows.to_pylist() if r["jaccard"] < limits.get(r["scenario_id"], 0)]
    listed = "; ".join(
        f"{r['scenario_id']} on {r['site_id']}: {r['jaccard']:.2f}, at least {limits[r['scenario_id']]}" for r in far
    )
    sentence = f"far from {before}: {listed}" if far else f"near the lists of {before}"
    return Finding(NEAR_LAST_NIGHT, not far, sentence, rows)


def first_level_serves(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Share of rows from below the first level, known subjects only, at most ``gate.max_fallback_share``."""
    rows = warehouse.query(_FALLBACK, {"night": night})
    limits = {s.id: s.gate.max_fallback_share for s in scenarios.scenarios}
    over = [r for r in rows.to_pylist() if r["fallback_share"] > limits.get(r["scenario_id"], 1)]
    listed = "; ".join(
        f"{r['scenario_id']} on {r['site_id']}: {r['fallback_share']:.0%} of rows from a fallback level, "
        f"at most {limits[r['scenario_id']]:.0%}"
        for r in over
    )
    return Finding(FIRST_LEVEL_SERVES, not over, listed or "first levels carry the lists", rows)


_NOTHING = pa.table({"note": pa.array([], pa.string())})

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

_FRESHNESS = """
select 'candidates' as what, true as is_there from models.candidates where night = $night group by all
union all
select 'scenario ' || scenario_id, true from recommendations.recommendations where night = $night group by scenario_id
union all
select distinct 'version ' || r.model || ' ' || r.model_version || ' on ' || r.site_id, false
from (
    select distinct site_id, scenario_id, level, model, model_version
    from recommendations.recommendations
    where night = $night and strategy in ('personal', 'similar', 'cart_items')
) as r
left join models.champions as m
    on m.night = $night and m.site_id = r.site_id and m.version::varchar = r.model_version
    and (m.model = r.model or {is_submodel})
where m.model is null
order by what"""

_JACCARD = """
with tonight as (
    select site_id, scenario_id, subject_type, subject_id, list(item_id) as items
    from recommendations.recommendations where night = $night
    group by site_id, scenario_id, subject_type, subject_id
), last_night as (
    select site_id, scenario_id, subject_type, subject_id, list(item_id) as items
    from recommendations.recommendations where night = $before
    group by site_id, scenario_id, subject_type, subject_id
)
select
    site_id, scenario_id, count(*) as subjects,
    avg(len(list_intersect(t.items, l.items)) / len(list_distinct(list_concat(t.items, l.items)))) as jaccard
from tonight as t
join last_night as l using (site_id, scenario_id, subject_type, subject_id)
group by site_id, scenario_id
order by site_id, scenario_id"""

_FALLBACK = """
select site_id, scenario_id, count(*) as rows, avg(is_fallback::integer) as fallback_share
from recommendations.recommendations
where night = $night and subject_type <> 'anyone'
group by site_id, scenario_id
order by site_id, scenario_id"""


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


def _query(warehouse: Warehouse, sql: str, scenario: Scenario, scenarios: Scenarios, *, night: date) -> pa.Table:
    parameters = {**parameters_of(scenario, scenarios, night=night), "scenario": scenario.id}
    return warehouse.query(sql, bind(sql, parameters))
