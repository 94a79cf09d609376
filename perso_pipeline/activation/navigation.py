"""The order of the menu: top categories by how much a person is drawn to each, and where their visit may begin.

One statement over the affinities of the night. What a page does with the order is another system's work.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.activation.config import Navigation
from perso_pipeline.contracts.warehouse import Warehouse

TABLE = "activation.navigation"
SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("subject_type", pa.string()),
        ("subject_id", pa.string()),
        ("rank", pa.int32()),
        ("category", pa.string()),
        ("score", pa.float64()),
        ("is_landing", pa.bool_()),
    ]
)

# a path of one level stands under 'category', the upper level of a longer one under 'category_1'. Weights as whole
# parts of 2^-20: sums of doubles depend on the order of threads, of whole numbers they do not.
_NAVIGATION = """
with own as materialized (
    select a.site_id, a.person_id, a.value as category, round(a.weight * 1048576)::hugeint as parts
    from profiles.affinities as a
    join profiles.customer_profiles as p
        on p.night = a.night and p.site_id = a.site_id and p.person_id = a.person_id
    where a.night = $night and p.has_personalization_consent is not false
        and (a.kind = 'category_1' or (a.kind = 'category' and not contains(a.value, '/')))
),

summed as materialized (
    select site_id, person_id, category, sum(parts) as parts
    from own
    group by site_id, person_id, category
),

menus as materialized (
    select distinct site_id, string_split(category_path, '/')[1] as category
    from profiles.item_profiles
    where night = $night and is_available and item_type = 'product' and category_path is not null
),

everybody as materialized (
    select
        m.site_id, m.category,
        coalesce(sum(s.parts), 0) / nullif(sum(sum(s.parts)) over (partition by m.site_id), 0)::double as share
    from menus as m
    left join summed as s on s.site_id = m.site_id and s.category = m.category
    group by m.site_id, m.category
),

people as materialized (
    select s.site_id, s.person_id, sum(s.parts) / 1048576.0 as weight
    from summed as s
    join menus as m on m.site_id = s.site_id and m.category = s.category
    group by s.site_id, s.person_id
),

scored as (
    select
        p.site_id, 'person' as subject_type, p.person_id as subject_id, e.category,
        (coalesce(s.parts, 0) / 1048576.0 + $prior_weight * e.share) / (p.weight + $prior_weight) as score,
        p.weight >= $landing_weight
        and coalesce(s.parts, 0) / 1048576.0 >= $landing_share * p.weight as may_land
    from people as p
    join everybody as e on e.site_id = p.site_id
    left join summed as s on s.site_id = p.site_id and s.person_id = p.person_id and s.category = e.category
    union all
    select site_id, 'anyone', '*', category, share, false
    from everybody
    where share is not null
),

ranked as (
    select *, row_number() over (partition by site_id, subject_type, subject_id order by score desc, category) as rank
    from scored
)

select
    $night::date as night, site_id, subject_type, subject_id, rank::integer as rank, category, score,
    rank = 1 and may_land as is_landing
from ranked
where rank <= $size
order by site_id, subject_type, subject_id, rank"""


def order_navigation(warehouse: Warehouse, navigation: Navigation, *, night: date) -> pa.Table:
    """One row per site, person with a liking (and one for everybody unknown) and place of the menu.

    ``score`` is the person's share of the category, drawn to the site's by ``prior_weight``: who was seen once gets
    nearly the order of everybody.
    """
    return warehouse.query(
        _NAVIGATION,
        {
            "night": night,
            "size": navigation.size,
            "prior_weight": navigation.prior_weight,
            "landing_weight": navigation.landing.min_weight,
            "landing_share": navigation.landing.min_share,
        },
    ).cast(SCHEMA)
