"""What a list has shown its subject on earlier nights, for rules that let an item rest.

A night counts when its lists were published. A click counts when it was known by the night that is composed.
"""

from datetime import date

import numpy as np

from perso_pipeline.interactions.carts import IDENTITIES
from perso_pipeline.recommendations.composition.pairs import Indices
from perso_pipeline.recommendations.composition.part import PartReader
from perso_pipeline.recommendations.composition.rules import ActiveRule
from perso_pipeline.recommendations.merchandising import Repeat
from perso_pipeline.recommendations.scenarios import Scenario

LISTS, LOG, REQUESTS = (
    "recommendations.recommendations",
    "recommendations.publish_log",
    "interactions.recommendation_requests",
)

_NIGHTS = f"""
    select distinct night from {LOG} where night < $night and action = 'publish' order by night desc limit $nights"""

_SHOWN = f"""
    {{identities}}
    select s.subject_no, i.catalogue_no
    from {LISTS} as r
    join subjects as s
        on s.site_id = r.site_id and s.subject_type = r.subject_type and s.subject_id = r.subject_id
    join numbered_items as i on i.site_id = r.site_id and i.item_id = r.item_id
    {{clicked}}
    where r.scenario_id = $scenario and r.night in ({_NIGHTS})
    group by s.subject_no, i.catalogue_no
    having count(distinct r.night) >= $at_most"""

# a click on the item anywhere in the scenario, by a visitor who is this person on the night
_CLICKED = f"""
    anti join (
        select distinct m.person_id, c.site_id, c.item_id
        from {REQUESTS} as c
        join identities as m on m.identifier = c.identifier
        where c.known_on <= $night and c.is_clicked and c.scenario_id = $scenario
            and c.event_date >= (select min(night) from ({_NIGHTS}))
    ) as k on k.person_id = s.person_id and k.site_id = r.site_id and k.item_id = r.item_id"""


def shown_too_often(
    rule: ActiveRule[Repeat], scenario: Scenario, reader: PartReader, *, night: date
) -> tuple[Indices, Indices]:
    """Pairs of subject and item that stood in the list on ``at_most`` of the last ``nights`` published nights."""
    nothing = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if not rule.in_force.any() or not (reader.exists(LISTS) and reader.exists(LOG)):
        return nothing
    asks_clicks = rule.rule.unless_clicked and reader.exists(REQUESTS)
    rows = reader.query(
        _SHOWN.format(identities=f"with {IDENTITIES}" if asks_clicks else "", clicked=_CLICKED if asks_clicks else ""),
        {"night": night, "scenario": scenario.id, "nights": rule.rule.nights, "at_most": rule.rule.at_most},
    )
    subject = rows["subject_no"].to_numpy().astype(np.int64)
    item = reader.catalogue.number_of[rows["catalogue_no"].to_numpy()]
    kept = rule.in_force[subject]
    return subject[kept], item[kept]
