-- A dozen orders for the attribution rules, in place of those of hand_made_shop.sql; the answers stand in test_attribution.py.
delete from interactions.order_movements; delete from staging.stg_recommendation_events; delete from interactions.sessions;
delete from identity.identity_map; delete from interactions.session_events; delete from profiles.item_profiles;
delete from interactions.site_amounts; delete from raw.loaded_days;

delete from measurement.report_windows;
insert into measurement.report_windows values (date '2026-01-31', date '2025-01-01', date '2026-01-31', date '2026-01-01', 0, 180);
insert into profiles.item_profiles by name
select date '2026-01-31' as night, 'uk' as site_id, 'shirt-red' as item_id, 'shirt' as parent_item_id, 'product' as item_type;

-- order n is bought by visitor vn; v9 and v9b are one person, order 10 is bought by nobody known
insert into identity.identity_map
select 'visitor:v' || n, 'visitor', if(n = '9b', 'p9', 'p' || n), 1.0, date '2026-01-01', null
from (values ('1'), ('2'), ('3'), ('4'), ('5'), ('6'), ('7'), ('8'), ('9'), ('9b'), ('11'), ('12')) t(n);

-- every list is served with its first click; its scenario stands beside
insert into staging.stg_recommendation_events by name
select event_type || request_id || item_id as event_id, event_type, happened_at::timestamp as occurred_at, happened_at::date as event_date,
    happened_at::date as known_on, 'uk' as site_id, visitor_id, request_id,
    if(event_type = 'served', scenario_id, null) as scenario_id, if(event_type = 'served', 'treatment', null) as variant,
    if(event_type = 'served', [item_id], null) as item_ids, if(event_type = 'served', null, item_id) as item_id,
    if(event_type = 'served', 'als-1', null) as model_version, false as is_robot
from (values
    ('q1', 'v1', 'home', 'mug', '2026-01-20 11:50'),
    ('q2', 'v2', 'home', 'pan', '2026-01-20 11:40'),         -- clicks a pan, buys a mug 20 minutes later
    ('q3', 'v3', 'product', 'mug', '2026-01-18 12:00'),      -- two days before
    ('q4', 'v4', 'product', 'mug', '2026-01-10 12:00'),      -- ten days before
    ('q5', 'v5', 'home', 'shirt', '2026-01-20 11:00'),       -- the parent of what is bought an hour later
    ('q6a', 'v6', 'home', 'mug', '2026-01-20 11:35'),        -- two scenarios within half an hour
    ('q6b', 'v6', 'product', 'mug', '2026-01-20 11:55'),
    ('q7b', 'v7', 'product', 'mug', '2026-01-17 12:00'),     -- the line names q7, the last click was here
    ('q8', 'v8', 'home', 'mug', '2026-01-20 12:01'),         -- after the order
    ('q9', 'v9b', 'home', 'pan', '2026-01-19 12:00'),        -- on the other device
    ('q12', 'v12', 'home', 'mug', '2026-01-20 11:50')        -- the item of one of two lines
) t(request_id, visitor_id, scenario_id, item_id, happened_at), (values ('served'), ('clicked')) kinds(event_type);
insert into staging.stg_recommendation_events by name
select 'servedq7' as event_id, 'served' as event_type, timestamp '2026-01-20 10:00' as occurred_at, date '2026-01-20' as event_date,
    date '2026-01-20' as known_on, 'uk' as site_id, 'v7' as visitor_id, 'q7' as request_id, 'home' as scenario_id,
    'treatment' as variant, ['mug'] as item_ids, 'als-1' as model_version, false as is_robot;

insert into interactions.sessions by name
select 's' || visitor_id || channel as session_id, 'uk' as site_id, 'visitor:' || visitor_id as identifier, visitor_id,
    happened_at::date as session_date, happened_at::timestamp as started_at, happened_at::timestamp as ended_at, channel, false as is_robot, happened_at::date as known_on
from (values
    ('v1', 'email', '2026-01-20 11:00'), ('v2', 'direct', '2026-01-20 11:00'), ('v3', 'direct', '2026-01-20 11:00'),
    ('v4', 'direct', '2026-01-20 11:00'), ('v5', 'direct', '2026-01-20 11:00'), ('v6', 'direct', '2026-01-20 11:00'),
    ('v7', 'direct', '2026-01-20 11:00'), ('v8', 'direct', '2026-01-20 11:00'),
    ('v9b', 'paid_search', '2026-01-19 11:00'), ('v9', 'direct', '2026-01-20 11:00'),
    ('v11', 'email', '2026-01-15 11:00'), ('v11', 'direct', '2026-01-19 11:00'), ('v11', 'paid_search', '2026-01-20 11:00'),
    ('v11', 'display', '2025-12-01 11:00'), -- fifty days before
    ('v12', 'email', '2026-01-18 11:00'), ('v12', 'direct', '2026-01-20 11:00')
) t(visitor_id, channel, happened_at);

insert into interactions.order_movements by name
select 'm' || order_id || order_line_id || movement as movement_id, 'uk' as site_id, order_id, order_line_id, movement,
    happened_at::date as movement_date, date '2026-01-20' as order_date, happened_at::timestamp as occurred_at, 'visitor:' || visitor_id as identifier,
    visitor_id, item_id, true as is_goods, if(movement = 'sale', 1, -1)::bigint as quantity, gross::decimal(18, 4) as gross,
    0::decimal(18, 4) as discount, 0::decimal(18, 4) as cancelled, refunded::decimal(18, 4) as refunded,
    0::decimal(18, 4) as adjusted, (gross - refunded)::decimal(18, 4) as net, 'GBP' as currency, request_id, happened_at::date as known_on
from (values
    ('1', '1', 'v1', 'mug', 12, 0, 'q1', 'sale', '2026-01-20 12:00'),
    ('2', '1', 'v2', 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('3', '1', 'v3', 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('4', '1', 'v4', 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('5', '1', 'v5', 'shirt-red', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('6', '1', 'v6', 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('7', '1', 'v7', 'mug', 12, 0, 'q7', 'sale', '2026-01-20 12:00'),
    ('8', '1', 'v8', 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('9', '1', 'v9', 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('10', '1', null, 'mug', 12, 0, null, 'sale', '2026-01-20 12:00'),
    ('11', '1', 'v11', 'mug', 10, 0, null, 'sale', '2026-01-20 12:00'),
    ('12', '1', 'v12', 'mug', 12, 0, 'gone', 'sale', '2026-01-20 12:00'),
    ('12', '2', 'v12', 'pan', 8, 0, null, 'sale', '2026-01-20 12:00'),
    ('12', '1', 'v12', 'mug', 0, 12, 'gone', 'refund', '2026-01-25 12:00')
) t(order_id, order_line_id, visitor_id, item_id, gross, refunded, request_id, movement, happened_at);
