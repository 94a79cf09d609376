"""A person's own order of a category: the first places of the category, put in order by what is known of them.

Set-based over all people at once. Stored for the head (people seen lately, the categories they like most); everybody
and everything else is served from ``category_ranking`` as it stands.

Three orders are fused by reciprocal ranks, 1 / (60 + rank) each (Cormack, Clarke and Büttcher, SIGIR 2009): the
category's, the person's model's, and that of their taste for brands and subcategories. Ranks need no common scale, so
that a champion with other scores changes nothing. What was pinned by hand keeps its place.
"""

from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.listings.config import PersonalRanking, RankingStrategy

PERSONAL_CATEGORY_RANKING = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("person_id", pa.string()),
        ("category_path", pa.string()),
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
        ("category_rank", pa.int32()),
        ("because", pa.string()),
    ]
)
PEOPLE_AT_ONCE = 50_000  # 180 places of each are held at a time: 9 million rows

_ACTIVE = """
    select site_id, person_id
    from profiles.customer_profiles
    where night = $night and has_personalization_consent is not false
        and last_seen_date > $night::date - $active_days::integer"""

_PERSONAL = f"""
with personal_categories as materialized (
    select distinct site_id, category_path
    from recommendations.category_ranking
    where night = $night and strategy = '{RankingStrategy.RECOMMENDED_FOR_YOU}'
),

heads as materialized (
    select a.site_id, a.person_id, a.value as category_path
    from profiles.affinities as a
    join ({_ACTIVE}) as p using (site_id, person_id)
    join personal_categories as c on c.site_id = a.site_id and c.category_path = a.value
    where a.night = $night and a.kind in ('category', 'category_1', 'category_2', 'category_3')
        and hash(a.person_id) % $buckets::ubigint = $bucket::ubigint
    qualify row_number() over (partition by a.site_id, a.person_id order by a.weight desc, a.value) <= $categories
),

listed as materialized (
    select r.site_id, r.category_path, r.item_id, r.rank, r.is_pinned, i.brand, i.category_path as item_path
    from recommendations.category_ranking as r
    join profiles.item_profiles as i on i.night = $night and i.site_id = r.site_id and i.item_id = r.item_id
    where r.night = $night and r.rank <= $pool and r.strategy = '{RankingStrategy.RECOMMENDED_FOR_YOU}'
),

own as materialized (
    select c.site_id, c.subject_id as person_id, c.item_id, c.score
    from models.candidates as c
    join models.champions as m
        on m.night = c.night and m.site_id = c.site_id and m.task = c.task
        and m.model = c.model and m.version = c.version
    where c.night = $night and c.task = 'personal' and c.subject_type = 'person' and c.submodel = 'main'
        and hash(c.subject_id) % $buckets::ubigint = $bucket::ubigint
),

tastes as materialized (
    select site_id, person_id, kind, value, share
    from profiles.affinities
    where night = $night and kind in ('category', 'brand')
        and hash(person_id) % $buckets::ubigint = $bucket::ubigint
),

pairs as (
    select
        h.site_id, h.person_id, h.category_path, l.item_id, l.rank as category_rank, l.is_pinned,
        o.score as own_score, coalesce(b.share, 0) + coalesce(t.share, 0) as taste
    from heads as h
    join listed as l on l.site_id = h.site_id and l.category_path = h.category_path
    left join own as o on o.site_id = h.site_id and o.person_id = h.person_id and o.item_id = l.item_id
    left join tastes as b
        on b.kind = 'brand' and b.site_id = h.site_id and b.person_id = h.person_id and b.value = l.brand
    left join tastes as t
        on t.kind = 'category' and t.site_id = h.site_id and t.person_id = h.person_id and t.value = l.item_path
),

fused as (
    select
        *,
        1.0 / (60 + category_rank)
        + case when own_score is not null then 1.0 / (60 + row_number() over own_order) else 0 end
        + case when taste > 0 then 1.0 / (60 + rank() over taste_order) else 0 end as score
    from pairs
    window
        own_order as (
            partition by site_id, person_id, category_path order by own_score desc nulls last, item_id
        ),
        taste_order as (partition by site_id, person_id, category_path order by taste desc)
),

-- the n-th of those that are free stands behind every pin whose place comes before it
placed as (
    select
        *,
        case
            when is_pinned then category_rank
            else row_number() over (
                partition by site_id, person_id, category_path, is_pinned order by score desc, category_rank
            )
        end as turn
    from fused
),

pins as (
    select
        site_id, category_path, rank,
        rank - row_number() over (partition by site_id, category_path order by rank) + 1 as after_turn
    from listed
    where is_pinned
),

ranked as (
    select
        p.*,
        p.turn + case
            when p.is_pinned then 0
            else (
                select count(*) from pins as n
                where n.site_id = p.site_id and n.category_path = p.category_path and n.after_turn <= p.turn
            )
        end as rank
    from placed as p
)

select
    $night::date as night, site_id, person_id, category_path, rank::integer as rank, item_id, score,
    category_rank::integer as category_rank,
    case
        when is_pinned then 'pinned by hand'
        when own_score is not null and taste > 0 then 'their model and their taste'
        when own_score is not null then 'their model'
        when taste > 0 then 'their taste'
        else 'the category''s order'
    end as because
from ranked
where rank <= $size
order by site_id, person_id, category_path, rank"""


def rank_for_people(
    warehouse: Warehouse, personal: PersonalRanking, *, night: date, people_at_once: int = PEOPLE_AT_ONCE
) -> pa.Table:
    """One row per site, person, category and place, for categories whose strategy is ``recommended_for_you``.

    Reads the night's ``category_ranking``, which must be written before.
    """
    if personal.categories == 0:
        return PERSONAL_CATEGORY_RANKING.empty_table()
    head: dict[str, Value] = {"night": night, "active_days": personal.active_days}
    people = int(warehouse.query(f"select count(*) as people from ({_ACTIVE})", head)["people"][0].as_py())
    buckets = max(1, -(-people // people_at_once))
    parts = [
        warehouse.query(
            _PERSONAL,
            {
                **head,
                "categories": personal.categories,
                "pool": personal.pool,
                "size": personal.size,
                "buckets": buckets,
                "bucket": bucket,
            },
        ).cast(PERSONAL_CATEGORY_RANKING)
        for bucket in range(buckets)
    ]
    order = [(name, "ascending") for name in ("site_id", "person_id", "category_path", "rank")]
    return pa.concat_tables(parts).sort_by(order)
