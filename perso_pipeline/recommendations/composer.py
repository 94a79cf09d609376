"""Lists from candidates: all subjects of a scenario at once, in one SQL statement.

Level n+1 is asked only for subjects with slots left by level n. Within a level the order is score, then
item id. Strategies are in ``candidates``, subjects and exclusions in ``subjects``; nothing here loops over
people or items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.allocated_lists import ALLOCATED_ITEMS, ALLOCATIONS, Stock, allocated
from perso_pipeline.recommendations.candidates import CHAMPIONS, candidates
from perso_pipeline.recommendations.explored_slots import POOL_ROWS, pool_sql, with_explored_slots
from perso_pipeline.recommendations.scenarios import ALLOCATION, Filter, Level, Scenario, Scenarios, Strategy
from perso_pipeline.recommendations.subjects import (
    ITEM_RULES,
    context_sql,
    exclusions_sql,
    items_sql,
    ordinal,
    rule_names,
    subjects_sql,
)
from perso_pipeline.recommendations.submodels import check_submodels

SUBJECTS_AT_ONCE = 50_000  # 2.4 GB with 80 candidates each; more are composed in parts, so that memory stays flat

_KEY = [
    ("night", pa.date32()),
    ("site_id", pa.string()),
    ("scenario_id", pa.string()),
    ("subject_type", pa.string()),
    ("subject_id", pa.string()),
]
RECOMMENDATIONS = pa.schema(
    [
        *_KEY,
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
        ("level", pa.int32()),
        ("strategy", pa.string()),
        ("model", pa.string()),
        ("model_version", pa.string()),
        ("is_fallback", pa.bool_()),
    ]
)
TRACE = pa.schema(
    [
        *_KEY,
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("origin_items", pa.list_(pa.string())),
        ("rules", pa.list_(pa.string())),
        ("propensity", pa.float64()),  # null where the scenario explores nothing
    ]
)
REJECTIONS = pa.schema(
    [*_KEY[:3], ("rule", pa.string()), *_KEY[3:], ("item_id", pa.string())],
)
SHORT_LISTS = pa.schema([*_KEY, ("size", pa.int32()), ("filled", pa.int32()), ("reason", pa.string())])


@dataclass(frozen=True)
class Composition:
    """The lists of one night: Arrow tables, each sorted by its key.

    ``recommendations`` has a row per slot filled, ``trace`` its origin and rules, ``rejections`` a row per
    candidate that a rule took out of the first ``size`` places, ``short_lists`` a row per list with empty
    slots and why. ``allocations`` and ``allocated_items`` are of scenarios that share stock out among people.
    """

    recommendations: pa.Table
    trace: pa.Table
    rejections: pa.Table
    short_lists: pa.Table
    allocations: pa.Table = field(default_factory=ALLOCATIONS.empty_table)
    allocated_items: pa.Table = field(default_factory=ALLOCATED_ITEMS.empty_table)


def compose(
    warehouse: Warehouse, scenarios: Scenarios, *, night: date, subjects_at_once: int = SUBJECTS_AT_ONCE
) -> Composition:
    """Compose every scenario for one night, from rows known on that night or before."""
    check_submodels(warehouse, scenarios.scenarios, night=night)
    parts: list[Composition] = []
    stock = Stock.of(warehouse, night=night) if any(s.allocation for s in scenarios.scenarios) else None
    for scenario in scenarios.scenarios:
        parameters = parameters_of(scenario, scenarios, night=night)
        if scenario.allocation:
            parameters["size"] = scenario.size + scenario.allocation.spare
        subjects = count_subjects(warehouse, scenario, parameters)
        buckets = max(1, -(-subjects // subjects_at_once))
        statement = compose_sql(scenario)
        composed = (
            warehouse.query(statement, bind(statement, {**parameters, "buckets": buckets, "bucket": bucket}))
            for bucket in range(buckets)
        )
        if scenario.allocation and stock:
            made = allocated(warehouse, composed, scenario, scenario.allocation, stock, night=night)
            own = _split(made.rows, scenario, night=night)
            parts.append(replace(own, allocations=made.allocations, allocated_items=made.items))
        else:
            parts += [_split(rows, scenario, night=night) for rows in composed]
    return Composition(
        recommendations=_together([p.recommendations for p in parts], "scenario_id", "subject_id", "rank"),
        trace=_together([p.trace for p in parts], "scenario_id", "subject_id", "rank"),
        rejections=_together([p.rejections for p in parts], "scenario_id", "subject_id", "item_id"),
        short_lists=_together([p.short_lists for p in parts], "scenario_id", "subject_id"),
        allocations=_together([p.allocations for p in parts], "scenario_id"),
        allocated_items=_together([p.allocated_items for p in parts], "scenario_id", "item_id"),
    )


def parameters_of(scenario: Scenario, scenarios: Scenarios, *, night: date) -> dict[str, Value]:
    """All values a scenario's statements may bind."""
    return {
        "night": night,
        "size": scenario.size,
        "listed": scenario.size,  # less than what is composed where there are candidates to spare
        "bought_days": scenario.bought_days,
        "cart_days": scenario.cart_days,
        "w_purchases": scenarios.popularity.purchases,
        "w_cart_adds": scenarios.popularity.cart_adds,
        "w_views": scenarios.popularity.views,
        "buckets": 1,
        "bucket": 0,
        **{f"submodel_{n}": level.submodel for n, level in enumerate(scenario.levels, start=1)},
        **{f"group_{n}": level.group for n, level in enumerate(scenario.levels, start=1)},
        **{f"site_{n}": site for n, site in enumerate(scenario.sites)},
    }


def bind(statement: str, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters that a statement names: DuckDB refuses any more."""
    return {name: value for name, value in parameters.items() if f"${name}" in statement}


def count_subjects(warehouse: Warehouse, scenario: Scenario, parameters: Mapping[str, Value]) -> int:
    """How many lists the scenario should have, everybody unknown among them."""
    statement = f"with {subjects_sql(scenario)} select count(*) as subjects from subjects"
    return int(warehouse.query(statement, bind(statement, parameters))["subjects"][0].as_py())


def compose_sql(scenario: Scenario) -> str:
    """The statement for one scenario.

    Its rows carry ``fate``: 'shown', 'rejected' (by a rule, within the first ``size`` places) or 'short'
    (one per list with empty slots); with an exploring share also those of ``explored_slots``.
    """
    ctes = [subjects_sql(scenario), items_sql(scenario), context_sql(scenario), exclusions_sql(scenario)]
    if {Strategy.PERSONAL, Strategy.SIMILAR, Strategy.CART_ITEMS} & {level.strategy for level in scenario.levels}:
        ctes.append(CHAMPIONS)
    for number, level in enumerate(scenario.levels, start=1):
        ctes += _level(number, level, scenario)
    names = "[" + ", ".join(f"'{name}'" for name in rule_names(scenario)) + "]"
    own_rules = ", ".join(str(ordinal(scenario, rule)) for rule in scenario.filters if rule not in ITEM_RULES) or "null"
    pool, pool_rows = "", ""
    if scenario.exploration is not None:
        pool, pool_rows = f",\n{pool_sql(scenario.exploration)}", POOL_ROWS
    judged = " union all ".join(f"select * from judged_{n}" for n, _ in enumerate(scenario.levels, start=1))
    return f"""with {",".join(ctes)},

considered as materialized (
    select
        *, row_number() over (partition by subject_no order by level, score desc, item_id) as place
    from ({judged})
),

shown as (
    select *, row_number() over (partition by subject_no order by level, score desc, item_id) as rank
    from ({_chosen_up_to(len(scenario.levels))})
){pool},

filled as (
    select s.subject_no, coalesce(c.filled, 0) as filled
    from subjects as s
    left join (select subject_no, count(*) as filled from shown group by subject_no) as c using (subject_no)
    where coalesce(c.filled, 0) < $size
),

reasons as (
    select subject_no, string_agg(rule || ' ' || items, ', ' order by rule) as removed
    from (
        select f.subject_no, {names}[o.rule + 1] as rule, o.items
        from filled as f
        join subjects as s using (subject_no)
        join (
            select site_id, item_rule as rule, count(*) as items from items
            where item_rule is not null
            group by site_id, item_rule
        ) as o on o.site_id = s.site_id
        union all
        -- rules of the subject's own; shared lists are not read to their end for items off for everybody
        select f.subject_no, {names}[c.rule + 1] as rule, count(*) as items
        from filled as f
        join considered as c using (subject_no)
        where c.rule in ({own_rules})
        group by f.subject_no, c.rule
    )
    group by subject_no
)

select
    'shown' as fate, s.site_id, s.subject_type, s.subject_id, c.rank::integer as rank, c.item_id, c.score,
    c.level, c.model, c.model_version, c.origin_items, c.note, null::varchar as rule, null::integer as filled
from shown as c
join subjects as s using (subject_no)
union all
select
    'rejected', s.site_id, s.subject_type, s.subject_id, null, c.item_id, null, null, null, null, null, null,
    {names}[c.rule + 1], null
from considered as c
join subjects as s using (subject_no)
where c.rule is not null and c.place <= $listed
union all
select
    'short', s.site_id, s.subject_type, s.subject_id, null, null, null, null, null, null, null, null,
    'the levels offer ' || f.filled || ' that may be shown; taken off: ' || coalesce(r.removed, 'none'),
    f.filled::integer
from filled as f
join subjects as s using (subject_no)
left join reasons as r using (subject_no){pool_rows}
order by fate, site_id, subject_type, subject_id, rank, item_id"""


def _chosen_up_to(level: int) -> str:
    parts = [f"select * from chosen_{n}" for n in range(1, level + 1)]
    return " union all ".join(parts)


def _level(number: int, level: Level, scenario: Scenario) -> list[str]:
    """CTEs of one level: who is open, candidates not yet seen, judged, chosen."""
    shared, select = candidates(number, level, scenario)
    before = _chosen_up_to(number - 1)
    taken = (
        f"left join (select subject_no, count(*) as taken from ({before}) group by subject_no) as t using (subject_no)"
    )
    seen = " union all ".join(f"select subject_no, item_id from judged_{n}" for n in range(1, number))
    families = "select subject_no, family from context_families"
    variants = ordinal(scenario, Filter.VARIANTS) if Filter.VARIANTS in scenario.filters else 0
    if number > 1:
        families += f" union select subject_no, family from ({before})"
    return [
        f"""
open_{number} as materialized (
    select s.*, {"coalesce(t.taken, 0)" if number > 1 else "0"} as taken
    from subjects as s
    {taken if number > 1 else ""}
    {"where coalesce(t.taken, 0) < $size" if number > 1 else ""}
)""",
        *shared,
        f"""
fresh_{number} as materialized (
    select c.*
    from ({select}
    ) as c
    {f"anti join ({seen}) as s on s.subject_no = c.subject_no and s.item_id = c.item_id" if number > 1 else ""}
)""",
        f"""
tested_{number} as (
    select
        c.*, {number}::integer as level, o.taken, coalesce(i.family, c.item_id) as family,
        case
            when i.item_id is null then 0
            else coalesce(least(i.item_rule, e.rule), case when f.family is not null then {variants} end)
        end as rule
    from fresh_{number} as c
    join open_{number} as o on o.subject_no = c.subject_no
    left join items as i on i.site_id = o.site_id and i.item_id = c.item_id
    left join exclusions as e on e.subject_no = c.subject_no and e.item_id = c.item_id
    left join ({families}) as f on f.subject_no = c.subject_no and f.family = i.family
)""",
        f"""
judged_{number} as materialized (
    select
        * replace (coalesce(rule, case when turn > 1 then {variants} end) as rule)
    from (
        select *, row_number() over (
            partition by subject_no, family, rule is null order by score desc, item_id
        ) as turn
        from tested_{number}
    )
)""",
        f"""
chosen_{number} as materialized (
    select *
    from judged_{number}
    where rule is null
    qualify row_number() over (partition by subject_no order by score desc, item_id) <= $size - taken
)""",
    ]


def _split(rows: pa.Table, scenario: Scenario, *, night: date) -> Composition:
    shown = rows.filter(pc.equal(rows["fate"], "shown"))
    strategies = pa.array([level.strategy.value for level in scenario.levels], pa.string())
    level_index = pc.subtract(shown["level"], 1)
    shown = shown.append_column("strategy", strategies.take(level_index.combine_chunks()))
    shown = shown.append_column("is_fallback", pc.greater(shown["level"], 1))
    shown = with_explored_slots(rows, shown, scenario, night=night)
    filters = [str(rule) for rule in scenario.filters] + ([ALLOCATION] if scenario.allocation else [])
    coded = shown["note"].combine_chunks().dictionary_encode("encode")
    lists = pa.array([filters + ([n] if n else []) for n in coded.dictionary.to_pylist()], pa.list_(pa.string()))
    shown = shown.append_column("rules", lists.take(coded.indices))
    short = rows.filter(pc.equal(rows["fate"], "short"))
    short = short.append_column("size", pa.array([scenario.size] * short.num_rows, pa.int32()))
    short = short.append_column("reason", short["rule"])
    return Composition(
        recommendations=_shaped(shown, RECOMMENDATIONS, scenario, night=night),
        trace=_shaped(shown, TRACE, scenario, night=night),
        rejections=_shaped(rows.filter(pc.equal(rows["fate"], "rejected")), REJECTIONS, scenario, night=night),
        short_lists=_shaped(short, SHORT_LISTS, scenario, night=night),
    )


def _shaped(rows: pa.Table, schema: pa.Schema, scenario: Scenario, *, night: date) -> pa.Table:
    constants = {"night": pa.scalar(night, pa.date32()), "scenario_id": pa.scalar(scenario.id)}
    columns = [
        pa.repeat(constants[field.name], rows.num_rows)
        if field.name in constants
        else rows[field.name].cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _together(parts: list[pa.Table], *order: str) -> pa.Table:
    keys = [("night", "ascending"), ("site_id", "ascending"), *((name, "ascending") for name in order)]
    return pa.concat_tables(parts).sort_by(keys)
