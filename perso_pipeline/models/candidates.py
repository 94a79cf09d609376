"""Candidate lists of a fitted model as rows for the warehouse.

Two batches of subjects are answered at a time, for much of an answer is one thread's work.

Nothing is filtered here but an item from its own list and what the site blocks for every list: what somebody
bought or blocked, or what is sold out, is left to ``recommendations``, which is why the lists are deep.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.config import CandidatesConfig
from perso_pipeline.models.names import Task
from perso_pipeline.models.protocol import Indices, InteractionMatrix, Ranked, Recommender
from perso_pipeline.models.recommenders.factors import one_blas_thread
from perso_pipeline.models.recommenders.ranking import ranked
from perso_pipeline.resources.in_turn import in_turn

ANYONE = "anyone"
MAIN = "main"  # the submodel of lists that were made of the whole site
WHOLE = "*"  # their group

SCHEMA = pa.schema(
    [
        ("night", pa.date32()),
        ("site_id", pa.string()),
        ("task", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("submodel", pa.string()),
        ("submodel_group", pa.string()),
        ("subject_type", pa.string()),
        ("subject_id", pa.string()),
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float64()),
    ]
)
_TEXT = pa.dictionary(pa.int32(), pa.string())
_CODED = pa.schema([field.with_type(_TEXT) if pa.types.is_string(field.type) else field for field in SCHEMA])


class CandidateRows:
    """Turns lists into rows of ``models.candidates`` for one night and site."""

    def __init__(
        self,
        night: date,
        site_id: str,
        data: InteractionMatrix,
        config: CandidatesConfig,
        *,
        blocked: Collection[str] = (),
        submodel: str = MAIN,
        group: str = WHOLE,
    ) -> None:
        self._night = night
        self._site_id = site_id
        self._data = data
        self._config = config
        self._part = (submodel, group)
        self._blocked = np.flatnonzero(np.isin(data.items, list(blocked)))

    def for_people(self, model: Recommender, version: str) -> Iterator[pa.RecordBatch]:
        """The deepest lists, one per person of the matrix."""
        depth = self._config.per_person
        yield from self._batches(
            "personal", model, version, "person", self._data.people, lambda some: self._recommended(model, some, depth)
        )

    def for_items(self, model: Recommender, version: str, some: Indices | None = None) -> Iterator[pa.RecordBatch]:
        """One list of other items per item of the matrix, or per column in ``some``."""
        depth = self._config.per_item
        columns = np.arange(len(self._data.items)) if some is None else some
        yield from self._batches(
            "similar",
            model,
            version,
            "item",
            self._data.items[columns],
            lambda places: self._similar(model, columns[places], depth),
        )

    def for_anyone(self, model: Recommender, version: str) -> Iterator[pa.RecordBatch]:
        """The one list of a model that gives everyone the same."""
        lists = self._recommended(model, np.zeros(1, dtype=np.int64), self._config.anyone)
        yield self._rows("personal", model.name, version, "anyone", np.array([ANYONE]), lists)

    def _recommended(self, model: Recommender, people: Indices, depth: int) -> Ranked:
        if not len(self._blocked):
            return model.recommend(people, depth)
        rows = np.repeat(np.arange(len(people)), len(self._blocked))
        everyone = (np.ones(len(rows)), (rows, np.tile(self._blocked, len(people))))
        shape = (len(people), len(self._data.items))
        return model.recommend(people, depth, exclude=sparse.csr_matrix(everyone, shape=shape))

    def _similar(self, model: Recommender, items: Indices, depth: int) -> Ranked:
        """``similar`` takes no exclusions: as many more are asked for as are blocked."""
        lists = model.similar(items, depth + len(self._blocked))
        if not len(self._blocked):
            return lists
        kept = ~np.isin(lists.item, self._blocked)
        return ranked(
            subject=lists.subject[kept],
            item=lists.item[kept],
            score=lists.score[kept],
            subjects=lists.subjects,
            items=len(self._data.items),
            k=depth,
        )

    def _batches(
        self,
        task: Task,
        model: Recommender,
        version: str,
        subject_type: Literal["person", "item"],
        ids: NDArray[np.str_],
        ask: Callable[[Indices], Ranked],
    ) -> Iterator[pa.RecordBatch]:
        def answer(some: Indices) -> pa.RecordBatch:
            return self._rows(task, model.name, version, subject_type, ids[some], ask(some))

        step = self._config.subjects_per_batch
        starts = range(0, len(ids), step)
        with one_blas_thread():  # around all of them, for the limit is the whole process's
            yield from in_turn(answer, (np.arange(start, min(start + step, len(ids))) for start in starts))

    def _rows(
        self, task: Task, model: str, version: str, subject_type: str, ids: NDArray[np.str_], lists: Ranked
    ) -> pa.RecordBatch:
        count = len(lists.subject)

        def same(value: str) -> pa.DictionaryArray:
            return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([value]))

        items = pa.array(self._data.items, pa.string())
        columns = [
            pa.array(np.full(count, np.datetime64(self._night, "D"))),
            same(self._site_id),
            same(task),
            same(model),
            same(version),
            same(self._part[0]),
            same(self._part[1]),
            same(subject_type),
            pa.DictionaryArray.from_arrays(pa.array(lists.subject.astype(np.int32)), pa.array(ids, pa.string())),
            pa.array(lists.rank),
            pa.DictionaryArray.from_arrays(pa.array(lists.item.astype(np.int32)), items),
            pa.array(lists.score),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_CODED)


def as_table(batches: list[pa.RecordBatch]) -> pa.Table:
    """All rows; strings stay coded, which keeps a row near 50 bytes."""
    return pa.Table.from_batches(batches, schema=_CODED)
