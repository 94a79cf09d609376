"""A person's own order of a category: the first places of the category, put in order by what is known of them.

Set-based over all people at once. Stored for the head (people seen lately, the categories they like most); everybody
and everything else is served from ``category_ranking`` as it stands.

The category's order and that of the person's model are fused by reciprocal ranks, 1 / (60 + rank) each (Cormack,
Clarke and Büttcher, SIGIR 2009): ranks need no common scale, so a champion with other scores changes nothing. Their
taste, the mean of their shares of the item's brand and category, counts as 1 / 60 where it is whole. What was pinned by
hand keeps its place.
"""

from collections.abc import Iterator
from datetime import date

import pyarrow as pa

from perso_pipeline.contracts.warehouse import Value, Warehouse
from perso_pipeline.recommendations.listings.config import PersonalRanking, RankingStrategy
from perso_pipeline.resources.in_turn import in_turn

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
PEOPLE_AT_ONCE = 25_000  # 180 places of each are held at a time: 4.5 million rows, of two parts at once

_ACTIVE = """
    select site_id, person_id
    from profiles.customer_profiles
    where night = $night and has_personalization_consent is not false
        and last_seen_date > $night::date - $active_days::integer"""

_BECAUSE = "'pinned by hand', 'their model and their taste', 'their model', 'their taste', 'the category''s order'"
# People, lists, items, brands and paths go by number until the end: joining and sorting tens of millions of pairs by
# texts took three times as long.
_PERSONAL = f"""
with listed_texts as materialized (
    select r.site_id, r.category_path, r.item_id, r.rank, r.is_pinned, i.brand, i.category_path as item_path
    from recommendations.category_ranking as r
    join profiles.item_profiles as i on i.night = $night and i.site_id = r.site_id and i.item_id = r.item_id
    where r.night = $night and r.rank <= $pool and r.strategy = '{RankingStrategy.RECOMMENDED_FOR_YOU}'
),

listed as materialized (
    select
        *,
        dense_rank() over (order by site_id, category_path)::integer as list_no,
        dense_rank() over (order by site_id, item_id)::integer as item_no,
        dense_rank() over (order by site_id, brand)::integer as brand_no,
        dense_rank() over (order by site_id, item_path)::integer as path_no
    from listed_texts
),

lists as materialized (select distinct site_id, category_path, list_no from listed),

items as materialized (select distinct site_id, item_id, item_no from listed),

-- what is not pinned shares the places that are not: the n-th of it gets the n-th of them
free_places as materialized (
    select list_no, rank, row_number() over (partition by list_no order by rank) as turn
    from listed
    where not is_pinned
),

-- a stretch of the people in the order of the table, so that parts put one after another are sorted
active as materialized (
    select site_id, person_id
    from (select *, row_number() over (order by site_id, person_id) - 1 as place from ({_ACTIVE}))
    where place // $people_at_once = $part
),

heads_by_name as materialized (
    select a.site_id, a.person_id, l.list_no
    from profiles.affinities as a
    join active as p using (site_id, person_id)
    join lists as l on l.site_id = a.site_id and l.category_path = a.value
    where a.night = $night and a.kind in ('category', 'category_1', 'category_2', 'category_3')
    qualify row_number() over (partition by a.site_id, a.person_id order by a.weight desc, a.value) <= $categories
),

people as materialized (
    select site_id, person_id, row_number() over (order by site_id, person_id)::integer as person_no
    from (select distinct site_id, person_id from heads_by_name)
),

heads as materialized (
    select row_number() over ()::integer as head_no, p.person_no, h.list_no
    from heads_by_name as h
    join people as p using (site_id, person_id)
),

own as materialized (
    select p.person_no, i.item_no, 1.0 / (60 + c.rank) as score
    from models.candidates as c
    join models.champions as m
        on m.night = c.night and m.site_id = c.site_id and m.task = c.task
        and m.model = c.model and m.version = c.version
    join people as p on p.site_id = c.site_id and p.person_id = c.subject_id
    join items as i on i.site_id = c.site_id and i.item_id = c.item_id
    where c.night = $night and c.task = 'personal' and c.subject_type = 'person' and c.submodel = 'main'
),

brands as materialized (
    select p.person_no, l.brand_no, a.share
    from profiles.affinities as a
    join people as p using (site_id, person_id)
    join (select distinct site_id, brand, brand_no from listed) as l on l.site_id = a.site_id and l.brand = a.value
    where a.night = $night and a.kind = 'brand'
),

paths as materialized (
    select p.person_no, l.path_no, a.share
    from profiles.affinities as a
    join people as p using (site_id, person_id)
    join (select distinct site_id, item_path, path_no from listed) as l
        on l.site_id = a.site_id and l.item_path = a.value
    where a.night = $night and a.kind = 'category'
),

pairs as (
    select
        h.head_no, h.person_no, h.list_no, l.item_no, l.rank as category_rank, l.is_pinned, o.score as own_score,
        (coalesce(b.share, 0) + coalesce(t.share, 0)) / 2 as taste
    from heads as h
    join listed as l on l.list_no = h.list_no
    left join own as o on o.person_no = h.person_no and o.item_no = l.item_no
    left join brands as b on b.person_no = h.person_no and b.brand_no = l.brand_no
    left join paths as t on t.person_no = h.person_no and t.path_no = l.path_no
),

-- narrow, for it is sorted: what else a place says is looked up by head and place in the category's order
fused as (
    select
        head_no, category_rank, is_pinned,
        1.0 / (60 + category_rank) + coalesce(own_score, 0) + taste / 60 as score,
        case
            when is_pinned then 'pinned by hand'
            when own_score is not null and taste > 0 then 'their model and their taste'
            when own_score is not null then 'their model'
            when taste > 0 then 'their taste'
            else 'the category''s order'
        end::enum ({_BECAUSE}) as because
    from pairs
),

turned as (
    select *, row_number() over (partition by head_no, is_pinned order by score desc, category_rank) as turn
    from fused
),

ranked as (
    select
        h.person_no, h.list_no, t.category_rank, t.score, t.because,
        case when t.is_pinned then t.category_rank else f.rank end as rank
    from turned as t
    join heads as h using (head_no)
    left join free_places as f on f.list_no = h.list_no and f.turn = t.turn
    where t.is_pinned or t.turn <= $size
)

select
    $night::date as night, p.site_id, p.person_id, l.category_path, r.rank::integer as rank, l.item_id, r.score,
    r.category_rank::integer as category_rank, r.because::varchar as because
from ranked as r
join people as p using (person_no)
join listed as l on l.list_no = r.list_no and l.rank = r.category_rank
where r.rank <= $size
order by r.person_no, r.list_no, r.rank"""


def rank_for_people(
    warehouse: Warehouse, personal: PersonalRanking, *, night: date, people_at_once: int = PEOPLE_AT_ONCE
) -> Iterator[pa.Table]:
    """One row per site, person, category and place, for categories whose strategy is ``recommended_for_you``.

    Made part by part as it is asked for, at least one part: all of it is larger than memory should be. Reads the
    night's ``category_ranking``, which must be written before.
    """
    head: dict[str, Value] = {"night": night, "active_days": personal.active_days}
    count = f"select count(*) as people from ({_ACTIVE})"
    people = int(warehouse.query(count, head)["people"][0].as_py()) if personal.categories else 0
    if not people:
        yield PERSONAL_CATEGORY_RANKING.empty_table()

    def ranked(part: int) -> pa.Table:
        return warehouse.query(
            _PERSONAL,
            {
                **head,
                "categories": personal.categories,
                "pool": personal.pool,
                "size": personal.size,
                "people_at_once": people_at_once,
                "part": part,
            },
        ).cast(PERSONAL_CATEGORY_RANKING)

    yield from in_turn(ranked, range(-(-people // people_at_once)))
