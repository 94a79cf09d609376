-- Five customers in half a year, in place of those of hand_made_shop.sql; the answers stand in test_business.py.
delete from interactions.order_movements; delete from interactions.sessions; delete from interactions.session_events;
delete from identity.identity_map; delete from interactions.visit_days; delete from interactions.site_amounts;
delete from staging.stg_recommendation_events; delete from raw.loaded_days; delete from staging.stg_order_events;

delete from measurement.report_windows;
insert into measurement.report_windows
values (date '2026-06-30', date '2025-07-01', date '2026-06-30', date '2026-05-27', 0, 60);

insert into identity.identity_map
select 'visitor:' || name, 'visitor', 'p' || name, 1.0, date '2026-01-01', null from (values ('a'), ('b'), ('c'), ('d'), ('e')) t(name);

insert into interactions.order_movements by name
select 'm' || order_id || movement as movement_id, 'uk' as site_id, order_id, '1' as order_line_id, movement,
    day::date as movement_date, order_day::date as order_date, day::timestamp as occurred_at,
    'visitor:' || left(order_id, 1) as identifier, left(order_id, 1) as visitor_id, 'mug' as item_id, true as is_goods,
    if(movement = 'sale', 2, -1)::bigint as quantity, gross::decimal(18, 4) as gross, discount::decimal(18, 4) as discount,
    cancelled::decimal(18, 4) as cancelled, refunded::decimal(18, 4) as refunded, 0::decimal(18, 4) as adjusted,
    (gross - discount - cancelled - refunded)::decimal(18, 4) as net, currency, day::date as known_on
from (values
    ('a1', 'sale', '2026-01-10', '2026-01-10', 100, 10, 0, 0, 'GBP'), -- with the coupon WELCOME
    ('a2', 'sale', '2026-02-05', '2026-02-05', 50, 0, 0, 0, 'GBP'),
    ('a3', 'sale', '2026-04-20', '2026-04-20', 50, 0, 0, 0, 'GBP'),
    ('b1', 'sale', '2026-01-15', '2026-01-15', 50, 0, 0, 0, 'GBP'),
    ('b1', 'refund', '2026-01-20', '2026-01-15', 0, 0, 0, 20, 'GBP'),
    ('c1', 'sale', '2026-02-02', '2026-02-02', 30, 0, 0, 0, 'EUR'),   -- a rate of 0.8 on that day: 24 pounds
    ('d0', 'sale', '2026-02-20', '2026-02-20', 70, 0, 0, 0, 'GBP'),   -- nothing of it is left
    ('d0', 'cancellation', '2026-02-21', '2026-02-20', 0, 0, 70, 0, 'GBP'),
    ('d1', 'sale', '2026-03-01', '2026-03-01', 50, 0, 0, 0, 'GBP'),
    ('e1', 'sale', '2026-06-10', '2026-06-10', 40, 0, 0, 0, 'USD')    -- no rate is known
) t(order_id, movement, day, order_day, gross, discount, cancelled, refunded, currency);

delete from interactions.order_lines;
insert into interactions.order_lines by name
select site_id, order_id, order_line_id, currency, sum(columns(['gross', 'discount', 'cancelled', 'refunded', 'adjusted', 'net', 'cost']))
from interactions.order_movements group by all;

insert into interactions.site_amounts by name
select movement_id, site_id, movement_date, order_date, 'GBP' as site_currency, gross * rate as site_gross,
    discount * rate as site_discount, cancelled * rate as site_cancelled, refunded * rate as site_refunded,
    adjusted * rate as site_adjusted, net * rate as site_net, known_on as converted_on
from interactions.order_movements inner join (values ('GBP', 1.0), ('EUR', 0.8)) rates(currency, rate) using (currency);

insert into staging.stg_order_events by name
select 'ea1' as event_id, 'order_placed' as event_type, date '2026-01-10' as event_date, date '2026-01-10' as known_on,
    'uk' as site_id, 'a1' as order_id, 'WELCOME' as coupon_code;

-- in January people came by a newsletter, later by themselves
insert into interactions.sessions by name
select 's' || order_id as session_id, 'uk' as site_id, identifier, visitor_id, movement_date as session_date,
    occurred_at as started_at, occurred_at as ended_at, if(month(movement_date) = 1, 'email', 'direct') as channel,
    false as is_robot, known_on
from interactions.order_movements where movement = 'sale';
insert into interactions.session_events by name
select 'e' || order_id as event_id, 's' || order_id as session_id, occurred_at, movement_date as event_date, 'uk' as site_id,
    'checkout_complete' as event_type, order_id, known_on
from interactions.order_movements where movement = 'sale';
insert into interactions.visit_days
select site_id, identifier, session_date, known_on, channel, 4, 2 from interactions.sessions;
