"""What people hold of groups of items, such as categories or brands, as columns for ``features``.

Keep everything that is of one item or of one person alone in ``features``.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import Indices, InteractionMatrix

Column = NDArray[np.float64]


class Groups:
    """People's interest in groups of items, such as categories or brands; NaN for items of none.

    Args:
        data: the matrix of the moment.
        names: group of each item; empty for none.
        recent: of each item, the people of the last days.
        last_visit: people x items of 0 and 1, what each met on the last day.
    """

    def __init__(
        self, data: InteractionMatrix, names: NDArray[np.str_], recent: Column, last_visit: sparse.csr_matrix
    ) -> None:
        people, items = data.weights.shape
        found, self._group = np.unique(names, return_inverse=True)
        self._named = names != ""
        member = sparse.csr_matrix(
            (self._named.astype(np.float64), (np.arange(items), self._group)), shape=(items, len(found))
        )
        self._interest = (data.weights @ member).tocsr()
        self._of_visit = (last_visit @ member).tocsr()
        self._visited = row_sums(last_visit)
        self._total = row_sums(data.weights)
        self._newest = self._newest_ages(data, (people, len(found)))
        of_group: Column = np.bincount(self._group, weights=recent, minlength=len(found)).astype(np.float64)
        self._within = ratio(recent, of_group[self._group])

    def share(self, person: Indices, item: Indices) -> Column:
        return self._of_named(item, ratio(at(self._interest, person, self._group[item]), self._total[person]))

    def age(self, person: Indices, item: Indices) -> Column:
        """Days since the person met the group; NaN where never."""
        newest = at(self._newest, person, self._group[item])
        return self._of_named(item, np.where(newest > 0, newest, np.nan))

    def share_of_last_visit(self, person: Indices, item: Indices) -> Column:
        return self._of_named(item, ratio(at(self._of_visit, person, self._group[item]), self._visited[person]))

    def share_within(self, item: Indices) -> Column:
        return self._of_named(item, self._within[item])

    def _newest_ages(self, data: InteractionMatrix, shape: tuple[int, int]) -> sparse.csr_matrix:
        row = np.repeat(np.arange(shape[0]), np.diff(data.weights.indptr))
        key = row * shape[1] + self._group[data.weights.indices]
        order = np.lexsort((data.last_age_days, key))
        key, first = np.unique(key[order], return_index=True)
        ages = data.last_age_days[order][first].astype(np.float64)
        return sparse.csr_matrix((ages, np.divmod(key, shape[1])), shape=shape)

    def _of_named(self, item: Indices, values: Column) -> Column:
        return np.where(self._named[item], values, np.nan)


def row_sums(matrix: sparse.spmatrix) -> Column:
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()


def ratio(part: Column, whole: Column) -> Column:
    """``part`` / ``whole``; NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def at(matrix: sparse.csr_matrix, row: Indices, column: Indices) -> Column:
    return np.asarray(matrix[row, column], dtype=np.float64).ravel() if len(row) else np.zeros(0)
