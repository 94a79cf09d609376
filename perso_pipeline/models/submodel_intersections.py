"""Groups of submodels met with groups of others: the best sellers of a brand among loyal customers.

An interaction counts in ``a & b`` where it counts in ``a`` and in ``b``. Two submodels in one request mean their
intersection (Ibexa Personalization); a night knows no requests, so the pair is named in ``config/models.yml``.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.signals import Signals
from perso_pipeline.models.submodel_parts import ByItem, Cut, Members, MemberType, Part, of_signals, part_of
from perso_pipeline.models.submodels_config import IntersectionSubmodel, TimeSlotSubmodel


def intersection(
    submodel: IntersectionSubmodel, of: Sequence[Cut], config: SiteModels, data: InteractionMatrix, signals: Signals
) -> Cut:
    """Every group of each of ``of`` met with every group of the others; groups that are not trained have none."""
    parts = [
        _met(submodel, of, combination, config, data, signals)
        for combination in product(*([part for part in cut.parts if part.status == "active"] for cut in of))
    ]
    return Cut(submodel, tuple(parts), tuple(_members(of)))


def _met(
    submodel: IntersectionSubmodel,
    of: Sequence[Cut],
    combination: Sequence[Part],
    config: SiteModels,
    data: InteractionMatrix,
    signals: Signals,
) -> Part:
    group = " & ".join(part.group for part in combination)
    # the weights of a time slot are those of its hours, a segment's those of the whole day: the slot's count
    by_time = [part.weights for cut, part in zip(of, combination, strict=True) if _is_by_time(cut)]
    by_people = [part.weights for cut, part in zip(of, combination, strict=True) if not _is_by_time(cut)]
    held = [weights for weights in (*by_time, *by_people) if weights is not None]
    weights = reduce(lambda first, second: np.where(second != 0, first, 0.0), held) if held else None
    items = [part.items for part in combination if part.items is not None]
    own = of_signals(config, data, signals, weights) if weights is not None else data
    if own is not None and items:
        at = places(_in_all(items), own.items)
        own = ByItem(own).cut(at[at >= 0])
    return part_of(submodel, group, own, weights=weights)


def _is_by_time(cut: Cut) -> bool:
    return isinstance(cut.submodel, TimeSlotSubmodel)


def _members(of: Sequence[Cut]) -> Iterator[Members]:
    """Who or what has a group in every one of ``of``."""
    kinds: tuple[MemberType, ...] = ("item", "person")
    for kind in kinds:
        sides = [next((m for m in cut.members if m.member_type == kind), None) for cut in of]
        known = [side for side in sides if side is not None]
        if len(known) < len(sides):
            continue
        ids = _in_all([side.ids for side in known])
        named = [side.groups[places(ids, side.ids)].tolist() for side in known]
        yield Members(kind, ids, np.array([" & ".join(of_one) for of_one in zip(*named, strict=True)], dtype=np.str_))


def _in_all(sides: Sequence[NDArray[np.str_]]) -> NDArray[np.str_]:
    shared = sides[0]
    for side in sides[1:]:
        shared = np.intersect1d(shared, side, assume_unique=True)
    return shared
