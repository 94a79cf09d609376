"""What a ranker learns from: candidates and features of an earlier cut, and what people wanted from the cut on.

Everything but the labels comes from a matrix of what came strictly before the cut; here is the place to check it.
Keep the learner out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.ids import places
from perso_pipeline.models.protocol import Indices, InteractionMatrix, Past, Recommender
from perso_pipeline.models.recommenders.config import TwoStageConfig
from perso_pipeline.models.recommenders.features import Moment
from perso_pipeline.models.recommenders.gathering import Candidates, gather

Members = Callable[[], Mapping[str, Recommender]]


@dataclass(frozen=True, slots=True)
class Lesson:
    """The candidates of one label period and what became of them.

    Attributes:
        cut: features are of what came strictly before it, labels of what came from it on.
        end: the first day after the label period.
        people: id of each pair's person.
        items: id of each pair's item; nothing that the person had before the cut.
        features: pairs x features, sorted by person.
        hit: which pairs the person wanted.
        group: pairs of each person, in the order of the rows.
    """

    cut: date
    end: date
    people: NDArray[np.str_]
    items: NDArray[np.str_]
    features: NDArray[np.float32]
    hit: NDArray[np.bool_]
    group: Indices


def lessons(past: Past, as_of: date, members: Members, config: TwoStageConfig) -> Iterator[Lesson]:
    """One per label period, the newest first; a period without anything before it ends the row."""
    for number in range(config.periods):
        end = as_of - timedelta(days=number * config.label_days)
        cut = end - timedelta(days=config.label_days)
        if past.first >= cut:
            return
        made = lesson(past, cut, end, members(), config)
        if made is not None:
            yield made


def lesson(
    past: Past, cut: date, end: date, models: Mapping[str, Recommender], config: TwoStageConfig
) -> Lesson | None:
    """The lesson of the days from ``cut`` up to before ``end``; None where nobody known wanted anything new.

    Args:
        past: what can be seen again.
        cut: the moment of impression.
        end: the first day after the label period.
        models: the candidate models, unfitted; they are fitted on what came before the cut.
        config: depths, the number of people and the seed of their draw.
    """
    data = past.matrix(cut)
    assert past.first < cut == data.as_of < end, f"train < cut <= label must hold, got {data.as_of}, {cut}, {end}"
    wanted = _wanted(past, cut, end, data)
    people = np.flatnonzero(np.diff(wanted.indptr))
    if not len(people):
        return None
    people = np.sort(np.random.default_rng(config.seed).permutation(people)[: config.max_people])
    for model in models.values():
        model.fit(data)
    found = gather(models, config.depths, data, people, least=1, exclude=data.seen[people])
    hit = np.asarray(wanted[found.person, found.item]).ravel() > 0 if len(found.person) else np.zeros(0, dtype=bool)
    # Somebody of whose candidates none was wanted teaches nothing about order.
    hits = np.bincount(found.subject, weights=hit, minlength=len(people))
    kept = hits[found.subject] > 0
    sizes = np.bincount(found.subject[kept], minlength=len(people))
    return Lesson(
        cut=cut,
        end=end,
        people=data.people[found.person[kept]],
        items=data.items[found.item[kept]],
        features=described(found, Moment(data))[kept],
        hit=hit[kept],
        group=sizes[sizes > 0],
    )


def described(found: Candidates, moment: Moment) -> NDArray[np.float32]:
    """Pairs x (what the candidate models say, then the features of the moment)."""
    return np.hstack([found.sayings, moment.of(found.person, found.item)])


def _wanted(past: Past, cut: date, end: date, data: InteractionMatrix) -> sparse.csr_matrix:
    """People x items of ``data``: what each wanted from ``cut`` on that they did not have before."""
    person_ids, item_ids = past.wanted(cut, end)
    row, column = places(person_ids, data.people), places(item_ids, data.items)
    known = (row >= 0) & (column >= 0)
    made = sparse.csr_matrix((np.ones(int(known.sum())), (row[known], column[known])), shape=data.weights.shape)
    fresh = (made - made.multiply(data.seen)).tocsr()
    fresh.eliminate_zeros()
    return fresh
