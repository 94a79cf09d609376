-- Two sites, five people, days 2026-01-01 to 2026-01-10, small enough to check by hand. Used by tests/profiles too.
create schema raw; create schema staging; create schema identity; create schema interactions;
create schema segments; create schema measurement;

create table raw.sites as from (values
    ('uk', 'Alder UK', 'Europe/London', 'GBP', 'GB'),
    ('de', 'Alder <DE>', 'Europe/Berlin', 'EUR', 'DE')
) t(site_id, name, timezone, currency, country);

-- v1 signs in as c1: known from the 3rd. v3 and v4 are one person from the 1st.
create table identity.identity_map as
select identifier, identifier_type, person_id, 1.0::double as confidence, known_on::date as known_on, void_on::date as void_on
from (values
    ('customer:c1', 'customer', 'p1', '2026-01-01', null),
    ('visitor:v1', 'visitor', 'pv1', '2026-01-01', '2026-01-03'),
    ('visitor:v1', 'visitor', 'p1', '2026-01-03', null),
    ('visitor:v2', 'visitor', 'p2', '2026-01-01', null),
    ('visitor:v3', 'visitor', 'p3', '2026-01-01', null),
    ('visitor:v4', 'visitor', 'p3', '2026-01-01', null),
    ('customer:c9', 'customer', 'p9', '2026-01-02', null)
) t(identifier, identifier_type, person_id, known_on, void_on);

create table staging.stg_catalog_items as
select event_id, event_type, occurred_at::timestamp as occurred_at, occurred_at::date as event_date, known_on::date as known_on,
    'uk' as site_id, item_id, item_type, name, null::varchar as description, brand, category_paths,
    price::decimal(18,4) as price, 'GBP' as currency, unit_cost::decimal(18,4) as unit_cost, stock::bigint as stock,
    null::timestamp as valid_from, valid_to::timestamp as valid_to, null::varchar as parent_item_id,
    ('{"price":' || price || '}')::json as attributes
from (values
    ('k1', 'item_upserted', '2026-01-01 00:00', '2026-01-01', 'mug', 'product', 'Mug', 'Alder', ['home/mugs', 'gifts'], 10, 4, 5, null),
    ('k2', 'item_upserted', '2026-01-04 00:00', '2026-01-04', 'mug', 'product', 'Mug', 'Alder', ['home/mugs', 'gifts'], 12, 4, 0, null),
    ('k3', 'item_upserted', '2026-01-01 00:00', '2026-01-01', 'pan', 'product', 'Pan', 'Finch', ['home/pans'], 40, null, null, null),
    ('k4', 'item_upserted', '2026-01-01 00:00', '2026-01-01', 'old', 'product', 'Old', null, null, 1, null, 9, null),
    ('k5', 'item_deleted', '2026-01-02 00:00', '2026-01-02', 'old', null, null, null, null, null, null, null, null),
    ('k6', 'item_upserted', '2026-01-01 00:00', '2026-01-01', 'brief', 'content', 'Brief', null, null, null, null, null, '2026-01-03 00:00'),
    ('k7', 'item_upserted', '2026-01-01 00:00', '2026-01-01', 'post', 'service', 'Postage', null, null, 3, null, null, null)
) t(event_id, event_type, occurred_at, known_on, item_id, item_type, name, brand, category_paths, price, unit_cost, stock, valid_to);

create table staging.stg_profile_events as
select event_id, event_type, occurred_at::timestamp as occurred_at, occurred_at::date as event_date, known_on::date as known_on,
    'uk' as site_id, customer_id, country, loyalty_tier, has_email_consent, has_personalization_consent
from (values
    ('f1', 'profile_record', '2026-01-01 08:00', '2026-01-01', 'c1', 'GB', 'gold', true, true),
    ('f2', 'consent_changed', '2026-01-04 08:00', '2026-01-04', 'c1', null, null, false, null),
    ('f3', 'profile_record', '2026-01-02 08:00', '2026-01-02', 'c9', 'FR', 'silver', true, null),
    ('f4', 'account_deleted', '2026-01-05 08:00', '2026-01-05', 'c9', null, null, null, null)
) t(event_id, event_type, occurred_at, known_on, customer_id, country, loyalty_tier, has_email_consent, has_personalization_consent);

create table staging.stg_storefront_events as
select event_id, event_type, event_date::date as event_date, event_date::date as known_on, 'uk' as site_id, is_robot
from (values ('e1', 'product_view', '2026-01-02', false), ('e2', 'product_view', '2026-01-02', true),
    ('e3', 'add_to_cart', '2026-01-02', false)) t(event_id, event_type, event_date, is_robot);

create table staging.stg_order_events as
select 'o1' as event_id, 'order_placed' as event_type, date '2026-01-02' as event_date, date '2026-01-02' as known_on, 'uk' as site_id;

create table staging.stg_recommendation_events as
select event_id, event_type, occurred_at::timestamp as occurred_at, occurred_at::date as event_date, known_on::date as known_on,
    'uk' as site_id, visitor_id, request_id, scenario_id, variant, item_ids, item_id, model_version, is_robot,
    case when event_id = 'r1' then '{"levels": [1, 2]}'::json end as payload
from (values
    ('r1', 'served', '2026-01-02 10:00', '2026-01-02', 'v1', 'q1', 'home', 'treatment', ['mug', 'pan'], null, 'als-1', false),
    ('r2', 'rendered', '2026-01-02 10:00', '2026-01-02', 'v1', 'q1', null, null, ['mug', 'pan'], null, null, false),
    ('r3', 'viewed', '2026-01-02 10:01', '2026-01-02', 'v1', 'q1', null, null, ['mug'], null, null, false),
    ('r4', 'clicked', '2026-01-02 10:02', '2026-01-02', 'v1', 'q1', null, null, null, 'mug', null, false),
    ('r5', 'clicked', '2026-01-02 10:03', '2026-01-05', 'v1', 'q1', null, null, null, 'pan', null, false),
    ('r6', 'added_to_cart', '2026-01-02 10:04', '2026-01-02', 'v1', 'q1', null, null, null, 'mug', null, false),
    ('r7', 'served', '2026-01-02 11:00', '2026-01-02', 'v2', 'q2', 'home', 'control', ['mug'], null, 'als-1', false),
    ('r8', 'served', '2026-01-02 12:00', '2026-01-02', 'v3', 'q3', 'home', 'treatment', ['pan'], null, 'als-1', false),
    ('r9', 'served', '2026-01-03 12:00', '2026-01-03', 'v3', 'q4', 'home', 'control', ['pan'], null, 'als-1', false),
    ('r10', 'served', '2026-01-03 12:00', '2026-01-03', 'v4', 'q5', 'home', 'control', ['pan'], null, 'als-1', false),
    ('r11', 'served', '2026-01-03 12:00', '2026-01-03', 'bot', 'q6', 'home', 'treatment', ['pan'], null, 'als-1', true)
) t(event_id, event_type, occurred_at, known_on, visitor_id, request_id, scenario_id, variant, item_ids, item_id, model_version, is_robot);

create table interactions.session_events as
select 'x1' as event_id, 's1' as session_id, timestamp '2026-01-02 10:10' as occurred_at, date '2026-01-02' as event_date,
    'uk' as site_id, 'v1' as visitor_id, 'checkout_complete' as event_type, 'A' as order_id, false as is_robot,
    date '2026-01-02' as known_on;

create table interactions.sessions as
select session_id, 'uk' as site_id, identifier, identifier[9:] as visitor_id, session_date::date as session_date,
    started_at::timestamp as started_at, started_at::timestamp + interval 20 minute as ended_at, channel, device_type, country,
    is_robot, session_date::date as known_on
from (values
    ('s1', 'visitor:v1', '2026-01-02', '2026-01-02 09:55', 'email', 'phone', 'IE', false),
    ('s2', 'visitor:v1', '2026-01-04', '2026-01-04 09:00', 'direct', 'phone', 'IE', false),
    ('s3', 'visitor:v2', '2026-01-02', '2026-01-02 09:00', 'direct', 'desktop', 'GB', false)
) t(session_id, identifier, session_date, started_at, channel, device_type, country, is_robot);

create table interactions.interactions as
select event_date::date as event_date, event_date::date as known_on, 'uk' as site_id, identifier, item_id, event_type, is_robot
from (values
    ('2026-01-02', 'visitor:v1', 'mug', 'product_view', false),
    ('2026-01-02', 'visitor:v1', 'mug', 'purchase', false),
    ('2026-01-02', 'visitor:v1', 'pan', 'product_view', false),
    ('2026-01-02', 'visitor:v1', 'pan', 'product_view', true),
    ('2026-01-06', 'visitor:v1', 'pan', 'add_to_cart', false)
) t(event_date, identifier, item_id, event_type, is_robot);

-- order A: p1 by visitor v1, mug from request q1, pan without; the mug comes back on the 5th.
-- order B: in a store, nobody known. Order C: v2, written off on the 7th. Order G: site de, v1.
create table interactions.order_movements as
select movement_id, site_id, order_id, order_line_id, movement, movement_date::date as movement_date,
    order_date::date as order_date, movement_date::timestamp as occurred_at,
    case when customer_id is not null then 'customer:' || customer_id when visitor_id is not null then 'visitor:' || visitor_id end as identifier,
    customer_id, visitor_id, item_id, item_id <> 'post' as is_goods, quantity::bigint as quantity,
    gross::decimal(18,4) as gross, discount::decimal(18,4) as discount, cancelled::decimal(18,4) as cancelled,
    refunded::decimal(18,4) as refunded, adjusted::decimal(18,4) as adjusted,
    (gross - discount - cancelled - refunded + adjusted)::decimal(18,4) as net, cost::decimal(18,4) as cost,
    (gross - discount - cancelled - refunded + adjusted - cost)::decimal(18,4) as margin,
    currency, null::varchar as country, request_id, known_on::date as known_on
from (values
    ('m1', 'uk', 'A', '1', 'sale', '2026-01-02', '2026-01-02', null, 'v1', 'mug', 2, 20.00, 2.00, 0, 0, 0, 8.00, 'GBP', 'q1', '2026-01-02'),
    ('m2', 'uk', 'A', '2', 'sale', '2026-01-02', '2026-01-02', null, 'v1', 'pan', 1, 40.00, 0, 0, 0, 0, null, 'GBP', null, '2026-01-02'),
    ('m3', 'uk', 'A', '3', 'sale', '2026-01-02', '2026-01-02', null, 'v1', 'post', 1, 3.00, 0, 0, 0, 0, null, 'GBP', null, '2026-01-02'),
    ('m4', 'uk', 'A', '1', 'refund', '2026-01-05', '2026-01-02', null, 'v1', 'mug', -1, 0, 0, 0, 9.00, 0, -4.00, 'GBP', null, '2026-01-05'),
    ('m5', 'uk', 'B', '1', 'sale', '2026-01-03', '2026-01-03', null, null, 'mug', 1, 10.01, 0, 0, 0, 0, 4.00, 'GBP', null, '2026-01-03'),
    ('m6', 'uk', 'C', '1', 'sale', '2026-01-04', '2026-01-04', null, 'v2', 'pan', 1, 40.00, 0, 0, 0, 0, null, 'GBP', null, '2026-01-06'),
    ('m7', 'uk', 'C', '1', 'cancellation', '2026-01-04', '2026-01-04', null, 'v2', 'pan', -1, 0, 0, 10.00, 0, 0, null, 'GBP', null, '2026-01-06'),
    ('m8', 'uk', 'C', '1', 'adjustment', '2026-01-07', '2026-01-04', null, 'v2', 'pan', 0, 0, 0, 0, 0, -5.00, 0, 'GBP', null, '2026-01-07'),
    ('m9', 'de', 'G', '1', 'sale', '2026-01-03', '2026-01-03', 'c1', 'v1', 'mug', 1, 11.00, 0, 0, 0, 0, 4.00, 'EUR', null, '2026-01-03'),
    ('m10', 'uk', 'Z', '1', 'refund', '2026-01-06', '2026-01-06', 'c1', null, 'mug', -1, 0, 0, 0, 7.00, 0, null, 'GBP', null, '2026-01-06')
) t(movement_id, site_id, order_id, order_line_id, movement, movement_date, order_date, customer_id, visitor_id, item_id,
    quantity, gross, discount, cancelled, refunded, adjusted, cost, currency, request_id, known_on);

create table interactions.order_lines as
select site_id, order_id, order_line_id, currency, sum(gross) as gross, sum(discount) as discount, sum(cancelled) as cancelled,
    sum(refunded) as refunded, sum(adjusted) as adjusted, sum(net) as net, sum(cost) as cost
from interactions.order_movements group by all;

create table interactions.person_days as
select site_id, identifier, event_date::date as event_date, known_on::date as known_on, events::bigint as events,
    product_views::bigint as product_views, cart_adds::bigint as cart_adds, searches::bigint as searches,
    0::bigint as wish_list_adds, orders::bigint as orders, units::bigint as units, gross::decimal(18,4) as gross,
    discount::decimal(18,4) as discount, cancelled::decimal(18,4) as cancelled, refunded::decimal(18,4) as refunded,
    adjusted::decimal(18,4) as adjusted, (gross - discount - cancelled - refunded + adjusted)::decimal(18,4) as net,
    cost::decimal(18,4) as cost
from (values
    ('uk', 'visitor:v1', '2026-01-02', '2026-01-02', 4, 2, 1, 0, 1, 3, 63.00, 2.00, 0, 0, 0, 8.00),
    ('uk', 'visitor:v1', '2026-01-05', '2026-01-05', 0, 0, 0, 0, 0, -1, 0, 0, 0, 9.00, 0, -4.00),
    ('uk', 'visitor:v1', '2026-01-06', '2026-01-06', 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, null),
    ('uk', 'customer:c1', '2026-01-06', '2026-01-06', 0, 0, 0, 0, 0, -1, 0, 0, 0, 7.00, 0, null),
    ('uk', 'visitor:v2', '2026-01-02', '2026-01-02', 3, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, null),
    ('uk', 'visitor:v2', '2026-01-04', '2026-01-06', 0, 0, 0, 0, 1, 0, 40.00, 0, 10.00, 0, 0, null),
    ('de', 'customer:c1', '2026-01-03', '2026-01-03', 0, 0, 0, 0, 1, 1, 11.00, 0, 0, 0, 0, 4.00)
) t(site_id, identifier, event_date, known_on, events, product_views, cart_adds, searches, orders, units, gross, discount, cancelled, refunded, adjusted, cost);

create table interactions.item_days as
select 'uk' as site_id, item_id, event_date::date as event_date, event_date::date as known_on, views::bigint as views,
    cart_adds::bigint as cart_adds, 0::bigint as wish_list_adds, purchases::bigint as purchases, units::bigint as units,
    gross::decimal(18,4) as gross, refunded::decimal(18,4) as refunded, net::decimal(18,4) as net, null::decimal(18,4) as cost
from (values
    ('mug', '2026-01-02', 1, 1, 1, 2, 20.00, 0, 18.00),
    ('mug', '2026-01-05', 0, 0, 0, -1, 0, 9.00, -9.00),
    ('pan', '2025-12-05', 50, 0, 0, 0, 0, 0, 0)
) t(item_id, event_date, views, cart_adds, purchases, units, gross, refunded, net);

create table segments.primary_segment as
select date '2026-01-10' as night, 'uk' as site_id, 'p1' as person_id, 'new-customers' as segment_id;

create table segments.segment_membership as
select date '2026-01-10' as night, 'uk' as site_id, 'p1' as person_id, segment_id
from (values ('new-customers'), ('mug-lovers')) t(segment_id);

create table measurement.report_windows as select *, 3::bigint as churn_days from (values
    (date '2026-01-04', date '2025-01-01', date '2026-01-04', date '2025-12-01', 0),
    (date '2026-01-09', date '2026-01-04', date '2026-01-09', date '2026-01-04', 0), -- cuts between order A and its refund
    (date '2026-01-10', date '2025-01-01', date '2026-01-10', date '2025-12-07', 0)
) t(night, starts_on, ends_on, attribution_starts_on, known_erasures);

-- under this salt v2 and v4 are in control
create table measurement.experiments as
select night, 'holdout' as experiment_id, 'holdout' as kind, '' as description, null::varchar[] as scenarios,
    'hand-made-3' as salt, 0.5::double as control_share, null::varchar as layer_salt, 0.0::double as slice_from,
    1.0::double as slice_to, null::varchar as holdout_salt, null::double as holdout_share,
    null::varchar as control_model_version, null::varchar as treatment_model_version, 1.0::double as cap_quantile,
    date '2026-01-01' as starts_on, null::date as ends_on
from measurement.report_windows;
