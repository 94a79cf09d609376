-- What the profiles need beside tests/measurement/hand_made_shop.sql: more columns, rates, a phone order and search terms.
create table raw.loaded_days (load_date date, stream varchar, event_date date);
insert into raw.loaded_days select day::date, stream, day::date
from generate_series(timestamp '2026-01-01', timestamp '2026-01-10', interval 1 day) days(day),
    (values ('storefront_events'), ('order_events'), ('profile_events'), ('exchange_rates')) streams(stream);

alter table staging.stg_profile_events add column if not exists source_system varchar;
alter table staging.stg_profile_events add column if not exists company_id varchar;
alter table staging.stg_profile_events add column if not exists attributes json;
update staging.stg_profile_events set source_system = 'shop';
-- of customer c2: the shop's word is newest, the crm's counts for the tier, the erp names the company
insert into staging.stg_profile_events by name
select event_id, 'profile_record' as event_type, occurred_at::timestamp as occurred_at, occurred_at::date as event_date,
    occurred_at::date as known_on, 'uk' as site_id, 'c2' as customer_id, source_system, country, loyalty_tier, company_id,
    has_email_consent, attributes::json as attributes
from (values
    ('g1', '2026-01-01 08:00', 'crm', 'IE', 'gold', null, true, '{"eligibility": "outlet"}'),
    ('g2', '2026-01-02 08:00', 'shop', 'FR', 'basic', 'typed in', false, null),
    ('g3', '2026-01-01 09:00', 'erp', null, null, 'B77', null, null)
) t(event_id, occurred_at, source_system, country, loyalty_tier, company_id, has_email_consent, attributes);
insert into identity.identity_map values ('customer:c2', 'customer', 'p22', 1.0, date '2026-01-01', null);

-- c2 orders by phone in euros on the 3rd (a rate of that day) and in dollars on the 4th (no rate), and on the web on the 5th
create table staging.stg_exchange_rates as
select event_id, occurred_at::timestamp as occurred_at, occurred_at::date as event_date, from_currency, to_currency,
    rate::decimal(18, 8) as rate, known_on::date as known_on
from (values
    ('x1', '2026-01-03 06:00', 'EUR', 'GBP', 0.8, '2026-01-03'),
    ('x2', '2026-01-03 07:00', 'EUR', 'GBP', 0.9, '2026-01-05'), -- a correction that comes later changes nothing
    ('x3', '2026-01-05 06:00', 'USD', 'GBP', 0.5, '2026-01-05')  -- of another day than the order's
) t(event_id, occurred_at, from_currency, to_currency, rate, known_on);
alter table interactions.order_movements add column if not exists order_channel varchar;
insert into interactions.order_movements by name
select movement_id, 'uk' as site_id, order_id, '1' as order_line_id, 'sale' as movement, day::date as movement_date,
    day::date as order_date, day::timestamp as occurred_at, 'customer:c2' as identifier, 'c2' as customer_id, 'mug' as item_id,
    true as is_goods, 1::bigint as quantity, net::decimal(18, 4) as gross, 0::decimal(18, 4) as discount,
    0::decimal(18, 4) as cancelled, 0::decimal(18, 4) as refunded, 0::decimal(18, 4) as adjusted, net::decimal(18, 4) as net,
    4::decimal(18, 4) as cost, (net - 4)::decimal(18, 4) as margin, currency, order_channel, day::date as known_on
from (values
    ('n1', 'P', '2026-01-03', 10, 'EUR', 'phone'),
    ('n2', 'Q', '2026-01-04', 20, 'USD', 'phone'),
    ('n3', 'R', '2026-01-05', 12, 'GBP', 'web')
) t(movement_id, order_id, day, net, currency, order_channel);
insert into interactions.person_days by name
select 'uk' as site_id, 'customer:c2' as identifier, day::date as event_date, day::date as known_on, 0 as events,
    0 as product_views, 0 as cart_adds, 0 as searches, 0 as wish_list_adds, 1 as orders, 1 as units, net::decimal(18, 4) as gross,
    0 as discount, 0 as cancelled, 0 as refunded, 0 as adjusted, net::decimal(18, 4) as net, 4 as cost
from (values ('2026-01-03', 10), ('2026-01-04', 20), ('2026-01-05', 12)) t(day, net);

alter table interactions.sessions add column if not exists customer_id varchar;
alter table interactions.sessions add column if not exists started_at timestamp;
alter table interactions.sessions add column if not exists source varchar;
alter table interactions.sessions add column if not exists medium varchar;
alter table interactions.sessions add column if not exists is_engaged boolean;
alter table interactions.sessions add column if not exists events bigint;
alter table interactions.sessions add column if not exists product_views bigint;
alter table interactions.sessions add column if not exists cart_adds bigint;
alter table interactions.sessions add column if not exists searches bigint;
update interactions.sessions set visitor_id = replace(identifier, 'visitor:', ''), started_at = session_date + interval 23 hour + interval 30 minute,
    is_engaged = session_id = 's1', source = 'from ' || session_id, medium = 'by ' || channel, events = 2, product_views = 1, cart_adds = 0, searches = 0;

alter table interactions.interactions add column if not exists occurred_at timestamp;
update interactions.interactions set occurred_at = event_date + interval 12 hour;

alter table interactions.session_events add column if not exists identifier varchar;
alter table interactions.session_events add column if not exists search_query varchar;
alter table interactions.session_events add column if not exists is_robot boolean;
update interactions.session_events set identifier = 'visitor:v1', is_robot = false;
insert into interactions.session_events by name
select 'x' || row_number() over () as event_id, 's3' as session_id, occurred_at::timestamp as occurred_at,
    occurred_at::date as event_date, 'uk' as site_id, 'visitor:v2' as identifier, 'search_request' as event_type, query as search_query,
    false as is_robot, occurred_at::date as known_on
from (values ('2026-01-02 23:35', ' Mugs'), ('2026-01-02 23:36', 'mugs '), ('2026-01-02 20:00', 'pan')) t(occurred_at, query);
