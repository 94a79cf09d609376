{% set night = night_literal() %}
{%- set first_day = dateadd('day', -(var('search_days') | int), night) %}
{%- set last_moment = dateadd('day', var('search_bought_within_days'), 'clicks.clicked_at') %}

with searches as (
    select * from {{ ref('unique_searches') }}
    where event_date > {{ first_day }}
),

clicks as (
    select * from {{ ref('search_clicks') }}
),

people as (
    select identifier, person_id from {{ source('identity', 'identity_map') }}
    where known_on <= {{ night }} and (void_on is null or void_on > {{ night }})
),

lines as (
    select
        site_id,
        order_id,
        order_line_id,
        item_id,
        min(case when movement = 'sale' then identifier end) as identifier,
        min(case when movement = 'sale' then occurred_at end) as occurred_at,
        sum(quantity) as units,
        sum(case when converted_on <= {{ night }} then site_net end) as revenue
    from {{ ref('site_amounts') }}
    where is_goods and known_on <= {{ night }} and movement_date <= {{ night }} and order_date > {{ first_day }}
    group by site_id, order_id, order_line_id, item_id
),

-- what is put into the cart or bought goes to the last search that led to it: sums over terms count nothing twice
wanted as (
    select
        events.site_id,
        clicks.person_id,
        clicks.term,
        clicks.search_no,
        clicks.item_id,
        row_number() over (
            partition by events.site_id, events.event_id order by clicks.clicked_at desc, clicks.term
        ) as place
    from {{ ref('stg_storefront_events') }} as events
    inner join people on {{ identifier('events.customer_id', 'events.visitor_id') }} = people.identifier
    inner join clicks
        on events.site_id = clicks.site_id and people.person_id = clicks.person_id and events.item_id = clicks.item_id
    where
        events.event_type = 'add_to_cart'
        and events.known_on <= {{ night }}
        and events.event_date <= {{ night }}
        and events.event_date > {{ first_day }}
        and events.occurred_at >= clicks.clicked_at
        and events.occurred_at < {{ last_moment }}
),

sold as (
    select
        lines.site_id,
        clicks.person_id,
        clicks.term,
        clicks.search_no,
        clicks.item_id,
        lines.units,
        lines.revenue,
        row_number() over (
            partition by lines.site_id, lines.order_id, lines.order_line_id, lines.item_id
            order by clicks.clicked_at desc, clicks.term
        ) as place
    from lines
    inner join people on lines.identifier = people.identifier
    inner join clicks
        on lines.site_id = clicks.site_id and people.person_id = clicks.person_id and lines.item_id = clicks.item_id
    where lines.occurred_at >= clicks.clicked_at and lines.occurred_at < {{ last_moment }}
),

-- one row per unique search, then per term
asked as (
    select
        searches.site_id,
        searches.term,
        searches.person_id,
        searches.search_no,
        count(*) as searches,
        max(searches.results_count) as results
    from searches
    group by searches.site_id, searches.term, searches.person_id, searches.search_no
),

clicked as (
    select site_id, term, person_id, search_no, count(*) as products from clicks
    group by site_id, term, person_id, search_no
),

carted as (
    select distinct site_id, term, person_id, search_no from wanted
    where place = 1
),

bought as (
    select
        site_id,
        term,
        person_id,
        search_no,
        count(distinct item_id) as products,
        sum(units) as units,
        sum(revenue) as revenue
    from sold
    where place = 1
    group by site_id, term, person_id, search_no
),

named as (
    select
        site_id,
        term,
        count(distinct person_id) as people
    from asked
    group by site_id, term
),

-- words of a few people may say who they are: those terms are shown in sum
shown as (
    select
        asked.site_id,
        case when named.people >= {{ var('search_min_people') }} and asked.term <> '*' then asked.term else '*' end as term,
        count(distinct asked.person_id) as people,
        count(distinct asked.term) as terms,
        sum(asked.searches) as searches,
        count(*) as unique_searches,
        count(asked.results) as answered_searches,
        count(*) filter (where asked.results = 0) as zero_result_searches,
        count(clicked.products) as clicked_searches,
        count(carted.search_no) as carted_searches,
        count(bought.products) as bought_searches,
        sum(coalesce(clicked.products, 0)) as products_clicked,
        sum(coalesce(bought.products, 0)) as products_bought,
        sum(coalesce(bought.units, 0)) as units,
        sum(coalesce(bought.revenue, 0)) as revenue
    from asked
    inner join named on asked.site_id = named.site_id and asked.term = named.term
    left join clicked
        on asked.site_id = clicked.site_id
        and asked.term = clicked.term
        and asked.person_id = clicked.person_id
        and asked.search_no = clicked.search_no
    left join carted
        on asked.site_id = carted.site_id
        and asked.term = carted.term
        and asked.person_id = carted.person_id
        and asked.search_no = carted.search_no
    left join bought
        on asked.site_id = bought.site_id
        and asked.term = bought.term
        and asked.person_id = bought.person_id
        and asked.search_no = bought.search_no
    group by
        asked.site_id,
        case when named.people >= {{ var('search_min_people') }} and asked.term <> '*' then asked.term else '*' end
),

ranked as (
    select
        *,
        row_number() over (partition by site_id order by case when term = '*' then 1 else 0 end, unique_searches desc, term) as place
    from shown
)

select
    {{ night }} as night,
    ranked.site_id,
    ranked.term,
    ranked.terms,
    ranked.term <> '*' and ranked.place <= {{ var('search_terms') }} as is_head,
    ranked.people,
    cast(ranked.searches as bigint) as searches,
    ranked.unique_searches,
    ranked.answered_searches,
    ranked.zero_result_searches,
    ranked.clicked_searches,
    ranked.carted_searches,
    ranked.bought_searches,
    cast(ranked.products_clicked as bigint) as products_clicked,
    cast(ranked.products_bought as bigint) as products_bought,
    cast(ranked.units as bigint) as units,
    cast(ranked.revenue as decimal(18, 4)) as revenue,
    sites.currency,
    cast(ranked.zero_result_searches as double) / nullif(ranked.answered_searches, 0) as zero_result_rate,
    cast(ranked.clicked_searches as double) / ranked.unique_searches as click_rate,
    cast(ranked.carted_searches as double) / ranked.unique_searches as cart_rate,
    cast(ranked.bought_searches as double) / ranked.unique_searches as purchase_rate,
    cast(ranked.products_bought as double) / nullif(ranked.products_clicked, 0) as conversion_rate
from ranked
inner join {{ source('raw', 'sites') }} as sites on ranked.site_id = sites.site_id
