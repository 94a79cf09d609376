"""Candidates as arrays: runs of items, best first, and where each subject's runs begin and end.

A run is one subject's own list or one list that many read. Reading is ``part``'s, order under rules is ``ranking``'s.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from perso_pipeline.recommendations.composition.catalogue import Catalogue
from perso_pipeline.recommendations.composition.pairs import Indices

Maker = tuple[str, str]
NO_LIST = -1


@dataclass(frozen=True, slots=True)
class Runs:
    """Candidates in runs that lie one after another.

    Attributes:
        bounds: Where each run begins, and the end of the last; one more than there are runs.
        item: Item of each candidate.
        score: Its score; within a run by score, greatest first, then item.
        maker: Position in ``makers``.
        makers: Model and version.
        origins: Items that led to the candidate, strongest first; None where there are none, or where it is the
            item that the list is for.
    """

    bounds: Indices
    item: Indices
    score: NDArray[np.float64]
    maker: Indices
    makers: tuple[Maker, ...]
    origins: pa.ListArray | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """Lists of a shared source: run n is the list of ``keys[n]``, a pair of site and key."""

    runs: Runs
    keys: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one source offers the subjects of a part.

    Attributes:
        runs: Own lists, run n being subject n's, or lists that are shared.
        lists: Of shared ones the runs that each subject reads, subjects x most runs of one, ``NO_LIST`` beyond; None
            for own lists.
        note: Position in ``notes`` for each cell of ``lists``, or each subject.
        notes: What a row says of how its list was chosen; None says nothing.
        is_like_the_subject: Whether what led to a candidate is the item that the list is for.
    """

    runs: Runs
    lists: Indices | None
    note: Indices
    notes: tuple[str | None, ...]
    is_like_the_subject: bool = False


def own_runs(rows: pa.Table, catalogue: Catalogue, *, subjects: int, makers: tuple[Maker, ...]) -> Runs:
    """Runs of rows (subject_no, catalogue_no, item_id, score, and maker or model and version), one per subject."""
    subject = rows["subject_no"].to_numpy().astype(np.int64)
    item = catalogue.numbers(rows)
    score = rows["score"].to_numpy()
    if "maker" in rows.column_names:
        maker = rows["maker"].to_numpy().astype(np.int64)
    else:
        maker, makers = coded_makers(rows)
    origins = None
    if "origin_items" in rows.column_names:
        given = rows["origin_items"].combine_chunks()
        origins = pa.ListArray.from_arrays(given.offsets, pa.array(catalogue.number_of[given.values.to_numpy()]))
    order = ordered(subject, score, item)
    if order is not None:
        subject, item, score, maker = subject[order], item[order], score[order], maker[order]
        origins = origins.take(pa.array(order)) if origins is not None else None
    bounds = np.searchsorted(subject, np.arange(subjects + 1))
    return Runs(bounds, item, score, maker, makers, origins)


def shared_lists(rows: pa.Table, catalogue: Catalogue) -> Shared:
    """Lists of rows (site_id, key, catalogue_no, item_id, score, model, version) that stand in order."""
    site, key = (rows[name].combine_chunks().dictionary_encode() for name in ("site_id", "key"))
    code = site.indices.to_numpy().astype(np.int64) * max(len(key.dictionary), 1) + key.indices.to_numpy()
    begins = np.flatnonzero(np.r_[True, code[1:] != code[:-1]]) if len(code) else np.zeros(0, np.int64)
    keys = zip(rows["site_id"].take(begins).to_pylist(), rows["key"].take(begins).to_pylist(), strict=True)
    maker, makers = coded_makers(rows)
    runs = Runs(
        bounds=np.r_[begins, len(code)],
        item=catalogue.numbers(rows),
        score=rows["score"].to_numpy(),
        maker=maker,
        makers=makers,
    )
    return Shared(runs, {pair: n for n, pair in enumerate(keys)})


def coded_makers(rows: pa.Table) -> tuple[Indices, tuple[Maker, ...]]:
    """``model`` and ``version`` of rows as positions in a list of both."""
    model, version = (rows[name].combine_chunks().dictionary_encode() for name in ("model", "version"))
    names, versions = model.dictionary.to_pylist(), version.dictionary.to_pylist()
    code = model.indices.to_numpy().astype(np.int64) * max(len(versions), 1) + version.indices.to_numpy()
    used, position = np.unique(code, return_inverse=True)
    pairs = tuple((names[c // len(versions)], versions[c % len(versions)]) for c in used.tolist())
    return position.astype(np.int64), pairs


def ordered(run: Indices, score: NDArray[np.float64], item: Indices) -> Indices | None:
    """The order by run, score (greatest first) and item; None where it is so already.

    By score alone and then by run, small numbers without comparisons, takes a fifth of sorting by all three, which is
    only done with runs whose equal scores that left in the wrong order.
    """
    if _is_ordered(run, score, item).all():
        return None
    few = run.astype(np.uint16) if run.max() <= np.iinfo(np.uint16).max else run
    order = np.argsort(-score)
    order = order[np.argsort(few[order], kind="stable")]
    sorted_run = run[order]
    wrong = np.flatnonzero(~_is_ordered(sorted_run, score[order], item[order]))
    if len(wrong):
        is_wrong = np.zeros(run.max() + 1, bool)
        is_wrong[sorted_run[wrong]] = True
        places = np.flatnonzero(is_wrong[sorted_run])
        some = order[places]
        order[places] = some[np.lexsort((item[some], -score[some], run[some]))]
    return order


def _is_ordered(run: Indices, score: NDArray[np.float64], item: Indices) -> NDArray[np.bool_]:
    """Of each row but the last whether it may stand before the next."""
    later = run[1:] > run[:-1]
    same = run[1:] == run[:-1]
    lower = score[1:] < score[:-1]
    tied = (score[1:] == score[:-1]) & (item[1:] > item[:-1])
    return later | (same & (lower | tied))
