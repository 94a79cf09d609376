"""SQL of the strategies: where the candidates of a level come from.

Each strategy is one SELECT over ``open_<n>`` (subjects with slots left) that gives
(subject_no, item_id, score, model, model_version, origin_items, note). Add a strategy here and in
``scenarios.Strategy``; judging and ranking are the composer's.
"""

from perso_pipeline.recommendations.scenarios import Level, Scenario, Strategy, Subject
from perso_pipeline.recommendations.submodels import CANDIDATES_BY_GROUP, LISTS_BY_GROUP, groups_sql

_NO_ORIGIN = "[]::varchar[]"

# Candidates of the champions. Not materialized: a level reads one task for the subjects at hand, and holding the
# whole table instead cost half of the time at 50,000 people.
CHAMPIONS = """
champion_candidates as not materialized (
    select c.site_id, c.task, c.subject_type, c.subject_id, c.item_id, c.score, c.model, c.version
    from models.candidates as c
    join models.champions as m
        on m.night = c.night and m.site_id = c.site_id and m.task = c.task
        and m.model = c.model and m.version = c.version
    where c.submodel = 'main' and c.night = $night and c.subject_type in ('person', 'item')
)"""

_CATEGORY_OF = {
    Subject.PERSON: """
    select s.subject_no, s.site_id, p.preferred_category as category
    from subjects as s
    join profiles.customer_profiles as p on p.site_id = s.site_id and p.person_id = s.subject_id and p.night = $night
    where s.subject_type = 'person' and s.may_personalize and p.preferred_category is not null""",
    Subject.ITEM: """
    select c.subject_no, c.site_id, i.category_path as category
    from context_items as c
    join items as i on i.site_id = c.site_id and i.item_id = c.item_id
    where i.category_path is not null""",
}
_CATEGORY_OF[Subject.CART] = _CATEGORY_OF[Subject.ITEM]

# {groups}, {same_key} and {note} are filled where a level names a submodel
_PERSONAL = f"""
    select
        o.subject_no, c.item_id, c.score::double as score, c.model, c.version as model_version,
        {_NO_ORIGIN} as origin_items, {{note}} as note
    from {{opened}} as o
    {{groups}}
    join {{source}} as c
        on c.site_id = o.site_id and c.subject_id = o.subject_id and c.task = 'personal' and c.subject_type = 'person'
        {{same_key}}
    where o.subject_type = 'person' and o.may_personalize"""

# summed one after another in the order of the items, so that a night run twice gives the same last digit
_FROM_CONTEXT = """
    select
        subject_no, item_id, list_sum(list(score order by origin)) as score, model, model_version,
        list(origin order by score desc, origin) as origin_items, max(note) as note
    from (
        select
            o.subject_no, x.item_id as origin, c.item_id, max(c.score)::double as score, c.model,
            c.version as model_version, {note} as note
        from {opened} as o
        join context_items as x on x.subject_no = o.subject_no
        {groups}
        join {source} as c
            on c.site_id = o.site_id and c.subject_id = x.item_id and c.task = 'similar' and c.subject_type = 'item'
            {same_key}
        group by o.subject_no, x.item_id, c.item_id, c.model, c.version, {note}
    )
    group by subject_no, item_id, model, model_version"""
# the smoothed share of those who searched for the term that went on to buy the item
_AFTER_SEARCH = f"""
    select
        o.subject_no, a.item_id, a.smoothed_conversion as score, 'search_affinity' as model,
        $night::date::varchar as model_version, {_NO_ORIGIN} as origin_items, {{note}} as note
    from {{opened}} as o
    join recommendations.search_affinity as a
        on a.night = $night and a.site_id = o.site_id and a.term = o.subject_id
    where o.subject_type = 'search_term'"""

_CONTEXTUAL = {
    Strategy.SEARCHED_THEN_BOUGHT: _AFTER_SEARCH,
    Strategy.PERSONAL: _PERSONAL,
    Strategy.SIMILAR: _FROM_CONTEXT,
    Strategy.CART_ITEMS: _FROM_CONTEXT,
    Strategy.SIMILAR_CONTENT: _FROM_CONTEXT,
}
_WHOLE_SITE = {"groups": "", "same_key": "", "note": "null::varchar"}

_COLD = "(select * from models.candidates where night = $night and submodel = 'cold_start')"

_MODEL_LIST = """
        select
            site_id, '' as key, item_id, max(score)::double as score, max(model) as model,
            max(version) as model_version
        from models.candidates
        where night = $night and subject_type = 'anyone' and model = '{model}' and submodel = 'main'
        group by site_id, item_id"""

_LISTS = {
    Strategy.TRENDING: _MODEL_LIST.format(model="trending"),
    Strategy.POPULAR: _MODEL_LIST.format(model="popular"),
    Strategy.RECENTLY_ADDED: _MODEL_LIST.format(model="recently_added"),
    Strategy.CATALOGUE: """
        select
            site_id, '' as key, item_id, popularity as score, 'item_profiles' as model,
            $night::date::varchar as model_version
        from items""",
    # an item stands under its category and under every category above it
    Strategy.POPULAR_IN_CATEGORY: """
        select
            site_id, array_to_string(parts[:depth], '/') as key, item_id, popularity as score,
            'item_profiles' as model, $night::date::varchar as model_version
        from (
            select *, unnest(range(1, len(parts) + 1)) as depth
            from (select *, string_split(category_path, '/') as parts from items where category_path is not null)
        )""",
}


# what cannot be shown matters only where it would have stood within the list's size
REACH = "(not l.is_off and l.eligible <= n.needed) or l.place <= $size"


def shared_list(level: int, select: str) -> str:
    """``list_<level>``: one ordered list per site (and category or group), made once for all subjects.

    ``place`` counts all items of a list, ``eligible`` those (families, under 'variants') that could be shown.
    """
    return f"""
list_{level} as materialized (
    select
        *,
        row_number() over (partition by site_id, key order by score desc, item_id) as place,
        count(*) filter (is_first) over (
            partition by site_id, key order by score desc, item_id rows unbounded preceding
        ) as eligible
    from (
        select
            l.*, i.item_id is null or i.item_rule is not null as is_off,
            not is_off and row_number() over (
                partition by l.site_id, l.key, coalesce(i.family, l.item_id), is_off order by l.score desc, l.item_id
            ) = 1 as is_first
        from ({select}
        ) as l
        left join items as i on i.site_id = l.site_id and i.item_id = l.item_id
    )
)"""


def candidates(number: int, level: Level, scenario: Scenario) -> tuple[list[str], str]:
    """CTEs and the SELECT that give the candidates of one level for the subjects in ``open_<number>``."""
    if level.submodel is not None:
        return _submodel_candidates(number, level)
    opened, strategy = f"open_{number}", level.strategy
    if strategy in _CONTEXTUAL:
        source = _COLD if strategy is Strategy.SIMILAR_CONTENT else "champion_candidates"
        return [], _CONTEXTUAL[strategy].format(opened=opened, source=source, **_WHOLE_SITE)
    if strategy is not Strategy.POPULAR_IN_CATEGORY:
        return (
            [shared_list(number, _LISTS[strategy])],
            f"""
    select
        o.subject_no, l.item_id, l.score, l.model, l.model_version, {_NO_ORIGIN} as origin_items,
        null::varchar as note
    from {opened} as o
    join needs as n on n.subject_no = o.subject_no
    join list_{number} as l on l.site_id = o.site_id and ({REACH})""",
        )
    categories = f"categories_{number} as materialized ({_CATEGORY_OF[scenario.subject]}\n)"
    return (
        [shared_list(number, _LISTS[strategy]), categories],
        f"""
    select
        o.subject_no, l.item_id, l.score, l.model, l.model_version, {_NO_ORIGIN} as origin_items,
        'category:' || min(l.key) as note
    from {opened} as o
    join needs as n on n.subject_no = o.subject_no
    join (select distinct subject_no, site_id, category from categories_{number}) as k on k.subject_no = o.subject_no
    join list_{number} as l on l.site_id = k.site_id and l.key = k.category and ({REACH})
    group by o.subject_no, l.item_id, l.score, l.model, l.model_version""",
    )


def _submodel_candidates(number: int, level: Level) -> tuple[list[str], str]:
    """The same for a level that names a submodel; ``submodels.groups_sql`` says who answers whom."""
    opened, groups = f"open_{number}", groups_sql(number, level)
    if level.strategy in _CONTEXTUAL:
        by_group = {
            "source": CANDIDATES_BY_GROUP.format(n=number),
            "groups": f"join groups_{number} as g on g.subject_no = o.subject_no",
            "same_key": "and c.key = g.key",
            "note": "g.note",
        }
        return [groups], _CONTEXTUAL[level.strategy].format(opened=opened, **by_group)
    return (
        [groups, shared_list(number, LISTS_BY_GROUP.format(n=number, model=level.strategy))],
        f"""
    select
        o.subject_no, l.item_id, l.score, l.model, l.model_version, {_NO_ORIGIN} as origin_items, g.note
    from {opened} as o
    join needs as n on n.subject_no = o.subject_no
    join groups_{number} as g on g.subject_no = o.subject_no
    join list_{number} as l on l.site_id = o.site_id and l.key = g.key and ({REACH})""",
    )
