"""The gate before publication, seen in time: how old what the lists rest on is, and how they differ from before.

Checks that need another night, a model's date or the day of the newest fact. What is wrong with tonight's rows in
themselves is ``gate``'s matter.
"""

from datetime import date
from typing import Any

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.findings import FIRST_LEVEL_SERVES, FRESH, NEAR_LAST_NIGHT, Finding
from perso_pipeline.recommendations.publish import PUBLISH_LOG
from perso_pipeline.recommendations.scenario_parts import Publication
from perso_pipeline.recommendations.scenarios import Scenarios


def fresh(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Lists of this night, from this night's champions; models and newest facts no older than their limits.

    A site without a champion is left to ``first_level_serves``; no candidates at all stop publication.
    """
    faults = _not_of_the_night(warehouse, scenarios, night=night)
    ages = warehouse.query(_AGES, {"night": night})
    faults += _too_old(ages, scenarios.publish)
    newest = ages.to_pylist()
    said = [f"newest facts of {r['site_id']} {_days(r['facts_age_days'])} old" for r in newest if r["facts_as_of"]]
    said += [f"no facts of {r['site_id']} at all" for r in newest if not r["facts_as_of"]]
    passed = "; ".join([f"all lists and candidates are of {night}", *said])
    rows = pa.table({"fault": pa.array(faults, pa.string())}) if faults else ages
    return Finding(FRESH, not faults, "; ".join(faults) or passed, rows)


def near_last_night(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Mean overlap (Jaccard) of each subject's items with the last night published before this one."""
    before = _published_before(warehouse, night)
    if before is None:
        nothing = pa.table({"note": pa.array([], pa.string())})
        sentence = "no earlier published night to hold against"
        return Finding(NEAR_LAST_NIGHT, passed=True, sentence=sentence, rows=nothing)
    rows = warehouse.query(_JACCARD, {"night": night, "before": before})
    limits = {s.id: s.gate for s in scenarios.scenarios}
    held = [(row, limits[row["scenario_id"]]) for row in rows.to_pylist() if row["scenario_id"] in limits]
    stopping = [(row, g.stop_jaccard) for row, g in held if row["jaccard"] < g.stop_jaccard]
    shown = [(row, g.min_jaccard) for row, g in held if g.stop_jaccard <= row["jaccard"] < g.min_jaccard]
    listed = "; ".join(
        f"{row['scenario_id']} on {row['site_id']}: {row['jaccard']:.2f}, at least {floor}"
        for row, floor in stopping + shown
    )
    sentence = f"far from {before}: {listed}" if listed else f"near the lists of {before}"
    return Finding(NEAR_LAST_NIGHT, not listed, sentence, rows, stops=bool(stopping))


def first_level_serves(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> Finding:
    """Share of rows from below the first level, known subjects only; a first level that fills nothing is always told.

    Above ``gate.stop_fallback_share`` publication stops, above ``gate.max_fallback_share`` it is shown.
    """
    before = _published_before(warehouse, night)
    rows = warehouse.query(_FALLBACK, {"night": night, "before": before})
    limits = {s.id: s.gate for s in scenarios.scenarios}
    stopping, shown = [], []
    for row in rows.to_pylist():
        gate = limits.get(row["scenario_id"])
        if gate is None:
            continue
        was = f" ({row['share_before']:.0%} on {before})" if row["share_before"] is not None else ""
        share = f"{row['fallback_share']:.0%} of rows from a fallback level{was}"
        said = f"{row['scenario_id']} on {row['site_id']}: {share}"
        if row["fallback_share"] > gate.stop_fallback_share:
            stopping.append(f"{said}, at most {gate.stop_fallback_share:.0%}")
        elif row["fallback_share"] > gate.max_fallback_share:
            shown.append(f"{said}, at most {gate.max_fallback_share:.0%}")
        elif row["fallback_share"] == 1:
            shown.append(f"{said}: its first level fills nothing")
    listed = "; ".join(stopping + shown)
    return Finding(FIRST_LEVEL_SERVES, not listed, listed or "first levels carry the lists", rows, stops=bool(stopping))


def _not_of_the_night(warehouse: Warehouse, scenarios: Scenarios, *, night: date) -> list[str]:
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
    return faults + [f"{what} is not this night's champion" for what in stale]


def _too_old(ages: pa.Table, limits: Publication) -> list[str]:
    faults: list[str] = []
    for row in ages.to_pylist():
        for kind, limit in (("facts", limits.max_facts_age_days), ("model", limits.max_model_age_days)):
            age = row[f"{kind}_age_days"]
            if age is not None and age > limit:
                which = "newest facts" if kind == "facts" else f"oldest model ({row['oldest_model']})"
                faults.append(
                    f"{which} behind the lists of {row['site_id']}: of {row[f'{kind}_as_of']}, "
                    f"{_days(age)} before the night, at most {limit}"
                )
    return faults


def _days(age: Any) -> str:
    return f"{age} day" if age == 1 else f"{age} days"


def _published_before(warehouse: Warehouse, night: date) -> date | None:
    if not warehouse.exists(PUBLISH_LOG):
        return None
    last = warehouse.query(
        f"select max(night) as night from {PUBLISH_LOG} where night < $night and action = 'publish'", {"night": night}
    )
    found: date | None = last["night"][0].as_py()
    return found


_FRESHNESS = """
select 'candidates' as what, true as is_there where exists (select 1 from models.candidates where night = $night)
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

# a version begins with the night that the model was trained on
_AGES = """
with lists as (
    select
        site_id, model || ' ' || model_version as model, try_cast(left(model_version, 10) as date) as trained_on
    from recommendations.recommendations
    where night = $night
    group by all
),
models as (
    select site_id, min(trained_on) as trained_on, min_by(model, (trained_on, model)) as model
    from lists
    group by site_id
),
facts as (
    select site_id, max(event_date) as newest from interactions.interactions where known_on <= $night group by site_id
)
select
    m.site_id, f.newest as facts_as_of, greatest(0, $night::date - f.newest) as facts_age_days,
    m.model as oldest_model, m.trained_on as model_as_of, $night::date - m.trained_on as model_age_days
from models as m
left join facts as f using (site_id)
order by m.site_id"""

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
with shares as (
    select night, site_id, scenario_id, count(*) as rows, avg(is_fallback::integer) as fallback_share
    from recommendations.recommendations
    where night in ($night, $before) and subject_type <> 'anyone'
    group by night, site_id, scenario_id
)
select t.site_id, t.scenario_id, t.rows, t.fallback_share, b.fallback_share as share_before
from (select * from shares where night = $night) as t
left join (select * from shares where night = $before) as b using (site_id, scenario_id)
order by t.site_id, t.scenario_id"""
