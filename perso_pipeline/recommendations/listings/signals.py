"""SQL of what items of a site did lately: the numbers by which a category is ranked.

One row per product that can be bought on the night. What is made of them is ``ranking``'s.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Warehouse
from perso_pipeline.recommendations.listings.config import Ranking
from perso_pipeline.recommendations.scenario_parts import Popularity

# most_viewed and most_carted count sessions and not events, as Adobe does: ten looks in one visit are one.
# trending is the model's formula: what the days before let expect, and how far beyond it the last days are.
_SIGNALS = """
with visits as (
    select
        site_id, item_id, event_type, session_id,
        event_date > $night::date - $trending_days::integer as is_recent,
        event_date > $night::date - $days::integer as is_counted
    from interactions.interactions
    where known_on <= $night and event_date <= $night
        and event_date > $night::date - greatest($days::integer, $trending_days::integer + $before_days::integer)
        and not is_robot
        and event_type in ('product_view', 'add_to_cart')
),

sessions as (
    select
        site_id, item_id,
        count(distinct session_id) filter (event_type = 'product_view' and is_counted) as viewed,
        count(distinct session_id) filter (event_type = 'add_to_cart' and is_counted) as carted,
        count(distinct session_id) filter (event_type = 'product_view' and is_recent) as recently,
        count(distinct session_id) filter (event_type = 'product_view' and not is_recent) as before
    from visits
    group by site_id, item_id
),

orders as (
    select site_id, item_id, count(distinct order_id) as purchased
    from interactions.order_movements
    where known_on <= $night and movement = 'sale' and is_goods
        and movement_date <= $night and movement_date > $night::date - $days::integer
    group by site_id, item_id
)

select
    i.site_id, i.item_id, i.category_path, i.brand,
    coalesce(s.viewed, 0)::double as most_viewed,
    coalesce(s.carted, 0)::double as most_carted,
    coalesce(o.purchased, 0)::double as most_purchased,
    (coalesce(s.recently, 0) - coalesce(s.before, 0) * $trending_days / $before_days)
        / sqrt(coalesce(s.before, 0) * $trending_days / $before_days + 1) as trending,
    ($w_purchases * coalesce(i.purchases_28d, 0) + $w_cart_adds * coalesce(i.cart_adds_28d, 0)
        + $w_views * coalesce(i.views_28d, 0))::double as "default"
from profiles.item_profiles as i
left join sessions as s on s.site_id = i.site_id and s.item_id = i.item_id
left join orders as o on o.site_id = i.site_id and o.item_id = i.item_id
where i.night = $night and i.is_available and i.item_type = 'product' and i.category_path is not null
order by i.site_id, i.item_id"""


def read_signals(warehouse: Warehouse, ranking: Ranking, popularity: Popularity, *, night: date) -> pa.Table:
    """(site_id, item_id, category_path, brand, one column per strategy but ``recommended_for_you``), by site and item.

    ``trending`` is (recent - expected) / sqrt(expected + 1), expected from the days before, in sessions with a view.
    """
    return warehouse.query(
        _SIGNALS,
        {
            "night": night,
            "days": ranking.days,
            "trending_days": ranking.trending_days,
            "before_days": ranking.trending_against_days,
            "w_purchases": popularity.purchases,
            "w_cart_adds": popularity.cart_adds,
            "w_views": popularity.views,
        },
    )
