"""Personalised ranking of a given list: a category page or a search result in the order of one person's interest.

Works for every model of the roster, through what all of them have: lists with exclusions. Amazon Personalize calls
it Personalized-Ranking. Where models and ids come from is the caller's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.contracts.errors import PersoError
from perso_pipeline.models.protocol import Explanation, Indices, InteractionMatrix, NotExplainable, Recommender

_SILENT = "{} has nothing to say of it for this person; it stands as it was given"


@runtime_checkable
class ContributesFeatures(Protocol):
    """A model that can say what each feature adds to a score."""

    def contributions(self, person: int, items: Indices) -> tuple[Indices, NDArray[np.float64], tuple[str, ...]]:
        """The items that are candidates, items x features, and the names of the features."""
        ...


@dataclass(frozen=True, slots=True)
class Placed:
    """One item of the list in its place.

    Attributes:
        rank: from 1, without gaps.
        score: None where the model has nothing to say of the item; such items follow the others as they were given.
        by: the model whose score the origins explain.
        origins: id and share of the items of the person's history that speak for it, largest first.
        because: why there are none; None where there are.
        features: what speaks most for and against it, by absolute contribution; empty where the model has no features.
    """

    item_id: str
    rank: int
    score: float | None
    by: str
    origins: tuple[tuple[str, float], ...]
    because: str | None
    features: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class RankedList:
    """Every known item of the list once; ``unknown`` are ids that the training window does not hold."""

    placed: tuple[Placed, ...]
    unknown: tuple[str, ...]


def rank(
    model: Recommender, data: InteractionMatrix, person_id: str, item_ids: Sequence[str], *, features: int = 3
) -> RankedList:
    """``item_ids`` in the order of the person's interest; an id that is given twice counts once.

    Args:
        model: fitted on ``data``.
        data: the matrix that the model answers for.
        person_id: a person of the matrix.
        item_ids: what is to be put in order.
        features: how many contributions are given with each item.

    Raises:
        PersoError: nobody or nothing of that name is known.
    """
    given = list(dict.fromkeys(item_ids))
    person = _known(data.people, [person_id])[0]
    if person < 0:
        msg = f"The training window knows nobody called {person_id!r}; give a person with events in it."
        raise PersoError(msg)
    columns = _known(data.items, given)
    known = columns[columns >= 0]
    if not len(known):
        msg = f"The training window knows none of the items {', '.join(given) or '(none given)'}; check the ids."
        raise PersoError(msg)
    lists = model.recommend(np.array([person]), len(known), _all_but(known, len(data.items)))
    score = dict(zip(lists.item.tolist(), lists.score.tolist(), strict=True))
    silent = [column for column in known.tolist() if column not in score]
    shares = _contributions(model, int(person), known, features)
    placed = []
    for place, column in enumerate([*lists.item.tolist(), *silent], start=1):
        why = model.explain(int(person), column) if column in score else NotExplainable(_SILENT.format(model.name))
        by, origins, because = _reason(why, data)
        placed.append(
            Placed(
                item_id=str(data.items[column]),
                rank=place,
                score=score.get(column),
                by=by or model.name,
                origins=origins,
                because=because,
                features=shares.get(column, ()),
            )
        )
    return RankedList(tuple(placed), tuple(name for name, column in zip(given, columns, strict=True) if column < 0))


def _reason(
    why: Explanation | NotExplainable, data: InteractionMatrix
) -> tuple[str | None, tuple[tuple[str, float], ...], str | None]:
    """By whom, the origins by id, and why there are none."""
    if isinstance(why, NotExplainable):
        return None, (), why.because
    return why.by, tuple((str(data.items[origin.item]), origin.share) for origin in why.origins), None


def _known(ids: NDArray[np.str_], wanted: Sequence[str]) -> Indices:
    """Position of each of ``wanted`` in ``ids`` (ascending), -1 where it is not there."""
    place = {str(name): position for position, name in enumerate(ids.tolist())}
    return np.array([place.get(name, -1) for name in wanted], dtype=np.int64)


def _all_but(items: Indices, total: int) -> sparse.csr_matrix:
    others = np.setdiff1d(np.arange(total), items)
    return sparse.csr_matrix((np.ones(len(others)), others, [0, len(others)]), shape=(1, total))


def _contributions(
    model: Recommender, person: int, items: Indices, most: int
) -> dict[int, tuple[tuple[str, float], ...]]:
    if not isinstance(model, ContributesFeatures):
        return {}
    found, parts, names = model.contributions(person, items)
    largest = np.argsort(-np.abs(parts), axis=1, kind="stable")[:, :most]
    return {
        int(item): tuple((names[n], float(row[n])) for n in order)
        for item, row, order in zip(found, parts, largest, strict=True)
    }
