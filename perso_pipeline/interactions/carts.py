"""Carts as of a night, in SQL: what is in them, who owns them, whether they were bought.

Shared by ``recommendations`` and ``activation`` (abandoned carts): the one definition of an open cart. What
is done with a cart stays out.

A cart without an id is known by its visitor (``visitor:<visitor_id>``). It is open while its last change lies
within ``$cart_days`` of the end of the night and neither the cart nor its visitor has ordered since. Lines are
read one week further back; one last touched before that no longer counts, so that a night's cost does not
grow with history.
"""

IDENTITIES = """
identities as materialized (
    select identifier, person_id
    from identity.identity_map
    where known_on <= $night and (void_on is null or void_on > $night)
)"""

# Needs $night, $cart_days and the CTE before. Gives carts(site_id, cart_key, identifier, visitor_id, last_activity_at,
# is_open) and cart_contents(site_id, cart_key, item_id, quantity).
CARTS = """
cart_events as materialized (
    select
        site_id, coalesce(cart_id, 'visitor:' || visitor_id) as cart_key, visitor_id, identifier,
        item_id, event_type, quantity, occurred_at, event_id,
        event_type = 'cart_quantity_change' or (event_type = 'remove_from_cart' and quantity is null) as is_total
    from interactions.session_events
    where known_on <= $night
        and event_date > $night::date - $cart_days::integer - 7
        and occurred_at < ($night::date + 1)::timestamp
        and not is_robot
        and item_id is not null
        and event_type in ('add_to_cart', 'remove_from_cart', 'cart_quantity_change')
),

cart_steps as (
    select *, row_number() over (partition by site_id, cart_key, item_id order by occurred_at, event_id) as step
    from cart_events
),

cart_totals as (
    select *, max(case when is_total then step end) over (partition by site_id, cart_key, item_id) as total_step
    from cart_steps
),

cart_contents as materialized (
    select
        site_id, cart_key, item_id,
        sum(
            case
                when step = total_step and event_type = 'cart_quantity_change' then quantity
                when step > coalesce(total_step, 0) and event_type = 'add_to_cart' then coalesce(quantity, 1)
                when step > coalesce(total_step, 0) and event_type = 'remove_from_cart' then -quantity
                else 0
            end
        )::bigint as quantity
    from cart_totals
    group by site_id, cart_key, item_id
    having quantity > 0
),

checkouts as materialized (
    select site_id, coalesce(cart_id, 'visitor:' || visitor_id) as cart_key, visitor_id, occurred_at
    from interactions.session_events
    where known_on <= $night
        and event_date > $night::date - $cart_days::integer - 7
        and event_type = 'checkout_complete'
),

cart_closings as (
    select site_id, 'cart' as kind, cart_key as closes, max(occurred_at) as closed_at
    from checkouts
    group by site_id, cart_key
    union all
    select site_id, 'visitor' as kind, visitor_id as closes, max(occurred_at) as closed_at
    from (
        select site_id, visitor_id, occurred_at from checkouts
        union all
        select site_id, visitor_id, occurred_at
        from interactions.order_movements
        where known_on <= $night
            and movement = 'sale'
            and movement_date > $night::date - $cart_days::integer - 7
            and visitor_id is not null
    )
    group by site_id, visitor_id
),

cart_heads as (
    select
        site_id, cart_key,
        arg_max(identifier, (occurred_at, event_id)) as identifier,
        arg_max(visitor_id, (occurred_at, event_id)) as visitor_id,
        max(occurred_at) as last_activity_at
    from cart_events
    group by site_id, cart_key
),

carts as materialized (
    select
        h.site_id, h.cart_key, h.identifier, h.visitor_id, h.last_activity_at,
        h.last_activity_at >= ($night::date + 1)::timestamp - to_days($cart_days::integer)
        and coalesce(c.closed_at < h.last_activity_at, true)
        and coalesce(v.closed_at < h.last_activity_at, true) as is_open
    from cart_heads as h
    left join cart_closings as c on c.kind = 'cart' and c.site_id = h.site_id and c.closes = h.cart_key
    left join cart_closings as v on v.kind = 'visitor' and v.site_id = h.site_id and v.closes = h.visitor_id
)"""
