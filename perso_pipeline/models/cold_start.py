"""Items that behaviour cannot place yet: which they are, and what is like them.

New items have no neighbours by behaviour and stand in nobody's list. Their own pages are filled by content; being
shown at all is a matter of ``recently_added`` and of the exploring share of a scenario.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.evidence import Evidence, with_new_items
from perso_pipeline.models.protocol import Indices, InteractionMatrix
from perso_pipeline.models.recommenders.content import Content
from perso_pipeline.models.signals import to_date, to_day

COLD_START = "cold_start"  # the submodel under which lists by content stand


@dataclass(frozen=True, slots=True)
class ColdItems:
    """Items of the night's catalogue that are cold or new.

    Attributes:
        data: the matrix with a column for every item of the catalogue.
        content: knows what is like the cold ones.
        columns: of ``data``, ascending; what follows is aligned with it.
        people: who met each within the training window.
        offered: first day in the catalogue.
        is_cold: fewer people than ``cold_start.min_people``.
        is_new: offered for at most ``cold_start.new_days``.
    """

    data: InteractionMatrix
    content: Content
    columns: Indices
    people: Indices
    offered: list[date]
    is_cold: NDArray[np.bool_]
    is_new: NDArray[np.bool_]


def cold_items(config: SiteModels, data: InteractionMatrix, evidence: Evidence, *, threads: int) -> ColdItems:
    """Every cold or new item of the night's catalogue; ``data`` is the matrix that serves."""
    limits = config.cold_start
    whole = with_new_items(data, evidence)
    assert whole.catalogue is not None  # submodels.reads_catalogue asks for it
    added = whole.catalogue.added_day
    people = np.bincount(whole.weights.indices, minlength=len(whole.items))
    offered = added >= 0
    is_cold = offered & (people < limits.min_people)
    is_new = offered & (to_day(whole.as_of) - added <= limits.new_days)
    columns = np.flatnonzero(is_cold | is_new).astype(np.int64)
    content = Content(config.content, threads=threads).fit_for(whole, np.flatnonzero(is_cold).astype(np.int64))
    return ColdItems(
        data=whole,
        content=content,
        columns=columns,
        people=people[columns].astype(np.int64),
        offered=[to_date(int(day)) for day in added[columns]],
        is_cold=is_cold[columns],
        is_new=is_new[columns],
    )
