"""Lists of models that score every item for a person: in chunks that bound memory, steadied, best ones out.

Keep the arithmetic of single models out; they hand in a function from subjects to a block of scores.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import Indices, Ranked
from perso_pipeline.models.recommenders.ranking import ranked_parts

# Cells of one block of scores: 64 MB of float32, whatever the number of people or items.
_CELLS = 2**24
# Scores are kept to 2^-17 of the subject's largest. Below that, single precision gives noise that depends on
# the shape of the block; without this, ties would fall differently alone and in company, and items without
# any path to the subject would be listed for a score of 1e-9.
_STEPS = 2.0**17


def best_of_all(
    scores: Callable[[Indices], NDArray[np.float32]],
    subjects: Indices,
    k: int,
    *,
    items: int,
    exclude: sparse.csr_matrix | None,
    no_history: NDArray[np.bool_] | None = None,
) -> Ranked:
    """At most ``k`` items with a score above 0 for each subject.

    Args:
        scores: subjects to subjects x items.
        subjects: rows or columns of the matrix, as ``scores`` takes them.
        k: length asked for.
        items: number of columns.
        exclude: len(subjects) x items; stored values are forbidden.
        no_history: subjects that the model knows nothing about; they get no list.
    """
    parts = []
    step = max(1, _CELLS // max(items, 1))
    for start in range(0, len(subjects), step):
        block = steadied(scores(subjects[start : start + step]))
        if exclude is not None:
            own = exclude[start : start + step]
            block[np.repeat(np.arange(own.shape[0]), np.diff(own.indptr)), own.indices] = 0.0
        if no_history is not None:
            block[no_history[start : start + step]] = 0.0
        most = min(k, items)
        top = np.argpartition(block, items - most, axis=1)[:, items - most :]
        values = np.take_along_axis(block, top, axis=1)
        row, place = np.nonzero(values > 0)
        parts.append((row + start, top[row, place], values[row, place]))
    return ranked_parts(parts, subjects=len(subjects), items=items, k=k, exclude=exclude, no_history=no_history)


def steadied(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """``block`` with each row rounded to a grid of powers of two; rows without a score above 0 become 0."""
    largest = block.max(axis=1, initial=0.0)
    some = largest > 0
    grid = np.ones(len(block), dtype=np.float32)
    grid[some] = 2.0 ** np.ceil(np.log2(largest[some])) / _STEPS
    block /= grid[:, None]
    np.rint(block, out=block)
    block *= grid[:, None]
    block[~some] = 0.0
    return block
