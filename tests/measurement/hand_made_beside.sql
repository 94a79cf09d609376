-- What measurement reads besides hand_made_shop.sql; tests/profiles make these themselves.
create schema profiles;
create table profiles.item_profiles as
select night, 'uk' as site_id, item_id, parent_item_id, 'product' as item_type, item_id as name, 'home' as category_path,
    'Alder' as brand, 'GBP' as currency, views::bigint as views_28d, cart_adds::bigint as cart_adds_28d,
    purchases::bigint as purchases_28d, purchases::bigint as units_28d, net::decimal(18, 4) as net_28d,
    0.1::double as return_rate, 5::bigint as stock, true as is_available
from measurement.report_windows cross join (values ('mug', null, 40, 10, 4, 70), ('pan', 'pans', 20, 5, 1, 30))
    t(item_id, parent_item_id, views, cart_adds, purchases, net);

-- order B is placed with a coupon
alter table staging.stg_order_events add column order_id varchar;
alter table staging.stg_order_events add column coupon_code varchar;
insert into staging.stg_order_events by name
select 'o2' as event_id, 'order_placed' as event_type, date '2026-01-03' as event_date, date '2026-01-03' as known_on,
    'uk' as site_id, 'B' as order_id, 'TEN' as coupon_code;

create table interactions.visit_days as
select site_id, identifier, session_date as event_date, known_on, channel, count(*) as sessions, count(*) as engaged_sessions
from interactions.sessions group by all;

-- the sites count in their own currency, so that every movement is converted at once
create table interactions.site_amounts as
select movement_id, site_id, movement_date, order_date, currency as site_currency, gross as site_gross, discount as site_discount,
    cancelled as site_cancelled, refunded as site_refunded, adjusted as site_adjusted, net as site_net, cost as site_cost,
    known_on as converted_on
from interactions.order_movements;

create table raw.loaded_days as
select distinct known_on as load_date, 'recommendation_events' as stream, event_date
from staging.stg_recommendation_events;
