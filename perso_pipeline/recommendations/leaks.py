"""SQL of the leaks: rows that a rule in force forbids, one SELECT per rule, and what lists must not do together.

Written against catalogue and facts as they stand, apart from the composer's own exclusions. A rule added
to ``scenarios.Filter`` needs its leak here; those of ``merchandising`` are in ``rule_leaks``.
"""

from collections.abc import Iterable, Mapping, Sequence

from perso_pipeline.contracts.warehouse import Value
from perso_pipeline.recommendations.levels import Filter
from perso_pipeline.recommendations.merchandising import Rule
from perso_pipeline.recommendations.rule_leaks import rule_tests
from perso_pipeline.recommendations.scenarios import Scenario
from perso_pipeline.recommendations.subjects import site_condition, subjects_sql

_COLUMNS = "r.site_id, r.scenario_id, r.subject_type, r.subject_id, r.rank, r.item_id"

# few items stand in many lists: an item is judged once
_ITEM = """
semi join (
    select s.site_id, s.item_id
    from shown as s
    left join profiles.item_profiles as i on i.night = $night and i.site_id = s.site_id and i.item_id = s.item_id
    where {test}
) using (site_id, item_id)"""

# groups of rows that agree in some columns; those of one hash are found first, for that is one number to group by
_TWICE = """
semi join (
    select {keys} from {rows}
    where hash({keys}) in (select hash({keys}) from {rows} group by all having count(*) > 1)
    group by all having count(*) > 1
) using ({keys})"""
_OF_A_LIST = "site_id, subject_type, subject_id"

_PERSON_OF = """
join people as p using (site_id, subject_type, subject_id)
where exists (
    select 1 from {facts} as f
    join identity.identity_map as m on m.identifier = f.identifier
    where f.known_on <= $night and m.known_on <= $night and (m.void_on is null or m.void_on > $night)
        and m.person_id = p.person_id and f.site_id = r.site_id and f.item_id = r.item_id and {test}
)"""

_LINES_BOUGHT = """(
        select *, sum(case when movement in ('sale', 'cancellation') then quantity end)
            over (partition by site_id, order_id, order_line_id) as kept
        from interactions.order_movements where known_on <= $night
    )"""

# always in force, whatever a scenario filters
_ALWAYS = {
    "foreign or unknown item": _ITEM.format(test="i.item_id is null"),
    "not for sale": _ITEM.format(test="i.item_type not in ('product', 'content')"),
    "foreign site": "where not ({sites})",
    "beyond the list": "where r.rank < 1 or r.rank > $size",
    "repeated item": _TWICE.format(keys=f"{_OF_A_LIST}, item_id", rows="lists"),
    "repeated rank": _TWICE.format(keys=f"{_OF_A_LIST}, rank", rows="lists"),
}

_OF_FILTER = {
    Filter.SOLD_OUT: _ITEM.format(test="i.stock <= 0"),
    Filter.EXPIRED: _ITEM.format(
        test="i.valid_to <= ($night::date + 1)::timestamp or i.valid_from > ($night::date + 1)::timestamp"
    ),
    Filter.CONTENT: _ITEM.format(test="i.item_type <> 'product'"),
    Filter.PRODUCTS: _ITEM.format(test="i.item_type <> 'content'"),
    Filter.VIEWED: _PERSON_OF.format(
        facts="interactions.interactions",
        test="f.event_type in ('product_view', 'content_consumed') "
        "and f.event_date > $night::date - $viewed_days::integer",
    ),
    Filter.BOUGHT: _PERSON_OF.format(
        facts=_LINES_BOUGHT,
        test="f.movement = 'sale' and f.is_goods and f.kept > 0 "
        "and f.order_date > $night::date - $bought_days::integer",
    ),
    Filter.BLOCKED: _PERSON_OF.format(facts="interactions.interactions", test="f.event_type = 'block_item'"),
    Filter.SAME_ITEM: "where r.subject_type = 'item' and r.subject_id = r.item_id",
    Filter.IN_CART: """where r.subject_type = 'cart' and exists (
    select 1 from cart_contents as c
    where c.site_id = r.site_id and c.cart_key = r.subject_id and c.item_id = r.item_id
)""",
    Filter.VARIANTS: f"""
semi join (
    select {_OF_A_LIST}, item_id
    from families as r {_TWICE.format(keys=f"{_OF_A_LIST}, family", rows="families")}
) using ({_OF_A_LIST}, item_id)""",
}

_TWICE_ON_A_PAGE = f"""
select 'twice on a page' as rule, {_COLUMNS}
from recommendations.recommendations as r
join (values {{pages}}) as p(scenario_id, page) using (scenario_id)
where r.night = $night
window same as (partition by p.page, r.site_id, r.subject_type, r.subject_id, r.item_id)
qualify min(r.scenario_id) over same <> max(r.scenario_id) over same
order by all"""


def leaks_sql(scenario: Scenario, in_force: Sequence[Rule]) -> tuple[str, Mapping[str, Value]]:
    """One row per (rule, row of the scenario's lists that breaks it), in a fixed order, and what the rules bind."""
    tests = dict(_ALWAYS)
    if {Filter.SOLD_OUT, Filter.EXPIRED} <= set(scenario.filters):
        tests["not available"] = _ITEM.format(test="not i.is_available")
    tests |= {str(rule).replace("_", " "): _OF_FILTER[rule] for rule in scenario.filters}
    of_rules, bound = rule_tests(in_force)
    selects = [
        f"select '{name}' as rule, {_COLUMNS} from lists as r {test.replace('{sites}', site_condition(scenario))}"
        for name, test in (tests | of_rules).items()
    ]
    sql = f"""with {subjects_sql(scenario)},

people as (
    select site_id, subject_type, subject_id, person_id, may_personalize from subjects where person_id is not null
),

lists as materialized (
    select * from recommendations.recommendations where night = $night and scenario_id = $scenario
),

shown as materialized (select distinct site_id, item_id from lists),

families as (
    select l.site_id, l.subject_type, l.subject_id, l.item_id, coalesce(i.parent_item_id, i.item_id) as family
    from lists as l
    join profiles.item_profiles as i on i.night = $night and i.site_id = l.site_id and i.item_id = l.item_id
)

{" union all ".join(selects)}
order by all"""
    return sql, bound


def pages_sql(scenarios: Iterable[Scenario]) -> tuple[str, Mapping[str, Value]] | None:
    """One row per slot whose item stands in another list of its page too, and what it binds; None without pages."""
    paged = [(scenario.id, scenario.page) for scenario in scenarios if scenario.page]
    if not paged:
        return None
    bound: dict[str, Value] = {}
    for n, (scenario_id, page) in enumerate(paged):
        bound |= {f"id_{n}": scenario_id, f"page_{n}": page}
    marks = ", ".join(f"($id_{n}, $page_{n})" for n, _ in enumerate(paged))
    return _TWICE_ON_A_PAGE.format(pages=marks), bound


def promises_sql(scenarios: Iterable[Scenario]) -> tuple[str, Mapping[str, Value]] | None:
    """One row per slot of an item that lists promise beyond what they may, and what it binds; None where none promises.

    Scenarios of a site share its stock.
    """
    allocated = [(scenario.id, scenario.allocation.factor) for scenario in scenarios if scenario.allocation]
    if not allocated:
        return None
    bound: dict[str, Value] = {}
    for n, (scenario_id, factor) in enumerate(allocated):
        bound |= {f"id_{n}": scenario_id, f"factor_{n}": factor}
    marks = ", ".join(f"($id_{n}, $factor_{n})" for n, _ in enumerate(allocated))
    sql = f"""
with factors(scenario_id, factor) as (values {marks}),

expected as (
    select
        site_id, scenario_id, 'anyone' as subject_type, generate_subscripts(unknown_slot_pieces, 1) as rank,
        unnest(unknown_slot_pieces) as pieces
    from recommendations.allocations
    where night = $night
    union all
    select site_id, scenario_id, 'person', generate_subscripts(own_slot_pieces, 1), unnest(own_slot_pieces)
    from recommendations.allocations
    where night = $night
),

slots as (
    select {_COLUMNS}, f.factor, e.pieces
    from recommendations.recommendations as r
    join factors as f using (scenario_id)
    left join expected as e
        on e.site_id = r.site_id and e.scenario_id = r.scenario_id and e.subject_type = r.subject_type
        and e.rank = r.rank
    where r.night = $night
),

promises as (
    select site_id, item_id, sum(pieces) as pieces, max(factor) as factor from slots group by site_id, item_id
)

select
    case when r.pieces is null then 'promise not counted' else 'promised beyond stock' end as rule, {_COLUMNS}
from slots as r
join promises as p using (site_id, item_id)
join profiles.item_profiles as i on i.night = $night and i.site_id = r.site_id and i.item_id = r.item_id
where r.pieces is null or p.pieces > p.factor * i.stock + 1e-6  -- sums of fractions, in another order
order by all"""
    return sql, bound
