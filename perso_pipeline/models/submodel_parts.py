"""Groups of a submodel as values: what each knows, whether it is trained, who belongs to it.

Where the groups come from is ``submodels``' and ``submodel_intersections``' business.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import SiteModels
from perso_pipeline.models.protocol import Indices, InteractionMatrix
from perso_pipeline.models.signals import Signals, matrix_as_of
from perso_pipeline.models.submodels_config import Submodel

Status = Literal["active", "too_little", "too_large", "unused"]
MemberType = Literal["item", "person"]


@dataclass(frozen=True, slots=True)
class Part:
    """One group of a submodel.

    Attributes:
        group: its name; for one group per value the value itself.
        data: what is known of the group; None where nothing is.
        status: active, or why it is not trained.
        reason: the same in words; empty where active.
        weights: of a group by people or time, the weight of each signal in it, 0 outside; else None.
        items: of a group by attribute, the ids of its items that somebody met, ascending; else None.
    """

    group: str
    data: InteractionMatrix | None
    status: Status
    reason: str
    weights: NDArray[np.float64] | None = None
    items: NDArray[np.str_] | None = None

    @property
    def people(self) -> int:
        return 0 if self.data is None else len(self.data.people)


@dataclass(frozen=True, slots=True)
class Members:
    """Who or what belongs to which group, one group each; sorted by id."""

    member_type: MemberType
    ids: NDArray[np.str_]
    groups: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Cut:
    """A submodel's groups and the members that a page or person finds its group by."""

    submodel: Submodel
    parts: tuple[Part, ...]
    members: tuple[Members, ...]


def part_of(
    submodel: Submodel,
    group: str,
    data: InteractionMatrix | None,
    *,
    weights: NDArray[np.float64] | None = None,
    items: NDArray[np.str_] | None = None,
) -> Part:
    """The group, active if enough people touched it."""
    people = 0 if data is None else len(data.people)
    if people < submodel.min_people:
        reason = f"{people} people touched it, {submodel.min_people} are needed"
        return Part(group, data, "too_little", reason, weights, items)
    return Part(group, data, "active", "", weights, items)


def answers_with(submodel: Submodel, part: Part) -> str:
    """Who answers for a group: the submodel itself, the main model or nothing."""
    if part.status == "active":
        return "submodel"
    return "main_model" if part.status == "unused" else submodel.when_too_little


def of_signals(
    config: SiteModels, data: InteractionMatrix, signals: Signals, weights: NDArray[np.float64]
) -> InteractionMatrix | None:
    """A matrix of the signals that have a weight, of the same day as ``data``; None where none has."""
    kept = weights != 0
    if not kept.any():
        return None
    some = replace(signals, weight=weights).rows(kept)
    return matrix_as_of(some, data.as_of, config.signals)


class ByItem:
    """``data`` cut to some of its items, over and over."""

    def __init__(self, data: InteractionMatrix) -> None:
        self._data = data
        # positions in place of values, so that ages can be taken along
        self._places = sparse.csr_matrix(
            (np.arange(1, data.weights.nnz + 1), data.weights.indices, data.weights.indptr), shape=data.weights.shape
        ).tocsc()

    def cut(self, columns: Indices) -> InteractionMatrix | None:
        """The items at ``columns`` (ascending) and who touched them; None where nobody did."""
        some = sparse.csr_matrix(self._places[:, columns])
        touched = np.flatnonzero(np.diff(some.indptr))
        if not len(touched):
            return None
        some = some[touched]
        some.sort_indices()
        taken = some.data - 1
        return replace(
            self._data,
            weights=sparse.csr_matrix((self._data.weights.data[taken], some.indices, some.indptr), shape=some.shape),
            people=self._data.people[touched],
            items=self._data.items[columns],
            last_age_days=self._data.last_age_days[taken],
            daily_people=self._data.daily_people[columns],
            journal=None,
            catalogue=None,
        )
