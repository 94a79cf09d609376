"""Two stages: several models propose, a learnt ranker puts their proposals in order.

Covington, Adams and Sargin, "Deep Neural Networks for YouTube Recommendations", RecSys 2016, named the division;
boosted trees as the second stage won the OTTO and H&M competitions of 2022. Candidates stand in ``gathering``,
features in ``features``, what is learnt from in ``lessons``, the learner in ``ranker``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    Insight,
    InteractionMatrix,
    NotExplainable,
    Ranked,
    Recommender,
)
from perso_pipeline.models.recommenders.config import TwoStageConfig
from perso_pipeline.models.recommenders.features import NAMES, Moment
from perso_pipeline.models.recommenders.gathering import SAYINGS, Candidates, gather
from perso_pipeline.models.recommenders.gathering import names as names_of
from perso_pipeline.models.recommenders.lessons import Lesson, Members, described, lessons
from perso_pipeline.models.recommenders.ranker import Ranker
from perso_pipeline.models.recommenders.ranking import ranked

# Pairs described at once: 100 MB of features, whatever the number of people.
_PAIRS = 400_000
# Cormack, Clarke and Buettcher, SIGIR 2009: reciprocal rank fusion, with their constant.
_FUSION = 60.0
_INSIGHT_PEOPLE, _INSIGHT_ITEMS = 200, 10


class TwoStage:
    """score = 1 / (1 + exp(-sum of the trees for the features of person, item and moment)).

    The ranker learns from the last days before the matrix's own: for each label period the candidate models are
    fitted on what came before it. They are then fitted once more, on everything, to serve. Where fewer than
    ``min_people`` had a hit among their candidates no ranker is learnt, and the score is the sum over the candidate
    models of 1 / (60 + rank).

    Args:
        config: the settings.
        members: makes the candidate models, unfitted.
        threads: 0 for all cores; the number changes no list.
    """

    name: ClassVar[str] = "two_stage"

    def __init__(self, config: TwoStageConfig, members: Members, *, threads: int = 0) -> None:
        self._config = config
        self._make = members
        self._threads = threads
        # In the order of the roster, whatever the order in the file: equal settings, equal columns.
        self._columns = (*names_of(tuple(members())), *NAMES)

    def fit(self, data: InteractionMatrix) -> Self:
        """Learn the ranker from ``data.past``, then the candidate models from ``data``.

        Raises:
            ValueError: the matrix was made without its past; ``past.with_past`` adds it.
        """
        if data.past is None:
            msg = "two_stage learns from earlier cuts, and this training matrix has no past with it."
            raise ValueError(msg)
        ranker = self._learnt(list(lessons(data.past, data.as_of, self._make, self._config)))
        members = self._make()
        for member in members.values():
            member.fit(data)
        return self._ready(data, members, ranker)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        none = np.zeros(0, dtype=np.int64)
        subject, item, score = [none], [none], [np.zeros(0)]
        for some in self._batches(len(people), k):
            found = self._gathered(people[some], k, None if exclude is None else exclude[some])
            subject.append(found.subject + some.start)
            item.append(found.item)
            score.append(self._scored(found))
        return ranked(
            subject=np.concatenate(subject),
            item=np.concatenate(item),
            score=np.concatenate(score),
            subjects=len(people),
            items=len(self._data.items),
            k=k,
            exclude=exclude,
            no_history=np.diff(self._data.weights.indptr)[people] == 0,
        )

    def similar(self, items: Indices, k: int) -> Ranked:
        """Of the candidate model ``similar_by`` as it is: the ranker learns of people, not of items."""
        return self._members[self._config.similar_by].similar(items, k)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        """The items by which a candidate model speaks for the item: of those that can say, the one with the best rank.

        The explanation names that model in ``by``, and its score is that model's. What the ranker goes by are
        features and not items; ``contributions`` gives them.
        """
        found = self._of_one(person, np.array([item]))
        if not len(found.item):
            return NotExplainable("none of the candidate models proposes the item to the person")
        ranks = found.sayings[0, SAYINGS.index("rank") : -1 : len(SAYINGS)]
        proposing = [(float(rank), name) for rank, name in zip(ranks, self._members, strict=True) if np.isfinite(rank)]
        for _, name in sorted(proposing):
            why = self._members[name].explain(person, item)
            if isinstance(why, Explanation):
                return replace(why, by=why.by or name)
        names = " and ".join(name for _, name in sorted(proposing))
        return NotExplainable(f"it is proposed by {names}, which cannot name items of the person's history")

    def contributions(self, person: int, items: Indices) -> tuple[Indices, NDArray[np.float64], tuple[str, ...]]:
        """What each feature adds to the ranker's sum (TreeSHAP).

        Returns:
            The items that are candidates, items x features, and the names of the features; no items where no ranker
            was learnt.
        """
        found = self._of_one(person, items)
        if self._ranker is None or not len(found.item):
            return np.zeros(0, dtype=np.int64), np.zeros((0, len(self._columns))), self._columns
        return found.item, self._ranker.contributions(described(found, self._moment))[:, :-1], self._columns

    def insight(self) -> Insight | None:
        """What the ranker goes by, for the first places of a seeded draw of people; None where none was learnt."""
        known = np.flatnonzero(np.diff(self._data.weights.indptr))
        if self._ranker is None or not len(known):
            return None
        people = np.sort(np.random.default_rng(self._config.seed).permutation(known)[:_INSIGHT_PEOPLE])
        found = self._gathered(people, _INSIGHT_ITEMS, self._data.seen[people])
        score = self._scored(found)
        order = np.lexsort((found.item, -score, found.subject))
        starts = np.searchsorted(found.subject[order], found.subject[order])
        best = np.sort(order[np.arange(len(order)) - starts < _INSIGHT_ITEMS])
        return self._ranker.insight(described(found, self._moment)[best])

    def arrays(self) -> Arrays:
        made = {f"{name}.{key}": array for name, m in self._members.items() for key, array in m.arrays().items()}
        text = b"" if self._ranker is None else self._ranker.text
        return {**made, "ranker": np.frombuffer(text, dtype=np.uint8)}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        members = self._make()
        for name, member in members.items():
            own = {key.removeprefix(f"{name}."): a for key, a in arrays.items() if key.startswith(f"{name}.")}
            member.restore(own, data)
        text = np.asarray(arrays["ranker"], dtype=np.uint8).tobytes()
        return self._ready(data, members, Ranker(text, threads=self._threads) if text else None)

    def _learnt(self, taught: list[Lesson]) -> Ranker | None:
        if sum(len(lesson.group) for lesson in taught) < self._config.min_people:
            return None
        return Ranker.learnt(
            np.concatenate([lesson.features for lesson in taught]),
            np.concatenate([lesson.hit for lesson in taught]),
            np.concatenate([lesson.group for lesson in taught]),
            names=self._columns,
            config=self._config,
            threads=self._threads,
        )

    def _ready(self, data: InteractionMatrix, members: Mapping[str, Recommender], ranker: Ranker | None) -> Self:
        self._data, self._members, self._ranker = data, members, ranker
        self._moment = Moment(data)
        return self

    def _gathered(self, people: Indices, least: int, exclude: sparse.csr_matrix | None) -> Candidates:
        return gather(self._members, self._config.depths, self._data, people, least=least, exclude=exclude)

    def _of_one(self, person: int, items: Indices) -> Candidates:
        """Of ``items`` those that a member proposes to the person when it may propose nothing else."""
        others = np.setdiff1d(np.arange(len(self._data.items)), items)
        forbidden = sparse.csr_matrix(
            (np.ones(len(others)), others, [0, len(others)]), shape=(1, len(self._data.items))
        )
        return self._gathered(np.array([person]), len(items), forbidden)

    def _scored(self, found: Candidates) -> NDArray[np.float64]:
        if self._ranker is not None:
            return self._ranker.score(described(found, self._moment))
        ranks = found.sayings[:, SAYINGS.index("rank") : -1 : len(SAYINGS)].astype(np.float64)
        return np.nansum(1.0 / (_FUSION + ranks), axis=1)

    def _batches(self, people: int, least: int) -> Iterator[slice]:
        of_one = sum(max(depth, least) for depth in self._config.depths.values())
        step = max(1, _PAIRS // of_one)
        for start in range(0, people, step):
            yield slice(start, min(start + step, people))
