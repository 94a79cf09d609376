"""Sessions like the present one: what those went on with who did the same just now.

Vector session kNN with the weights of STAN and VSTAN: Ludewig and Jannach 2018 (VSKNN: newer items of the session
weigh more); Garg et al., SIGIR 2019 (STAN: newer sessions weigh more); Ludewig, Mauro, Latifi and Jannach, UMUAI
2021 (VSTAN: rare items weigh more). STAN's third weight, by distance within the neighbour session, is left out: it
would take a product per pair of positions where this takes two products of sparse matrices.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    Journal,
    NotExplainable,
    Ranked,
    explained,
)
from perso_pipeline.models.recommenders.config import SessionConfig
from perso_pipeline.models.recommenders.neighbours import answered, product
from perso_pipeline.models.recommenders.pairs import needed_journal
from perso_pipeline.models.recommenders.ranking import itself


class Session:
    """score(j) = sum over the nearest sessions of their likeness to the person's last items x rarity of j in them.

    Answers for a person rest on the newest ``last_events`` distinct items alone, so that drifting intent is
    followed at once and one visit of an unknown visitor is enough.
    """

    name: ClassVar[str] = "session"

    def __init__(self, config: SessionConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        journal = needed_journal(data, self.name)
        sessions, newest = _sessions(journal, len(data.items), self._config.gap_minutes * 60)
        rarity = np.log1p(sessions.shape[0] / np.maximum(np.bincount(sessions.indices, minlength=len(data.items)), 1))
        lengths = np.maximum(np.diff(sessions.indptr), 1)
        age_days = (journal.second.max(initial=0) - newest) / 86400
        recency = 0.5 ** (age_days / self._config.session_half_life_days)
        arrays = {
            "indices": sessions.indices,
            "indptr": sessions.indptr,
            "rarity": rarity,
            "worth": recency / np.sqrt(lengths),
        }
        return self.restore(arrays, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        return self._answered(self._questions[people], k, exclude)

    def similar(self, items: Indices, k: int) -> Ranked:
        return self._answered(itself(items, len(self._rarity)), k, itself(items, len(self._rarity)))

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """Given the sessions that answer, a score is linear in the items of the question."""
        question = self._questions[[person]]
        near = self._nearest(question)
        holding = near.indices[self._sessions[near.indices, item].toarray().ravel() > 0]
        shared = self._weighed[holding][:, question.indices].sum(axis=0)
        parts = question.data * np.asarray(shared).ravel() * self._rarity[item]
        return explained(question.indices, parts)

    def arrays(self) -> Arrays:
        return {
            "indices": self._sessions.indices,
            "indptr": self._sessions.indptr,
            "rarity": self._rarity,
            "worth": self._worth,
        }

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        items = len(data.items)
        self._rarity = np.asarray(arrays["rarity"], dtype=np.float64)
        self._worth = np.asarray(arrays["worth"], dtype=np.float64)
        ones = np.ones(len(arrays["indices"]))
        self._sessions = sparse.csr_matrix((ones, arrays["indices"], arrays["indptr"]), shape=(len(self._worth), items))
        self._weighed = (sparse.diags(self._worth) @ self._sessions @ sparse.diags(self._rarity)).tocsr()
        self._answers = (self._sessions @ sparse.diags(self._rarity)).tocsr()
        self._questions = _questions(needed_journal(data, self.name), len(data.people), items, self._config)
        return self

    def _nearest(self, questions: sparse.csr_matrix) -> sparse.csr_matrix:
        return product(questions, self._weighed.T.tocsr(), self._config.neighbours, threads=self._threads)

    def _answered(self, questions: sparse.csr_matrix, k: int, exclude: sparse.csr_matrix | None) -> Ranked:
        empty = np.diff(questions.indptr) == 0
        near = self._nearest(questions)
        return answered(near, self._answers, k, exclude, no_history=empty, threads=self._threads)


def _sessions(journal: Journal, items: int, gap_seconds: int) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """Sessions x items of 0 and 1, and the second of each one's last event."""
    if not len(journal.person):
        return sparse.csr_matrix((0, items)), np.zeros(0, dtype=np.int64)
    pause = np.diff(journal.second) > gap_seconds
    begins = np.r_[True, (np.diff(journal.person) != 0) | pause]
    session = np.cumsum(begins) - 1
    made = sparse.csr_matrix((np.ones(len(session)), (session, journal.item)), shape=(int(session[-1]) + 1, items))
    made.data[:] = 1.0
    made.sort_indices()
    return made, np.maximum.reduceat(journal.second, np.flatnonzero(begins))


def _questions(journal: Journal, people: int, items: int, config: SessionConfig) -> sparse.csr_matrix:
    """People x items: the newest ``last_events`` distinct items of each, the newest with weight 1."""
    order = np.lexsort((journal.item, -journal.second, journal.person))
    person, item = journal.person[order], journal.item[order]
    _, first = np.unique(person * items + item, return_index=True)
    first.sort()  # back to newest first within each person
    person, item = person[first], item[first]
    starts = np.r_[True, person[1:] != person[:-1]] if len(person) else np.zeros(0, dtype=bool)
    place = np.arange(len(person))
    nth = place - np.maximum.accumulate(np.where(starts, place, 0)) if len(person) else place
    near = nth < config.last_events
    weights = config.position_decay ** nth[near]
    made = sparse.csr_matrix((weights, (person[near], item[near])), shape=(people, items))
    made.sort_indices()
    return made
