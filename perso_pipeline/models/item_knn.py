"""Item neighbours: items are alike when the same people like them (implicit's kNN kernels)."""

from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.config import ItemKnnConfig
from perso_pipeline.models.protocol import (
    Arrays,
    Explanation,
    Indices,
    InteractionMatrix,
    NotExplainable,
    Origin,
    Ranked,
)
from perso_pipeline.models.ranking import itself, ranked


class ItemKnn:
    """score(person, item) = sum over the person's items of weight x similarity to the item.

    Weights are log1p of the interest, so that one much repeated item does not own the list. An item is no
    neighbour of itself: with the diagonal left in, a list that is not filtered is the person's own past.
    """

    name: ClassVar[str] = "item_knn"

    def __init__(self, config: ItemKnnConfig, *, threads: int = 0) -> None:
        self._config = config
        self._threads = threads

    def fit(self, data: InteractionMatrix) -> Self:
        from implicit.nearest_neighbours import ItemItemRecommender

        damped = _damped(data)
        weighted = _bm25(damped, self._config) if self._config.weighting == "bm25" else _cosine(damped)
        # One more neighbour than asked: the item itself is the first.
        model = ItemItemRecommender(K=self._config.neighbours + 1, num_threads=self._threads)
        model.fit(weighted, show_progress=False)
        return self._attach(model.similarity, data)

    def recommend(self, people: Indices, k: int, exclude: sparse.csr_matrix | None = None) -> Ranked:
        history = self._history
        spare = np.zeros(len(people), dtype=np.int64) if exclude is None else np.diff(exclude.indptr)
        total = self._similarity.shape[0]
        subject, item, score = [], [], []
        for position, person in enumerate(people):
            start, end = history.indptr[person], history.indptr[person + 1]
            columns, scores = self._scorer.recommend(
                np.array([0, end - start], dtype=np.int32),
                history.indices[start:end],
                history.data[start:end],
                K=min(total, k + int(spare[position])),
                remove_own_likes=False,
            )
            subject.append(np.full(len(columns), position))
            item.append(columns)
            score.append(scores)
        return ranked(
            subject=np.concatenate(subject) if subject else np.zeros(0, dtype=np.int64),
            item=np.concatenate(item) if item else np.zeros(0, dtype=np.int64),
            score=np.concatenate(score) if score else np.zeros(0),
            subjects=len(people),
            items=total,
            k=k,
            exclude=exclude,
            no_history=np.diff(history.indptr)[people] == 0,
        )

    def similar(self, items: Indices, k: int) -> Ranked:
        rows = self._similarity[items]
        return ranked(
            subject=np.repeat(np.arange(len(items)), np.diff(rows.indptr)),
            item=rows.indices,
            score=rows.data,
            subjects=len(items),
            items=self._similarity.shape[0],
            k=k,
            exclude=itself(items, self._similarity.shape[0]),
        )

    def explain(self, person: int, item: int) -> Explanation | NotExplainable:
        history = self._history[person]
        parts = history.data * self._similarity[history.indices, item].toarray().ravel()
        score = float(parts.sum())
        if score <= 0:
            return NotExplainable("nothing in the person's history is a neighbour of the item")
        order = [place for place in np.argsort(-parts, kind="stable") if parts[place] > 0]
        origins = tuple(Origin(int(history.indices[place]), float(parts[place] / score)) for place in order)
        return Explanation(score, origins)

    def arrays(self) -> Arrays:
        matrix = self._similarity
        return {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}

    def restore(self, arrays: Arrays, data: InteractionMatrix) -> Self:
        total = len(data.items)
        similarity = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(total, total))
        return self._attach(similarity, data)

    def _attach(self, similarity: sparse.csr_matrix, data: InteractionMatrix) -> Self:
        from implicit.nearest_neighbours import NearestNeighboursScorer

        triples = similarity.tocoo()
        keep = (triples.row != triples.col) & (triples.data > 0)
        self._similarity = sparse.csr_matrix(
            (triples.data[keep], (triples.row[keep], triples.col[keep])), shape=similarity.shape
        )
        self._similarity.sort_indices()
        self._scorer = NearestNeighboursScorer(self._similarity)
        self._history = _damped(data)
        return self


def _damped(data: InteractionMatrix) -> sparse.csr_matrix:
    weights = data.weights
    return sparse.csr_matrix((np.log1p(weights.data), weights.indices, weights.indptr), shape=weights.shape)


def _bm25(history: sparse.csr_matrix, config: ItemKnnConfig) -> sparse.csr_matrix:
    """Items as documents, people as terms, as implicit's ``bm25_weight``, with one mend.

    A person with every item would have a negative idf there, and two negatives would make a likeness; here
    such a person says nothing.
    """
    people, items = history.shape
    sizes = np.diff(history.indptr)
    idf = np.maximum(np.log(items) - np.log1p(sizes), 0.0)[np.repeat(np.arange(people), sizes)]
    popularity = np.bincount(history.indices, weights=history.data, minlength=items)
    length = (1.0 - config.b) + config.b * popularity[history.indices] / popularity.mean()
    weight = history.data * (config.k1 + 1.0) / (config.k1 * length + history.data) * idf
    return sparse.csr_matrix((weight, history.indices, history.indptr), shape=history.shape)


def _cosine(history: sparse.csr_matrix) -> sparse.csr_matrix:
    norm = np.sqrt(np.bincount(history.indices, weights=history.data**2, minlength=history.shape[1]))
    return sparse.csr_matrix(
        (history.data / norm[history.indices], history.indices, history.indptr), shape=history.shape
    )
