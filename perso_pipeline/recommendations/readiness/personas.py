"""A handful of real people to look at each night: the buyer of most, the newest, and so on. Not what they see."""

from datetime import date

from perso_pipeline.contracts.warehouse import Warehouse

# each the first of its kind on the site with the most people; ties by id, so that a night run twice shows the same
_PERSONAS = """
with people as materialized (
    select p.*, count(*) over (partition by site_id) as people_of_site
    from profiles.customer_profiles as p
    where night = $night
),

of_one_site as materialized (
    from people
    where site_id = (select site_id from people order by people_of_site desc, site_id limit 1)
)

select persona, site_id, person_id from (
    (
        select 1 as place, 'buys most' as persona, site_id, person_id from of_one_site
        where orders > 0 and has_personalization_consent is not false
        order by orders desc, person_id limit 1
    )
    union all
    (
        select 2, 'is new today', site_id, person_id from of_one_site
        where first_seen_date = $night and has_personalization_consent is not false
        order by events desc, person_id limit 1
    )
    union all
    (
        select 3, 'looks and does not buy', site_id, person_id from of_one_site
        where orders = 0 and has_personalization_consent is not false
        order by product_views desc, person_id limit 1
    )
    union all
    (
        select 4, 'is being lost', site_id, person_id from of_one_site
        where lifecycle = 'at_risk' and has_personalization_consent is not false
        order by orders desc, person_id limit 1
    )
    union all
    (
        select 5, 'gave no consent', site_id, person_id from of_one_site
        where has_personalization_consent is false
        order by events desc, person_id limit 1
    )
    union all
    select 6, 'is not known at all', site_id, 'anyone' from (select distinct site_id from of_one_site)
)
order by place"""


def personas(warehouse: Warehouse, *, night: date) -> list[tuple[str, str, str]]:
    """(what kind, site, person id or ``anyone``); kinds of which there is nobody are left out."""
    return [tuple(row.values()) for row in warehouse.query(_PERSONAS, {"night": night}).to_pylist()]
