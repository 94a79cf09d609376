-- What measurement reads besides hand_made_shop.sql; tests/profiles make these themselves.
create schema profiles;
create table profiles.item_profiles as
select night, 'uk' as site_id, item_id, parent_item_id
from measurement.report_windows cross join (values ('mug', null), ('pan', 'pans')) t(item_id, parent_item_id);

-- the sites count in their own currency, so that every movement is converted at once
create table interactions.site_amounts as
select movement_id, site_id, movement_date, order_date, currency as site_currency, gross as site_gross, discount as site_discount,
    cancelled as site_cancelled, refunded as site_refunded, adjusted as site_adjusted, net as site_net, cost as site_cost,
    known_on as converted_on
from interactions.order_movements;

create table raw.loaded_days as
select distinct known_on as load_date, 'recommendation_events' as stream, event_date
from staging.stg_recommendation_events;
