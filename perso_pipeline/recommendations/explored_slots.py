"""From a scenario's composed rows to its lists with explored slots: SQL of the pool before, Arrow after.

Which item is drawn with what chance is ``exploration``'s business.
"""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perso_pipeline.recommendations.exploration import explore
from perso_pipeline.recommendations.scenarios import EXPLORATION, Exploration, Scenario

POOL, CLOSED = "pool", "closed"  # fates: an item that may be drawn; a pair of subject and item that may not


def pool_sql(config: Exploration) -> str:
    """``pool``: items of each site that may be explored, one of a family; ``closed``: for whom they may not.

    A row of ``closed`` without an item: the subject gets no explored slot at all, which holds for everybody unknown
    and for people who want no personalization.
    """
    wanted = " or ".join(f"c.is_{kind}" for kind in config.items)
    return f"""
pool as materialized (
    select i.site_id, i.item_id, i.family, c.people
    from items as i
    join models.cold_items as c on c.night = $night and c.site_id = i.site_id and c.item_id = i.item_id
    where i.item_rule is null and ({wanted})
    qualify row_number() over (partition by i.site_id, i.family order by i.item_id) = 1
),

closed as materialized (
    select s.subject_no, p.item_id
    from exclusions as e
    join subjects as s on s.subject_no = e.subject_no
    join pool as p on p.site_id = s.site_id and p.item_id = e.item_id
    union
    select s.subject_no, p.item_id
    from (select subject_no, family from context_families union select subject_no, family from shown) as f
    join subjects as s on s.subject_no = f.subject_no
    join pool as p on p.site_id = s.site_id and p.family = f.family
    union
    select subject_no, null from subjects where not may_personalize
)"""


POOL_ROWS = f"""
union all
select
    '{POOL}', site_id, null, null, null, item_id, people::double, null, null, null, null, null, null, null
from pool
union all
select
    '{CLOSED}', s.site_id, s.subject_type, s.subject_id, null, c.item_id, null, null, null, null, null, null, null, null
from closed as c
join subjects as s using (subject_no)"""


def with_explored_slots(rows: pa.Table, shown: pa.Table, scenario: Scenario, *, night: date) -> pa.Table:
    """``shown`` with the items of explored slots put in and a column ``propensity``.

    Args:
        rows: All rows of the scenario's statement, pool and closed pairs among them.
        shown: The slots, by site, subject and rank.
        scenario: Of the slots; without exploration the propensity is null.
        night: Part of the draw.
    """
    if scenario.exploration is None:
        return shown.append_column("propensity", pa.nulls(shown.num_rows, pa.float64()))
    pools, closed = rows.filter(pc.equal(rows["fate"], POOL)), rows.filter(pc.equal(rows["fate"], CLOSED))
    parts = [
        _explored(
            scenario,
            scenario.exploration,
            shown.filter(pc.equal(shown["site_id"], site)),
            pools.filter(pc.equal(pools["site_id"], site)),
            closed.filter(pc.equal(closed["site_id"], site)),
            night=night,
        )
        for site in sorted(pc.unique(shown["site_id"]).to_pylist())
    ]
    return pa.concat_tables(parts) if parts else shown.append_column("propensity", pa.nulls(0, pa.float64()))


def _explored(
    scenario: Scenario, config: Exploration, slots: pa.Table, pool: pa.Table, closed: pa.Table, *, night: date
) -> pa.Table:
    """The same for the slots of one site."""
    keys = pc.binary_join_element_wise(slots["subject_type"], slots["subject_id"], "\x1f")
    coded = keys.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    subjects = coded.dictionary.to_pylist()
    subject = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    shut = pc.binary_join_element_wise(closed["subject_type"], closed["subject_id"], "\x1f")
    who = pc.index_in(shut, value_set=coded.dictionary).to_numpy().astype(np.float64)
    never = closed["item_id"].is_null().to_numpy()
    what = pc.index_in(closed["item_id"], value_set=pool["item_id"].combine_chunks()).to_numpy().astype(np.float64)
    pairs = np.isfinite(who) & np.isfinite(what) & ~never
    is_kept = np.isin(subject, who[never & np.isfinite(who)].astype(np.int64))
    propensity = np.ones(len(subject))
    drawn = np.full(len(subject), -1, dtype=np.int64)
    explorable = np.flatnonzero(~is_kept)
    made = explore(
        config,
        night=night,
        scenario_id=scenario.id,
        subjects=subjects,
        subject=subject[explorable],
        rank=slots["rank"].to_numpy().astype(np.int64)[explorable],
        pool=pool["item_id"].to_pylist(),
        forbidden=(who[pairs].astype(np.int64), what[pairs].astype(np.int64)),
    )
    propensity[explorable], drawn[explorable] = made.propensity, made.drawn
    is_drawn = pa.array(drawn >= 0)
    taken = pa.array(np.maximum(drawn, 0), mask=drawn < 0)
    instead = pc.binary_join_element_wise("explored:instead_of", slots["item_id"], ":")
    replaced = {
        "item_id": pool["item_id"].take(taken),
        "score": pool["score"].take(taken),
        "level": pa.scalar(len(scenario.levels) + 1, slots.schema.field("level").type),
        "strategy": pa.scalar(EXPLORATION),
        "model": pa.scalar(EXPLORATION),
        "model_version": pa.scalar(night.isoformat()),
        "is_fallback": pa.scalar(value=False),
        "origin_items": pa.scalar([], slots.schema.field("origin_items").type),
        "note": instead,
    }
    for name, values in replaced.items():
        place = slots.schema.get_field_index(name)
        slots = slots.set_column(place, slots.schema.field(name), pc.if_else(is_drawn, values, slots[name]))
    return slots.append_column("propensity", pa.array(propensity))
