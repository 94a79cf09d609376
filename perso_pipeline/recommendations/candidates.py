"""SQL of the strategies: where the candidates of a level come from.

Two kinds. An *own* source is a SELECT over the tables of a part that gives rows per subject. A *shared* one gives lists
per site and key, made once for everybody; which of them a subject reads is told by ``composition.part``. Add a strategy
here and in ``levels.Strategy``.
"""

from perso_pipeline.recommendations.levels import HISTORY, Source, Strategy, Subject
from perso_pipeline.recommendations.submodels import CANDIDATES_OF_GROUPS, LISTS_OF_GROUPS

# The champions' rows, with the champion's number.
CHAMPIONS = """
champions as materialized (
    select *, (row_number() over (order by site_id, task) - 1)::integer as maker
    from models.champions
    where night = $night
),

champion_candidates as not materialized (
    select c.site_id, c.task, c.subject_type, c.subject_id, c.item_id, c.score, m.maker
    from models.candidates as c
    join champions as m
        on m.site_id = c.site_id and m.task = c.task and m.model = c.model and m.version = c.version
    where c.submodel = 'main' and c.night = $night and c.subject_type in ('person', 'item')
)"""
MAKERS = "select model, version from models.champions where night = $night order by site_id, task"

_COLD = """(
        select site_id, task, subject_type, subject_id, item_id, score, model, version
        from models.candidates
        where night = $night and submodel = 'cold_start'
    )"""

HISTORY_DAYS = 365

_LINES_KEPT = """
    select site_id, max(identifier) filter (movement = 'sale') as identifier, item_id, max(occurred_at) as occurred_at
    from interactions.order_movements
    where known_on <= $night and is_goods and movement in ('sale', 'cancellation')
        and order_date > $night::date - $history_days::integer
    group by site_id, order_id, order_line_id, item_id
    having sum(quantity) > 0"""
_VIEWS = """
    select site_id, identifier, item_id, occurred_at
    from interactions.interactions
    where known_on <= $night and event_type in ('product_view', 'content_consumed') and not is_robot
        and event_date > $night::date - $history_days::integer"""

# scored by the second, so that the latest stands first
_OWN_HISTORY = """
    select
        p.subject_no, any_value(i.catalogue_no) as catalogue_no, any_value(p.site_id) as site_id, x.item_id,
        epoch(max(x.occurred_at))::double as score, 'own_history' as model, $night::date::varchar as version
    from subject_identifiers as p
    join subjects as o on o.subject_no = p.subject_no and o.may_personalize
    join ({facts}
    ) as x on x.identifier = p.identifier and x.site_id = p.site_id
    join numbered_items as i on i.site_id = x.site_id and i.item_id = x.item_id
    group by p.subject_no, x.item_id"""

# the smoothed share of those who searched for the term that went on to buy the item
_AFTER_SEARCH = """
    select
        o.subject_no, i.catalogue_no, o.site_id, a.item_id, a.smoothed_conversion as score, 'search_affinity' as model,
        $night::date::varchar as version
    from subjects as o
    join recommendations.search_affinity as a
        on a.night = $night and a.site_id = o.site_id and a.term = o.subject_id
    join numbered_items as i on i.site_id = a.site_id and i.item_id = a.item_id
    where o.subject_type = 'search_term'"""

# {maker} is the champion's number or model and version; {same_key} joins groups where there is a submodel
_FOR_THE_SUBJECT = """
    select o.subject_no, i.catalogue_no, o.site_id, c.item_id, c.score::double as score, {maker}
    from subjects as o
    {groups}
    join {source} as c
        on c.site_id = o.site_id and c.subject_id = o.subject_id and c.task = '{task}' and c.subject_type = '{of}'
        {same_key}
    left join numbered_items as i on i.site_id = c.site_id and i.item_id = c.item_id
    where o.subject_type = '{of}' and o.may_personalize{in_range}"""

# summed one after another in the order of the items, so that a night run twice gives the same last digit
_FOR_THE_CART = """
    select
        subject_no, any_value(catalogue_no) as catalogue_no, any_value(site_id) as site_id, item_id,
        list_sum(list(score order by origin)) as score, {maker_out},
        coalesce(list(origin_no order by score desc, origin) filter (where origin_no is not null), []) as origin_items
    from (
        select
            o.subject_no, o.site_id, x.item_id as origin, n.catalogue_no as origin_no, i.catalogue_no, c.item_id,
            max(c.score)::double as score, {maker}
        from subjects as o
        join context_items as x on x.subject_no = o.subject_no
        {groups}
        join {source} as c
            on c.site_id = o.site_id and c.subject_id = x.item_id and c.task = 'similar' and c.subject_type = 'item'
            {same_key}
        left join numbered_items as i on i.site_id = c.site_id and i.item_id = c.item_id
        left join numbered_items as n on n.site_id = o.site_id and n.item_id = x.item_id
        group by all
    )
    group by subject_no, item_id, {maker_out}"""


def own_sql(source: Source, subject: Subject, *, in_range: str) -> tuple[list[str], str]:
    """CTEs and the SELECT of an own source: rows (subject_no, catalogue_no, site_id, item_id, score, maker...).

    The maker is ``maker``, a row of ``MAKERS``, or ``model`` and ``version``. Carts have ``origin_items`` too, by
    catalogue number, those that the night's catalogue has.
    """
    if source.strategy in HISTORY:
        facts = _LINES_KEPT if source.strategy is Strategy.BOUGHT_BEFORE else _VIEWS
        return [], _OWN_HISTORY.format(facts=facts)
    if source.strategy is Strategy.SEARCHED_THEN_BOUGHT:
        return [], _AFTER_SEARCH
    ctes, words = [CHAMPIONS], {"source": "champion_candidates", "maker": "c.maker", "groups": "", "same_key": ""}
    words["maker_out"] = "maker"
    if source.submodel is not None:
        words |= {
            "source": CANDIDATES_OF_GROUPS,
            "groups": "join groups as g on g.subject_no = o.subject_no",
            "same_key": "and c.key = g.key",
        }
    elif source.strategy is Strategy.SIMILAR_CONTENT:
        ctes, words["source"] = [], _COLD
    if words["source"] != "champion_candidates":
        words |= {"maker": "c.model, c.version", "maker_out": "model, version"}
    if subject is Subject.CART:
        return ctes, _FOR_THE_CART.format(**words)
    of, task = ("person", "personal") if source.strategy is Strategy.PERSONAL else ("item", "similar")
    # said once more of the candidates, whose file blocks of other subjects can then be passed over
    also = "" if in_range == "true" else " and " + in_range.replace("subject_id", "c.subject_id")
    return ctes, _FOR_THE_SUBJECT.format(of=of, task=task, in_range=also, **words)


_MODEL_LIST = """
    select
        site_id, '' as key, item_id, max(score)::double as score, max(model) as model, max(version) as version
    from models.candidates
    where night = $night and subject_type = 'anyone' and model = '{model}' and submodel = 'main'
    group by site_id, item_id"""

_POPULARITY = """
        ($w_purchases * coalesce(purchases_28d, 0) + $w_cart_adds * coalesce(cart_adds_28d, 0)
            + $w_views * coalesce(views_28d, 0))::double as score,
        'item_profiles' as model, $night::date::varchar as version"""

_LISTS = {
    Strategy.TRENDING: _MODEL_LIST.format(model="trending"),
    Strategy.POPULAR: _MODEL_LIST.format(model="popular"),
    Strategy.RECENTLY_ADDED: _MODEL_LIST.format(model="recently_added"),
    Strategy.CATALOGUE: f"""
    select site_id, '' as key, item_id, {_POPULARITY}
    from profiles.item_profiles
    where night = $night""",
    # an item stands under its category and under every category above it
    Strategy.POPULAR_IN_CATEGORY: f"""
    select site_id, array_to_string(parts[:depth], '/') as key, item_id, {_POPULARITY}
    from (
        select *, unnest(range(1, len(parts) + 1)) as depth
        from (
            select *, string_split(category_path, '/') as parts
            from profiles.item_profiles
            where night = $night and category_path is not null
        )
    )""",
}


def shared_sql(source: Source) -> str:
    """Rows (site_id, key, item_id, catalogue_no, score, model, version) of a shared source, lists one after another.

    Lists stand in order of site and key, their items by score, then item id.
    """
    rows = _LISTS[source.strategy] if source.submodel is None else LISTS_OF_GROUPS.format(model=source.strategy.value)
    return f"""
select l.*, i.catalogue_no
from ({rows}
) as l
left join numbered_items as i on i.site_id = l.site_id and i.item_id = l.item_id
order by l.site_id, l.key, l.score desc, l.item_id"""


# (subject_no, category) that popular_in_category answers
CATEGORIES_OF = {
    Subject.PERSON: """
    select s.subject_no, p.preferred_category as category
    from subjects as s
    join profiles.customer_profiles as p on p.site_id = s.site_id and p.person_id = s.subject_id and p.night = $night
    where s.subject_type = 'person' and s.may_personalize and p.preferred_category is not null""",
    Subject.ITEM: """
    select distinct c.subject_no, i.category_path as category
    from context_items as c
    join profiles.item_profiles as i on i.night = $night and i.site_id = c.site_id and i.item_id = c.item_id
    where i.category_path is not null""",
    Subject.CATEGORY: "select subject_no, subject_id as category from subjects",
    # what most people of the segment like best
    Subject.SEGMENT: """
    select subject_no, arg_max(category, (people, category)) as category
    from (
        select s.subject_no, p.preferred_category as category, count(*) as people
        from subjects as s
        join segments.segment_membership as m
            on m.night = $night and m.site_id = s.site_id and m.segment_id = s.subject_id
        join profiles.customer_profiles as p
            on p.night = $night and p.site_id = m.site_id and p.person_id = m.person_id
        where p.preferred_category is not null and p.has_personalization_consent is not false
        group by s.subject_no, p.preferred_category
    )
    group by subject_no""",
}
CATEGORIES_OF[Subject.CART] = CATEGORIES_OF[Subject.ITEM]
