"""Counting pairs of items in rows (visits, orders, walks from view to purchase): shared by the pair models."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from perso_pipeline.models.protocol import KINDS, InteractionMatrix, Journal
from perso_pipeline.models.recommenders.neighbours import product


def needed_journal(data: InteractionMatrix, model: str) -> Journal:
    """The journal of ``data``.

    Raises:
        ValueError: it was not read; ``evidence.with_evidence`` adds it.
    """
    if data.journal is None:
        msg = f"{model} reads single events, and this training matrix has none with it."
        raise ValueError(msg)
    return data.journal


def orders_of(journal: Journal, items: int) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
    """Orders x (person, second), and orders x items of 0 and 1; an order is a person's purchases of one second."""
    bought = journal.kind == KINDS.index("purchase")
    moments = np.stack([journal.person[bought], journal.second[bought]], axis=1)
    orders, order = np.unique(moments, axis=0, return_inverse=True)
    held = sparse.csr_matrix((np.ones(len(moments)), (order.ravel(), journal.item[bought])), shape=(len(orders), items))
    held.data[:] = 1.0
    return orders, held


def discounted_pairs(
    from_rows: sparse.csr_matrix,
    to_rows: sparse.csr_matrix,
    *,
    discount: float,
    least: int,
    neighbours: int,
    threads: int,
) -> sparse.csr_matrix:
    """Items x items: rows with i in ``from_rows`` and j in ``to_rows`` / rows of j ^ ``discount``.

    Args:
        from_rows: rows x items of 0 and 1.
        to_rows: the same rows.
        discount: 0 counts, 1 compares with chance.
        least: pairs in fewer rows are left out.
        neighbours: of each row the largest so many stay, counted before ``least``.
        threads: 0 for all cores.
    """
    popularity = np.maximum(np.bincount(to_rows.indices, minlength=to_rows.shape[1]), 1) ** discount
    scaled = sparse.csr_matrix(
        (to_rows.data / popularity[to_rows.indices], to_rows.indices, to_rows.indptr), shape=to_rows.shape
    )
    # One more than asked: where both sides are the same rows, the item itself is among its neighbours.
    likeness = product(from_rows.T.tocsr(), scaled, neighbours + 1, threads=threads)
    counts = np.rint(likeness.data * popularity[likeness.indices])
    likeness.data[counts < least] = 0.0
    likeness.eliminate_zeros()
    return likeness


def ranges(starts: NDArray[np.integer], ends: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of every half-open range [start, end) in a row, and which range each came from."""
    lengths = np.maximum(ends - starts, 0)
    which = np.repeat(np.arange(len(starts)), lengths)
    offset = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) - offset[which] + starts[which], which
