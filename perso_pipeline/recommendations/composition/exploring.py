"""Which slots of finished lists go to items still to be learnt about: the pool, and what each subject may not see.

Which item is drawn with what chance is ``exploration``'s business. A pinned slot keeps its item; explored slots stand
outside variety caps, which are about what models repeat.
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.recommendations.composition.arrange import PIN_PART
from perso_pipeline.recommendations.composition.pairs import NOTHING, Indices
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.rules import of_kind
from perso_pipeline.recommendations.composition.setting import Page, Setting
from perso_pipeline.recommendations.composition.slots import Slots
from perso_pipeline.recommendations.composition.turns import EMPTY
from perso_pipeline.recommendations.exploration import explore
from perso_pipeline.recommendations.merchandising import Exclude, Include
from perso_pipeline.recommendations.scenarios import Exploration, Scenario

_COLD = """
    select i.catalogue_no
    from models.cold_items as c
    join numbered_items as i on i.site_id = c.site_id and i.item_id = c.item_id
    where c.night = $night and ({wanted})
    order by i.catalogue_no"""


def explored(
    scenario: Scenario, slots: Slots, stands: Setting, reader: PartReader, page: Page, *, night: date
) -> tuple[Indices, NDArray[np.float64]] | None:
    """The item drawn for each slot, ``EMPTY`` where it keeps its own, and the chance of what stands there."""
    config = scenario.exploration
    if config is None:
        return None
    drawn, chance = np.full(len(slots.subject), EMPTY, np.int64), np.ones(len(slots.subject))
    subjects = reader.subjects
    may = subjects.may_personalize[slots.subject] & (slots.part != PIN_PART)
    pool = _pool(config, stands, reader)
    types, ids = subjects.types.to_pylist(), subjects.ids.to_pylist()
    for site in np.unique(subjects.site[slots.subject]):
        offered = pool[reader.catalogue.site[pool] == site]
        mine = np.flatnonzero(may & (subjects.site[slots.subject] == site))
        who, subject = np.unique(slots.subject[mine], return_inverse=True)
        made = explore(
            config,
            night=night,
            scenario_id=scenario.id,
            subjects=[f"{types[n]}\x1f{ids[n]}" for n in who.tolist()],
            subject=subject.astype(np.int64),
            rank=slots.rank[mine],
            pool=reader.catalogue.item_ids.take(offered).to_pylist(),
            forbidden=_forbidden(offered, who, slots, stands, reader, page),
        )
        chance[mine] = made.propensity
        drawn[mine] = np.where(made.drawn >= 0, offered[made.drawn] if len(offered) else EMPTY, EMPTY)
    return drawn, chance


def _pool(config: Exploration, stands: Setting, reader: PartReader) -> Indices:
    """Items that may be explored, one of a family, the first by id."""
    wanted = " or ".join(f"c.is_{kind}" for kind in config.items)
    items = reader.catalogue.number_of[reader.query(_COLD.format(wanted=wanted), {})["catalogue_no"].to_numpy()]
    items = items[stands.limits.judged.item_code[items] == NOTHING]
    family = stands.limits.page_key[items] + len(reader.catalogue) * reader.catalogue.site[items]
    return items[np.sort(np.unique(family, return_index=True)[1])]


def _forbidden(
    pool: Indices, who: Indices, slots: Slots, stands: Setting, reader: PartReader, page: Page
) -> tuple[Indices, Indices]:
    """Pairs of positions in ``who`` and ``pool`` that may not be drawn, each once."""
    limits, key = stands.limits, stands.limits.page_key
    of_item, of_key = (np.full(len(reader.catalogue), EMPTY, np.int64) for _ in range(2))
    of_item[pool], of_key[key[pool]] = np.arange(len(pool)), np.arange(len(pool))
    context = reader.context if limits.family is not None else reader.context[:, :0]
    row, column = np.nonzero(context != EMPTY)
    pairs = [
        (limits.excluded.subjects, of_item[limits.excluded.items]),
        (page.subject, of_key[key[page.item]]),
        (slots.subject, of_key[key[slots.item]]),
        (row, of_key[key[context[row, column]]]),
    ]
    if of_kind(limits.judged.rules, Include, Exclude):
        for number, item in enumerate(pool.tolist()):
            off = who[limits.judged.off(who, np.full(len(who), item)) != NOTHING]
            pairs.append((off, np.full(len(off), number)))
    subject = np.concatenate([one for one, _ in pairs])
    place = np.concatenate([one for _, one in pairs])
    position = np.full(len(reader.subjects), EMPTY, np.int64)
    position[who] = np.arange(len(who))
    kept = (place != EMPTY) & (position[subject] != EMPTY)
    distinct = np.unique(position[subject[kept]] * max(len(pool), 1) + place[kept])
    return distinct // max(len(pool), 1), distinct % max(len(pool), 1)
