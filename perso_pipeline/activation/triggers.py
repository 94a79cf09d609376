"""Who should be written to tonight, why, about which items, and who should not after all.

One statement per trigger finds the episodes; then one decides over all of them at once. A suppressed
episode keeps its row and its reason. Sending is another system's work.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.activation.config import AbandonedCart, Triggers, WinBack
from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.interactions.carts import CARTS, IDENTITIES

TABLE = "activation.triggers"
SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("person_id", pa.string()),
        ("trigger_id", pa.string()),
        ("episode_id", pa.string()),
        ("item_ids", pa.list_(pa.string())),
        ("due_at", pa.timestamp("us")),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)

# people who may have a trigger at all: known customers of the site with a profile of the night
_CUSTOMERS = """
customers as materialized (
    select site_id, person_id, has_email_consent, lifecycle, last_order_date
    from profiles.customer_profiles
    where night = $night and is_customer
)"""

_ABANDONED_CART = f"""
episodes_{{n}} as materialized (
    with
    {CARTS},

    cart_episodes as (
        select c.site_id, i.person_id, c.cart_key, c.last_activity_at
        from carts as c
        join identities as i on i.identifier = c.identifier
        join customers as p on p.site_id = c.site_id and p.person_id = i.person_id
        where c.is_open and c.last_activity_at <= $night::date + interval 1 day - to_hours($idle_hours::integer)
    ),

    bought_since as (
        select distinct e.site_id, e.cart_key, m.item_id
        from cart_episodes as e
        join identities as i on i.person_id = e.person_id
        join interactions.order_movements as m on m.identifier = i.identifier and m.site_id = e.site_id
        where m.known_on <= $night and m.movement = 'sale' and m.occurred_at >= e.last_activity_at
    ),

    cart_items as (
        select
            e.site_id, e.person_id, e.cart_key, e.last_activity_at, l.item_id,
            b.item_id is not null as is_bought, coalesce(a.is_available, false) as is_available
        from cart_episodes as e
        join cart_contents as l on l.site_id = e.site_id and l.cart_key = e.cart_key
        left join bought_since as b on b.site_id = e.site_id and b.cart_key = e.cart_key and b.item_id = l.item_id
        left join profiles.item_profiles as a on a.night = $night and a.site_id = e.site_id and a.item_id = l.item_id
    )

    select
        site_id, person_id, cart_key || '@' || strftime(last_activity_at, '%Y-%m-%dT%H:%M:%S') as episode_id,
        last_activity_at as since,
        list(item_id order by is_available desc, item_id)[
            :least($max_items, case when bool_or(is_available) then count(*) filter (is_available) else count(*) end)
        ] as item_ids,
        case
            when bool_or(is_bought) then 'bought meanwhile'
            when not bool_or(is_available) then 'item sold out'
        end as fault
    from cart_items
    group by site_id, person_id, cart_key, last_activity_at
)"""

_WIN_BACK = """
episodes_{n} as (
    select
        p.site_id, p.person_id,
        'since ' || coalesce(p.last_order_date::varchar, 'the beginning') as episode_id,
        coalesce(p.last_order_date::timestamp, timestamp '1970-01-01') as since,
        coalesce(l.item_ids, []) as item_ids,
        case when l.item_ids is null then 'no list for the person' end as fault
    from customers as p
    left join (
        select site_id, subject_id, list(item_id order by rank) as item_ids
        from recommendations.recommendations
        where night = $night and scenario_id = $scenario and subject_type = 'person' and rank <= $max_items
        group by site_id, subject_id
    ) as l on l.site_id = p.site_id and l.subject_id = p.person_id
    where p.lifecycle in ({lifecycles})
)"""

_EARLIER = """
earlier as materialized (
    select site_id, person_id, trigger_id, episode_id, night
    from activation.triggers
    where night < $night and status = 'due'
)"""

_NOTHING_EARLIER = """
earlier as (
    select '' as site_id, '' as person_id, '' as trigger_id, '' as episode_id, null::date as night where false
)"""

_DECISION = """
judged as (
    select
        e.*,
        case
            when p.has_email_consent is not true then 'no consent'
            when e.fault is not null then e.fault
            when exists (
                select 1 from earlier as x
                where x.site_id = e.site_id and x.person_id = e.person_id and x.trigger_id = e.trigger_id
                    and x.episode_id = e.episode_id
            ) then 'due before'
            when exists (
                select 1 from earlier as x
                where x.person_id = e.person_id and x.night > $night::date - $cap_days::integer
            ) then 'frequency cap'
        end as reason
    from episodes as e
    join customers as p on p.site_id = e.site_id and p.person_id = e.person_id
),

capped as (
    select
        *, row_number() over (
            partition by person_id, reason is null order by position, since desc, site_id, episode_id
        ) as turn
    from judged
)

select
    $night::date as night, site_id, person_id, trigger_id, episode_id, item_ids,
    $night::date + interval 1 day as due_at,
    case when reason is null and turn = 1 then 'due' else 'suppressed' end as status,
    case when reason is null and turn > 1 then 'frequency cap' else reason end as reason
from capped
order by site_id, person_id, position, episode_id"""


def find_triggers(warehouse: Warehouse, config: Triggers, *, night: date) -> pa.Table:
    """One row per (site, person, trigger, episode) of the night, due or suppressed with its reason.

    An abandoned cart's items are those still wanted and to be had. A person's merge after ``night`` changes
    nothing; what was due on earlier nights is read from ``activation.triggers``.
    """
    if not config.triggers:
        return SCHEMA.empty_table()
    parameters: dict[str, Value] = {"night": night, "cap_days": config.frequency_cap.days}
    ctes = [IDENTITIES, _CUSTOMERS, _EARLIER if warehouse.exists(TABLE) else _NOTHING_EARLIER]
    selects = []
    for n, trigger in enumerate(config.triggers):
        sql, values = _episodes(n, trigger)
        for name in values:
            sql = sql.replace(f"${name}", f"${name}_{n}")
        ctes.append(sql)
        parameters |= {f"{name}_{n}": value for name, value in values.items()} | {f"trigger_{n}": trigger.id}
        selects.append(f"select *, $trigger_{n} as trigger_id, {n} as position from episodes_{n}")
    statement = f"with {','.join(ctes)},\nepisodes as ({' union all '.join(selects)}),\n{_DECISION}"
    return warehouse.query(statement, parameters).cast(SCHEMA)


def _episodes(n: int, trigger: AbandonedCart | WinBack) -> tuple[str, dict[str, Value]]:
    """The CTE ``episodes_<n>`` and the values it names; they are bound under a name of the trigger's own."""
    if isinstance(trigger, AbandonedCart):
        values: dict[str, Value] = {
            "idle_hours": trigger.idle_hours,
            "cart_days": trigger.max_idle_days,
            "max_items": trigger.max_items,
        }
        return _ABANDONED_CART.format(n=n), values
    lifecycles = ", ".join(f"'{word}'" for word in trigger.lifecycle)  # words of a closed vocabulary
    return _WIN_BACK.format(n=n, lifecycles=lifecycles), {"scenario": trigger.scenario, "max_items": trigger.max_items}
