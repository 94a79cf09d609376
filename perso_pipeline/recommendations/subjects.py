"""SQL of whom lists are made for and what each subject must not be shown.

CTEs for the composer and for its gate. The strategies themselves are in ``candidates``.
"""

from perso_pipeline.interactions.carts import CARTS, IDENTITIES
from perso_pipeline.recommendations.scenarios import UNAVAILABLE, Filter, Scenario, Subject

ANYONE = "anyone"
EVERYBODY = "*"


def rule_names(scenario: Scenario) -> list[str]:
    """Rules by ordinal: what is always in force, then the scenario's filters in order."""
    return [UNAVAILABLE, *scenario.filters]


def ordinal(scenario: Scenario, rule: Filter) -> int:
    """Place of a filter in ``rule_names``."""
    return 1 + scenario.filters.index(rule)


def site_condition(scenario: Scenario) -> str:
    """``$site_0, ...`` bound by ``parameters``; true for a scenario on all sites."""
    names = ", ".join(f"$site_{n}" for n in range(len(scenario.sites)))
    return f"site_id in ({names})" if names else "true"


# what takes an item off every list of its site
ITEM_RULES = {
    Filter.SOLD_OUT: "coalesce(stock, 1) <= 0",
    # judged at the end of the night, when the lists go out
    Filter.EXPIRED: "(coalesce(valid_to <= {end}, false) or coalesce(valid_from > {end}, false))",
    Filter.CONTENT: "item_type <> 'product'",
}
_END = "($night::date + 1)::timestamp"


def items_sql(scenario: Scenario) -> str:
    """``items``: the sites' catalogue of the night with the first rule, if any, that takes an item off."""
    tests = [
        f"case when {test.format(end=_END)} then {ordinal(scenario, rule)} end"
        for rule, test in ITEM_RULES.items()
        if rule in scenario.filters
    ]
    expired = ITEM_RULES[Filter.EXPIRED].format(end=_END)
    family = "coalesce(parent_item_id, item_id)" if Filter.VARIANTS in scenario.filters else "item_id"
    return f"""
items as materialized (
    select
        site_id, item_id, category_path, is_available, {family} as family,
        ($w_purchases * coalesce(purchases_28d, 0) + $w_cart_adds * coalesce(cart_adds_28d, 0)
            + $w_views * coalesce(views_28d, 0))::double as popularity,
        least({", ".join([_UNAVAILABLE_TEST.format(expired=expired), *tests, "null::integer"])}) as item_rule
    from profiles.item_profiles
    where night = $night and {site_condition(scenario)}
)"""


# is_available says several things at once; what stock and dates do not explain is a deleted item
_UNAVAILABLE_TEST = """
            case
                when item_type is null or item_type not in ('product', 'content') then 0
                when not is_available and coalesce(stock, 1) > 0 and not {expired} then 0
            end"""

_PEOPLE = """
    select
        site_id, 'person' as subject_type, person_id as subject_id, person_id,
        has_personalization_consent is not false as may_personalize
    from profiles.customer_profiles
    where night = $night"""

_ITEMS = """
    select site_id, 'item' as subject_type, item_id as subject_id, null::varchar as person_id, true as may_personalize
    from profiles.item_profiles
    where night = $night and is_available"""

_CARTS = """
    select
        c.site_id, 'cart' as subject_type, c.cart_key as subject_id, i.person_id, true as may_personalize
    from carts as c
    left join identities as i on i.identifier = c.identifier
    where c.is_open
        and exists (select 1 from cart_contents as l where l.site_id = c.site_id and l.cart_key = c.cart_key)"""

_SEARCH_TERMS = """
    select
        site_id, 'search_term' as subject_type, term as subject_id, null::varchar as person_id, true as may_personalize
    from recommendations.search_terms
    where night = $night and is_head"""

_SUBJECTS = {
    Subject.PERSON: _PEOPLE,
    Subject.ITEM: _ITEMS,
    Subject.CART: _CARTS,
    Subject.SEARCH_TERM: _SEARCH_TERMS,
}


def subjects_sql(scenario: Scenario) -> str:
    """``subjects(subject_no, site_id, subject_type, subject_id, person_id, may_personalize)``.

    One row per person with a profile, available item, open cart or search term of the sites, and per site
    one for everybody unknown. ``$bucket`` of ``$buckets`` keeps a share of them by hash.
    """
    carts = f"{CARTS}," if scenario.subject is Subject.CART else ""
    return f"""{IDENTITIES},
{carts}
all_subjects as (
{_SUBJECTS[scenario.subject]}
    union all
    select distinct site_id, '{ANYONE}', '{EVERYBODY}', null::varchar, false
    from profiles.item_profiles
    where night = $night
),

subjects as materialized (
    select row_number() over () as subject_no, *
    from all_subjects
    where {site_condition(scenario)} and hash(subject_id) % $buckets::ubigint = $bucket::ubigint
)"""


def context_sql(scenario: Scenario) -> str:
    """``context_items(subject_no, site_id, item_id)``: the item of a product page, the items of a cart."""
    if scenario.subject in (Subject.PERSON, Subject.SEARCH_TERM):
        select = "select subject_no, site_id, null::varchar as item_id from subjects where false"
    elif scenario.subject is Subject.ITEM:
        select = "select subject_no, site_id, subject_id as item_id from subjects where subject_type = 'item'"
    else:
        select = """select s.subject_no, s.site_id, l.item_id
    from subjects as s
    join cart_contents as l on l.site_id = s.site_id and l.cart_key = s.subject_id
    where s.subject_type = 'cart'"""
    return f"""
context_items as materialized (
    {select}
)"""


_OF_THE_CONTEXT = "select subject_no, item_id, {rule} as rule from context_items"

_EXCLUDED = {
    Filter.SAME_ITEM: _OF_THE_CONTEXT,
    Filter.IN_CART: _OF_THE_CONTEXT,
    Filter.BLOCKED: """
    select p.subject_no, x.item_id, {rule} as rule
    from subject_identifiers as p
    join interactions.interactions as x on x.identifier = p.identifier and x.site_id = p.site_id
    where x.known_on <= $night and x.event_type = 'block_item'""",
    # an order line that was cancelled whole was never bought; one that was sent back was
    Filter.BOUGHT: """
    select p.subject_no, x.item_id, {rule} as rule
    from subject_identifiers as p
    join (
        select site_id, max(identifier) filter (movement = 'sale') as identifier, item_id
        from interactions.order_movements
        where known_on <= $night and is_goods and movement in ('sale', 'cancellation')
            and order_date > $night::date - $bought_days::integer
        group by site_id, order_id, order_line_id, item_id
        having sum(quantity) > 0
    ) as x on x.identifier = p.identifier and x.site_id = p.site_id
    union all
    select p.subject_no, x.item_id, {rule} as rule
    from subject_identifiers as p
    join interactions.interactions as x on x.identifier = p.identifier and x.site_id = p.site_id
    where x.known_on <= $night and x.event_type = 'owns'""",
}


def exclusions_sql(scenario: Scenario) -> str:
    """``exclusions(subject_no, item_id, rule)``, first rule only, and ``needs(subject_no, needed)``.

    ``needed`` is how many items that could be shown a shared list must offer a subject, so that its slots
    are full whatever it may not see.
    """
    parts = [
        _EXCLUDED[rule].format(rule=ordinal(scenario, rule)) for rule in scenario.filters if rule in _EXCLUDED
    ] or ["select subject_no, item_id, 0 as rule from context_items where false"]
    return f"""
subject_identifiers as materialized (
    select s.subject_no, s.site_id, i.identifier
    from subjects as s
    join identities as i on i.person_id = s.person_id
),

exclusions as materialized (
    select subject_no, item_id, min(rule) as rule
    from (
{" union all ".join(parts)}
    )
    group by subject_no, item_id
),

context_families as materialized (
    select distinct c.subject_no, i.family
    from context_items as c
    join items as i on i.site_id = c.site_id and i.item_id = c.item_id
    where {"true" if Filter.VARIANTS in scenario.filters else "false"}
),

needs as materialized (
    select s.subject_no, $size + coalesce(e.items, 0) + coalesce(f.families, 0) as needed
    from subjects as s
    left join (select subject_no, count(*) as items from exclusions group by subject_no) as e using (subject_no)
    left join (
        select subject_no, count(*) as families from context_families group by subject_no
    ) as f using (subject_no)
)"""
