"""Statements of the preview: small look-ups by person, site and night. What they mean is ``preview``'s."""

from perso_pipeline.interactions.carts import CARTS, IDENTITIES

_AS_OF = "m.known_on <= $night and (m.void_on is null or m.void_on > $night)"
WHO = f"""
select m.person_id from identity.identity_map as m
where {_AS_OF} and (m.person_id = $who or m.identifier in ($who, 'customer:' || $who, 'visitor:' || $who))
order by m.identifier = 'customer:' || $who desc, m.identifier limit 1"""
NEAREST = f"""
select name from (
    select distinct unnest([m.person_id, regexp_replace(m.identifier, '^(customer|visitor):', '')]) as name
    from identity.identity_map as m
    where {_AS_OF} and m.identifier_type in ('customer', 'visitor')
)
order by jaro_winkler_similarity(lower(name), lower($who)) desc, name limit 1"""
SITES = "select distinct site_id from recommendations.recommendations where night = $night order by site_id"
ABOUT = """
select p.site_id, p.lifecycle, p.orders, p.last_seen_date, p.has_personalization_consent, s.segment_id
from profiles.customer_profiles as p
left join segments.primary_segment as s on s.night = p.night and s.site_id = p.site_id and s.person_id = p.person_id
where p.night = $night and p.person_id = $person
order by p.site_id"""
# of all that a person did, and of what they did to items: a narrow table, where the other is a view over everything
_OF_PERSON = f"""
from interactions.{{facts}} as e
join identity.identity_map as m on m.identifier = e.identifier and {_AS_OF}
where m.person_id = $person and e.site_id = $site and e.known_on <= $night and e.event_date <= $night"""
LAST_ITEM = f"""
select e.item_id {_OF_PERSON.format(facts="interactions")} and e.event_type = 'product_view'
order by e.occurred_at desc, e.event_id limit 1"""
LAST_CATEGORY = f"""
select i.category_path
from (select e.* {_OF_PERSON.format(facts="interactions")} and e.event_type = 'product_view') as e
join profiles.item_profiles as i on i.night = $night and i.site_id = $site and i.item_id = e.item_id
where i.category_path is not null
order by e.occurred_at desc, e.event_id limit 1"""
LAST_TERM = f"""
select lower(trim(e.search_query)) {_OF_PERSON.format(facts="session_events")} and e.event_type = 'search_request'
order by e.occurred_at desc, e.event_id limit 1"""
OPEN_CART = f"""
with {IDENTITIES}, {CARTS}
select c.cart_key
from carts as c
join identities as i on i.identifier = c.identifier
where c.is_open and i.person_id = $person and c.site_id = $site
    and exists (select 1 from cart_contents as l where l.site_id = c.site_id and l.cart_key = c.cart_key)
order by c.last_activity_at desc, c.cart_key limit 1"""
_OF_LIST = """night = $night and site_id = $site and scenario_id = $scenario
    and subject_type = $kind and subject_id = $subject"""
SLOTS = f"""
with slots as (from recommendations.recommendations where {_OF_LIST}),

traces as (from recommendations.recommendation_trace where {_OF_LIST}),

names as (from profiles.item_profiles where night = $night and site_id = $site),

origins as (
    select o.rank, list(coalesce(n.name, o.item_id) order by o.place) as origins
    from (
        select rank, unnest(origin_items) as item_id, unnest(range(1, len(origin_items) + 1)) as place from traces
    ) as o
    left join names as n on n.item_id = o.item_id
    group by o.rank
)

select r.rank, r.item_id, n.name, r.level, r.strategy, r.model, r.model_version, t.rules, o.origins
from slots as r
left join traces as t on t.rank = r.rank
left join origins as o on o.rank = r.rank
left join names as n on n.item_id = r.item_id
order by r.rank"""
NAME = "select name from profiles.item_profiles where night = $night and site_id = $site and item_id = $subject"
SHORT = f"select reason from recommendations.short_lists where {_OF_LIST}"
REMOVED = f"""
select x.item_id, i.name, x.rule
from (from recommendations.recommendation_rejections where {_OF_LIST}) as x
left join profiles.item_profiles as i on i.night = x.night and i.site_id = x.site_id and i.item_id = x.item_id
order by x.rule, x.item_id"""
MENU = """
with own as (
    from activation.navigation
    where night = $night and site_id = $site
)
select category, is_landing from own
where (subject_type = 'person' and subject_id = $person)
    or (
        subject_type = 'anyone'
        and not exists (select 1 from own where subject_type = 'person' and subject_id = $person)
    )
order by rank"""
OWN_CATEGORY = """
select p.item_id, i.name, p.because as why, 'recommended_for_you' as strategy
from recommendations.personal_category_ranking as p
left join profiles.item_profiles as i on i.night = p.night and i.site_id = p.site_id and i.item_id = p.item_id
where p.night = $night and p.site_id = $site and p.person_id = $person and p.category_path = $category
order by p.rank limit 6"""
CATEGORY = """
select c.item_id, i.name, coalesce('rule ' || c.rule, c.strategy) as why, c.strategy
from recommendations.category_ranking as c
left join profiles.item_profiles as i on i.night = c.night and i.site_id = c.site_id and i.item_id = c.item_id
where c.night = $night and c.site_id = $site and c.category_path = $category
order by c.rank limit 6"""
