-- Searches of one site, 2026-03-10 and before; three people: v1 is ann's device, v2 bob's, v3 cid's, r a robot's.
create schema raw; create schema staging; create schema identity; create schema interactions; create schema recommendations;
create schema profiles;
create table raw.sites as from (values ('uk', 'UK', 'Europe/London', 'GBP', 'GB')) t(site_id, name, timezone, currency, country);
create table identity.identity_map as
select identifier, person_id, date '2026-01-01' as known_on, null::date as void_on
from (values ('visitor:v1', 'ann'), ('customer:c1', 'ann'), ('visitor:v2', 'bob'), ('visitor:v3', 'cid'), ('visitor:r', 'rob')) t(identifier, person_id);

create table staging.stg_storefront_events as
select event_id, event_type, moment::timestamp as occurred_at, moment::date as event_date, coalesce(known, moment::date::varchar)::date as known_on,
    'uk' as site_id, visitor_id, null::varchar as customer_id, search_query, search_id, results_count::bigint as results_count, item_id,
    request_id, visitor_id = 'r' as is_robot
from (values
    -- Ann looks for a mug, looks again ten minutes later (a repetition), and once more after an hour and a half
    ('s01', 'search_request',  '2026-03-08 10:00', null, 'v1', ' Mug ', 'q1', null, null, null),
    ('s02', 'search_response', '2026-03-08 10:00', null, 'v1', null,    'q1', 5,    null, null),
    ('s03', 'product_view',    '2026-03-08 10:01', null, 'v1', null,    null, null, 'i1', null),
    ('s04', 'search_request',  '2026-03-08 10:10', null, 'v1', 'mug',   'q2', null, null, null),
    ('s05', 'product_view',    '2026-03-08 10:11', null, 'v1', null,    null, null, 'i2', null),
    ('s06', 'product_view',    '2026-03-08 10:12', null, 'v1', null,    null, null, 'i3', 'rq'),  -- from a recommendation
    ('s07', 'category_view',   '2026-03-08 10:13', null, 'v1', null,    null, null, null, null),
    ('s08', 'product_view',    '2026-03-08 10:14', null, 'v1', null,    null, null, 'i4', null),  -- from a category page
    ('s09', 'add_to_cart',     '2026-03-08 10:15', null, 'v1', null,    null, null, 'i1', null),
    ('s10', 'search_request',  '2026-03-08 11:40', null, 'v1', 'mug',   'q3', null, null, null),
    ('s11', 'search_response', '2026-03-08 11:40', null, 'v1', null,    'q3', 7,    null, null),
    ('s12', 'product_view',    '2026-03-08 12:11', null, 'v1', null,    null, null, 'i5', null),  -- too long after
    -- Bob: a mug, seen and bought; then a word that finds nothing
    ('s20', 'search_request',  '2026-03-09 10:00', null, 'v2', 'mug',   'q4', null, null, null),
    ('s21', 'product_view',    '2026-03-09 10:01', null, 'v2', null,    null, null, 'i1', null),
    ('s22', 'search_request',  '2026-03-09 10:05', null, 'v2', 'xyzzy', 'q5', null, null, null),
    ('s23', 'search_response', '2026-03-09 10:05', null, 'v2', null,    'q5', 0,    null, null),
    ('s24', 'product_view',    '2026-03-09 10:06', null, 'v2', null,    null, null, 'i9', null),  -- not from its results
    -- Cid looks for a mug and for a bowl; a robot, an old search and one that is not known yet count nothing
    ('s30', 'search_request',  '2026-03-10 10:00', null, 'v3', 'MUG',   'q6', null, null, null),
    ('s31', 'search_request',  '2026-03-10 10:01', null, 'v3', 'bowl',  'q7', null, null, null),
    ('s40', 'search_request',  '2026-03-10 10:00', null, 'r',  'mug',   'q8', null, null, null),
    ('s41', 'search_request',  '2026-01-01 10:00', null, 'v3', 'mug',   'q9', null, null, null),
    ('s42', 'search_request',  '2026-03-10 12:00', '2026-03-11', 'v3', 'mug', 'q0', null, null, null)
) t(event_id, event_type, moment, known, visitor_id, search_query, search_id, results_count, item_id, request_id);

create table interactions.order_movements as
select movement_id, 'uk' as site_id, order_id, '1' as order_line_id, item_id, movement, moment::date as movement_date, '2026-03-09'::date as order_date,
    moment::timestamp as occurred_at, identifier, true as is_goods, quantity::bigint as quantity, net::decimal(18, 4) as net, known::date as known_on
from (values
    ('m1', 'o1', 'i1', 'sale',   '2026-03-09 11:00', 'customer:c1', 2, 20, '2026-03-09'),  -- Ann: led to by her first search
    ('m2', 'o2', 'i1', 'sale',   '2026-03-09 11:00', 'visitor:v2',  1, 10, '2026-03-09'),
    ('m3', 'o1', 'i1', 'refund', '2026-03-10 11:00', 'customer:c1', -1, -10, '2026-03-10'),
    ('m4', 'o3', 'i7', 'sale',   '2026-03-09 11:00', 'visitor:v2',  1, 99, '2026-03-09'),  -- never clicked after a search
    ('m5', 'o4', 'i8', 'sale',   '2026-03-09 09:00', 'visitor:v2',  1, 99, '2026-03-09')   -- bought before the search
) t(movement_id, order_id, item_id, movement, moment, identifier, quantity, net, known);
create table interactions.site_amounts as
select *, 'GBP' as site_currency, net as site_net, known_on as converted_on from interactions.order_movements;
