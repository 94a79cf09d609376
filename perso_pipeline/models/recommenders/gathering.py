"""The first stage: candidates of several models united, with what each model says of every pair.

Works for any models of the roster; those that can score every item do so for all pairs, the others only for what
stands in their own list. Keep features of the site's state and learning out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import Indices, InteractionMatrix, Recommender
from perso_pipeline.models.recommenders.dense import steadied

# Cells of one block of scores, as in ``dense``.
_CELLS = 2**24
SAYINGS = ("score", "part_of_best", "rank")


@runtime_checkable
class ScoresAll(Protocol):
    """A model that can score every item for some people."""

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of person and item, sorted by subject, then item; no pair twice.

    Attributes:
        subject: position in the people that were asked for.
        person: row of the matrix.
        item: column of the matrix.
        sayings: pairs x (``SAYINGS`` of each model, then how many lists hold the pair); NaN where a model is silent.
    """

    subject: Indices
    person: Indices
    item: Indices
    sayings: NDArray[np.float32]


def names(models: Iterable[str]) -> tuple[str, ...]:
    """The columns of ``Candidates.sayings`` for models of these names."""
    return (*(f"{model}_{saying}" for model in models for saying in SAYINGS), "lists")


def gather(
    models: Mapping[str, Recommender],
    depths: Mapping[str, int],
    data: InteractionMatrix,
    people: Indices,
    *,
    least: int,
    exclude: sparse.csr_matrix | None,
) -> Candidates:
    """What ``models``, fitted on ``data``, propose for ``people``.

    Ranks count only items that are new to the person, so that they mean the same with and without exclusions.

    Args:
        models: by name, fitted.
        depths: items that each proposes.
        data: what the models were fitted on.
        people: rows; somebody without history gets no candidates.
        least: every model proposes at least so many, where a longer list than its depth is asked for.
        exclude: len(people) x items; stored values are forbidden.
    """
    total = len(data.items)
    known = np.diff(data.weights.indptr)[people] > 0
    lists = {n: m.recommend(people, max(depths[n], least), exclude) for n, m in models.items()}
    keys = {n: (found.subject * total + found.item)[known[found.subject]] for n, found in lists.items()}
    union, in_lists = np.unique(np.concatenate(list(keys.values())), return_counts=True)
    subject, item = np.divmod(union, total)
    person = people[subject]
    is_new = ~_held(data, person, item)
    columns: list[NDArray[np.floating]] = []
    for name, model in models.items():
        score = np.full(len(union), np.nan)
        if isinstance(model, ScoresAll):
            score = _scores_of(model, people, subject, item, total)
        else:
            found = lists[name]
            score[np.searchsorted(union, keys[name])] = found.score[known[found.subject]]
        columns += [score, _part_of_best(subject, score, is_new, len(people)), _rank(subject, item, score, is_new)]
    return Candidates(subject, person, item, np.stack([*columns, in_lists], axis=1).astype(np.float32))


def _held(data: InteractionMatrix, person: Indices, item: Indices) -> NDArray[np.bool_]:
    if not len(person):
        return np.zeros(0, dtype=bool)
    return np.asarray(data.seen[person, item]).ravel() > 0


def _scores_of(model: ScoresAll, people: Indices, subject: Indices, item: Indices, total: int) -> NDArray[np.float64]:
    """Scores of the pairs (sorted by subject); single precision's noise is rounded away, see ``dense``."""
    score = np.zeros(len(subject))
    step = max(1, _CELLS // max(total, 1))
    for start in range(0, len(people), step):
        low, high = np.searchsorted(subject, [start, start + step])
        if low < high:
            block = steadied(model.scores(people[start : start + step]).copy())
            score[low:high] = block[subject[low:high] - start, item[low:high]]
    return score


def _part_of_best(
    subject: Indices, score: NDArray[np.float64], is_new: NDArray[np.bool_], subjects: int
) -> NDArray[np.float64]:
    """Score over the person's highest for something new; NaN where that is not above 0."""
    best = np.zeros(subjects)
    np.maximum.at(best, subject[is_new], np.nan_to_num(score[is_new]))
    return np.divide(score, best[subject], out=np.full(len(score), np.nan), where=best[subject] > 0)


def _rank(
    subject: Indices, item: Indices, score: NDArray[np.float64], is_new: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """1 + new items of the subject before it, by score, then item; NaN where the model is silent: no score, or 0."""
    order = np.lexsort((item, -np.nan_to_num(score, nan=-np.inf), subject))
    before: Indices = np.cumsum(is_new[order]) - is_new[order]
    starts = np.searchsorted(subject[order], subject[order])
    of_earlier_subjects = before[starts]
    rank = np.empty(len(order))
    rank[order] = 1 + before - of_earlier_subjects
    return np.where(np.isfinite(score) & (score != 0), rank, np.nan)
