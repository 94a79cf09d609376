{% set night = night_literal() %}
{%- set first_day = dateadd('day', -(var('search_affinity_days') | int), night) %}

with searches as (
    select site_id, person_id, term, occurred_at from {{ ref('unique_searches') }}
    where event_date > {{ first_day }} and term <> '*'
),

people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

-- a line that was cancelled whole was never bought; one that was sent back was
sales as (
    select
        site_id,
        item_id,
        min(case when movement = 'sale' then identifier end) as identifier,
        min(case when movement = 'sale' then occurred_at end) as occurred_at
    from {{ ref('order_movements') }}
    where
        is_goods
        and movement in ('sale', 'cancellation')
        and known_on <= {{ night }}
        and movement_date <= {{ night }}
        and order_date > {{ first_day }}
    group by site_id, order_id, order_line_id, item_id
    having sum(quantity) > 0
),

-- distinct, so that the buyer is known before searches are joined: free to choose, DuckDB met every sale of a site with
-- every search of it, which filled the disk at 400,000 people
purchases as (
    select distinct
        sales.site_id,
        sales.item_id,
        people.person_id,
        sales.occurred_at
    from sales
    inner join people on sales.identifier = people.identifier
),

pairs as (
    select distinct
        searches.site_id,
        searches.term,
        purchases.item_id,
        searches.person_id
    from purchases
    inner join searches on purchases.site_id = searches.site_id and purchases.person_id = searches.person_id
    where
        purchases.occurred_at > searches.occurred_at
        and purchases.occurred_at < {{ dateadd('day', var('search_bought_within_days'), 'searches.occurred_at') }}
),

terms as (
    select
        site_id,
        term,
        count(distinct person_id) as searchers
    from searches
    group by site_id, term
),

sites as (
    select
        site_id,
        count(distinct person_id) as searchers
    from searches
    group by site_id
),

items as (
    select
        site_id,
        item_id,
        count(distinct person_id) as buyers
    from pairs
    group by site_id, item_id
),

counted as (
    select
        site_id,
        term,
        item_id,
        count(*) as buyers
    from pairs
    group by site_id, term, item_id
),

rated as (
    select
        counted.site_id,
        counted.term,
        counted.item_id,
        counted.buyers,
        terms.searchers,
        cast(items.buyers as double) / sites.searchers as base_rate,
        cast(counted.buyers as double) / terms.searchers as conversion
    from counted
    inner join terms on counted.site_id = terms.site_id and counted.term = terms.term
    inner join items on counted.site_id = items.site_id and counted.item_id = items.item_id
    inner join sites on counted.site_id = sites.site_id
    where counted.buyers >= {{ var('search_min_buyers') }} and terms.searchers >= {{ var('search_min_people') }}
),

scored as (
    select
        *,
        (buyers + {{ var('search_prior_people') }} * base_rate) / (searchers + {{ var('search_prior_people') }}) as smoothed_conversion,
        conversion / base_rate as lift
    from rated
),

ranked as (
    select
        *,
        row_number() over (
            partition by site_id, term order by smoothed_conversion desc, lift desc, item_id
        ) as place
    from scored
    where lift > 1
)

select
    {{ night }} as night,
    site_id,
    term,
    cast(place as integer) as rank,
    item_id,
    buyers,
    searchers,
    conversion,
    base_rate,
    lift,
    smoothed_conversion
from ranked
where place <= {{ var('search_size') }}
