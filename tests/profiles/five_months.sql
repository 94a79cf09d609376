-- Facts of five months (2026-01-01 to 2026-05-31) for 40 identifiers, drawn by hashes: late records, merges, rates, statements.
create schema raw; create schema staging; create schema identity; create schema interactions;
create macro draw(a, b, n) as cast(hash(a, b) % n as bigint);
create table raw.sites as select 'uk' as site_id, 'Alder' as name, 'Europe/London' as timezone, 'GBP' as currency, 'GB' as country;
create table days as select day::date as day from generate_series(timestamp '2026-01-01', timestamp '2026-05-31', interval 1 day) t(day);
create table raw.loaded_days as
select day as load_date, stream, day as event_date
from days, (values ('storefront_events'), ('order_events'), ('profile_events'), ('exchange_rates')) s(stream);

-- visitor n belongs to customer n % 10 from a day of its own; every fifth is given back later
create table ids as select n, 'visitor:' || n as identifier, date '2026-01-01' + draw(n, 'link', 140)::integer as linked_on from range(30) t(n);
create table identity.identity_map as
select 'customer:' || n as identifier, 'customer' as identifier_type, 'c' || n as person_id, 1.0::double as confidence,
    date '2026-01-01' as known_on, null::date as void_on
from range(10) t(n)
union all
select identifier, 'visitor', 'v' || n, 1.0, date '2026-01-01', linked_on from ids where linked_on > '2026-01-01'
union all
select identifier, 'visitor', 'c' || n % 10, 1.0, linked_on, case when n % 5 = 0 then linked_on + 20 end from ids
union all
select identifier, 'visitor', 'v' || n, 1.0, linked_on + 20, null from ids where n % 5 = 0;

-- one session a day for some; one in six arrives late, one in thirty by up to two months; known_on is the night of arrival
create table visits as
select day, n, draw(day, n || 'k', 6) = 0 as is_late,
    day + (case when draw(day, n || 'l', 30) = 0 then draw(day, n || 'm', 60) when draw(day, n || 'k', 6) = 0 then 2 else 0 end)::integer as known_on
from days, range(30) t(n) where draw(day, n, 9) = 0;
create table interactions.sessions as
select 's' || day || n as session_id, 'uk' as site_id, n::varchar as visitor_id,
    case when draw(day, n || 'c', 3) = 0 then (n % 10)::varchar end as customer_id,
    coalesce('customer:' || customer_id, 'visitor:' || n) as identifier, day as session_date, day as last_event_date,
    day + interval 10 hour as started_at, ['direct', 'email', 'paid_search'][draw(day, n || 'h', 3) + 1] as channel,
    ['finch.example', null][draw(day, n || 'u', 2) + 1] as source, ['referral', null][draw(day, n || 'u', 2) + 1] as medium,
    ['mobile', 'desktop'][draw(day, n || 'd', 2) + 1] as device_type, ['GB', 'IE', null][draw(day, n || 'o', 3) + 1] as country,
    false as is_robot, true as is_engaged, 5::bigint as events, 3::bigint as product_views, 1::bigint as cart_adds,
    1::bigint as searches, known_on
from visits;
create table interactions.session_days as
select session_id, site_id, visitor_id, session_date as day, started_at, started_at as block_started_at, started_at as block_ended_at
from interactions.sessions;
create table interactions.session_events as
select session_id || 'e' as event_id, session_id, started_at as occurred_at, session_date as event_date, site_id, visitor_id, identifier,
    started_at as block_started_at, 'search_request' as event_type, ['mugs', 'pans', 'tea'][draw(session_id, 'q', 3) + 1] as search_query,
    is_robot, known_on
from interactions.sessions;
create table interactions.interactions as
select session_date as event_date, known_on, site_id, identifier, 'i' || draw(session_id, 'i', 4) as item_id, 'product_view' as event_type,
    is_robot, started_at as occurred_at
from interactions.sessions;

-- an order for every sixth session, one in four in euros, and a refund ten days later for some
create table interactions.order_movements as
select 'm' || session_id as movement_id, site_id, 'o' || session_id as order_id, '1' as order_line_id, 'sale' as movement,
    session_date as movement_date, session_date as order_date, started_at as occurred_at, identifier, customer_id, visitor_id,
    'i1' as item_id, true as is_goods, 1::bigint as quantity, (10 + draw(session_id, 'a', 50))::decimal(18, 4) as gross,
    0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled, 0::decimal(18, 4) as refunded, 0::decimal(18, 4) as adjusted,
    gross as net, 4::decimal(18, 4) as cost, (gross - 4)::decimal(18, 4) as margin,
    case when draw(session_id, 'e', 4) = 0 then 'EUR' else 'GBP' end as currency, country,
    case when draw(session_id, 'p', 5) = 0 then 'store' else 'web' end as order_channel, known_on
from interactions.sessions where draw(session_id, 's', 6) = 0;
insert into interactions.order_movements by name
select * replace ('r' || movement_id as movement_id, 'refund' as movement, movement_date + 10 as movement_date,
    occurred_at + interval 10 day as occurred_at, -1 as quantity, 0 as gross, gross as refunded, -gross as net, -4 as cost,
    4 - gross as margin, known_on + 10 as known_on)
from interactions.order_movements where draw(movement_id, 'r', 3) = 0;
create table staging.stg_order_events as select movement_id as event_id, 'order_placed' as event_type, movement_date as event_date, site_id, order_id, item_id, null::decimal(18, 4) as unit_cost from interactions.order_movements where movement = 'sale';
-- rates of most days, some of them known a month late
create table staging.stg_exchange_rates as
select 'x' || day as event_id, day + interval 6 hour as occurred_at, day as event_date, 'EUR' as from_currency, 'GBP' as to_currency,
    (0.8 + draw(day, 'rate', 10) / 100)::decimal(18, 8) as rate, (day + case when draw(day, 'late', 8) = 0 then 31 else 0 end)::date as known_on
from days where draw(day, 'any', 10) > 0;

create table interactions.person_days as
select site_id, identifier, event_date, known_on, sum(events)::bigint as events, sum(product_views)::bigint as product_views,
    sum(cart_adds)::bigint as cart_adds, sum(searches)::bigint as searches, 0::bigint as wish_list_adds, sum(orders)::bigint as orders,
    sum(units)::bigint as units, sum(gross)::decimal(18, 4) as gross, 0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled,
    sum(refunded)::decimal(18, 4) as refunded, 0::decimal(18, 4) as adjusted, sum(net)::decimal(18, 4) as net, sum(cost)::decimal(18, 4) as cost
from (
    select site_id, identifier, session_date as event_date, known_on, events, product_views, cart_adds, searches, 0 as orders, 0 as units,
        0 as gross, 0 as refunded, 0 as net, 0 as cost
    from interactions.sessions
    union all
    select site_id, identifier, movement_date, known_on, 0, 0, 0, 0, case when movement = 'sale' then 1 else 0 end, quantity, gross, refunded, net, cost
    from interactions.order_movements
)
group by site_id, identifier, event_date, known_on;

create table staging.stg_profile_events as
select 'p' || day || n as event_id, case when draw(day, n || 'x', 12) = 0 then 'account_deleted' else 'profile_record' end as event_type,
    day + interval 8 hour as occurred_at, day as event_date, day + draw(day, n || 'y', 3)::integer as known_on, 'uk' as site_id,
    n::varchar as customer_id, ['crm', 'shop', null][draw(day, n || 'z', 3) + 1] as source_system,
    ['GB', 'FR', null][draw(day, n || 'w', 3) + 1] as country, ['gold', 'basic', null][draw(day, n || 'v', 3) + 1] as loyalty_tier,
    null::varchar as company_id, draw(day, n || 'u', 2) = 0 as has_email_consent, null::boolean as has_personalization_consent,
    null::json as attributes
from days, range(10) t(n) where draw(day, n || 'stated', 15) = 0;

create table staging.stg_catalog_items as
select 'k' || n as event_id, 'item_upserted' as event_type, timestamp '2026-01-01' as occurred_at, date '2026-01-01' as event_date,
    date '2026-01-01' as known_on, 'uk' as site_id, 'i' || n as item_id, 'product' as item_type, 'Item' as name, null::varchar as description,
    'B' || n % 2 as brand, ['home/c' || n % 3] as category_paths, (10 * n)::decimal(18, 4) as price, 'GBP' as currency,
    4::decimal(18, 4) as unit_cost, 9::bigint as stock, null::timestamp as valid_from, null::timestamp as valid_to,
    null::varchar as parent_item_id, ('{"lot":' || n || '}')::json as attributes
from range(4) t(n);
-- the catalogue drawn too: a record in three days or so, of three prices, some without one, some deletions, some weeks late
insert into staging.stg_catalog_items
with drawn as (
    select item, day, hash(item, day, 1) % 1000 as a, hash(item, day, 2) % 1000 as b, hash(item, day, 3) % 1000 as c
    from range(12) t(item), range(150) u(day)
)
select 'c' || item || '-' || day, case when b % 20 = 0 then 'item_deleted' else 'item_upserted' end,
    timestamp '2026-01-01 12:00:00' + to_days(day::integer), date '2026-01-01' + day::integer,
    date '2026-01-01' + (day + case when c < 150 then c % 6 when c < 170 then c else 0 end)::integer,
    'uk', 'i' || item, 'product', 'Item ' || day, null, 'B' || item % 2, ['home/c' || item % 3],
    case when b % 7 > 0 then 10 * (b % 3) + item end, 'GBP', 4, c, null, null, null, case when b % 3 > 0 then ('{"lot":' || c || '}')::json end
from drawn where a < 300;
create table interactions.item_days as
select site_id, item_id, movement_date as event_date, known_on, 0::bigint as views, 0::bigint as cart_adds, 0::bigint as wish_list_adds,
    count(*) filter (where movement = 'sale') as purchases, sum(quantity)::bigint as units, sum(gross) as gross, sum(refunded) as refunded,
    sum(net) as net, sum(cost) as cost
from interactions.order_movements group by site_id, item_id, movement_date, known_on;
