"""EASE: a linear autoencoder without self-loops, in closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. Memory grows with the square of the
items and time with the cube: about 20,000 items (4.8 GB, minutes), beyond which it says so and stays out.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack

from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Ranked,
    TooLargeError,
    explained,
)
from perso_pipeline.models.recommenders.config import EaseConfig
from perso_pipeline.models.recommenders.dense import best_of_all
from perso_pipeline.models.recommenders.neighbours import damped
from perso_pipeline.models.recommenders.ranking import itself

# A matrix of float64 while solving, one of float32 to keep.
_BYTES_PER_CELL = 12


class Ease:
    """score = x B with B the ridge regression of every item on all others (x is damped interest)."""

    name: ClassVar[str] = "ease"

    def __init__(self, config: EaseConfig) -> None:
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        """Learn B.

        Raises:
            TooLargeError: the matrix of items by items would need more than ``max_gigabytes``.
        """
        items = len(data.items)
        needed = _BYTES_PER_CELL * items**2 / 1e9
        if needed > self._config.max_gigabytes:
            msg = (
                f"ease on {items:,} items needs {needed:.1f} GB, more than ease.max_gigabytes in models.yml "
                f"({self._config.max_gigabytes:g}); raise it where the memory is there, or take ease out of race."
            )
            raise TooLargeError(msg)
        history = damped(data)
        gram = np.asfortranarray((history.T @ history).toarray())
        gram[np.diag_indices(items)] += self._config.regularization
        factor, fault = lapack.dpotrf(gram, lower=1, overwrite_a=1)
        assert fault == 0, "a gram matrix plus a positive diagonal is positive definite"
        inverse, fault = lapack.dpotri(factor, lower=1, overwrite_c=1)
        assert fault == 0
        diagonal = np.diag(inverse).copy()
        weights = np.tril(inverse, -1).astype(np.float32)
        weights += weights.T
        weights /= -diagonal.astype(np.float32)
        return self.restore({"weights": weights}, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        no_history = np.diff(self._history.indptr)[people] == 0
        return best_of_all(self.scores, people, k, items=self._items, exclude=exclude, no_history=no_history)

    def scores(self, people: Indices) -> NDArray[np.float32]:
        """len(people) x items, dense."""
        return np.asarray(self._history[people] @ self._weights)

    def similar(self, items: Indices, k: int) -> Ranked:
        own = itself(items, self._items)
        return best_of_all(lambda some: self._weights[some].copy(), items, k, items=self._items, exclude=own)

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        history = self._history[[person]]
        return explained(history.indices, history.data * self._weights[history.indices, item])

    def arrays(self) -> Arrays:
        return {"weights": self._weights}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        self._items = len(data.items)
        self._history = damped(data).astype(np.float32)
        self._weights: NDArray[np.float32] = np.asarray(arrays["weights"], dtype=np.float32)
        return self
