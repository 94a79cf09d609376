"""More like this: items whose words and traits are alike, whether anybody has met them or not.

TF-IDF (Sparck Jones 1972) and cosine, from scikit-learn; Adobe Commerce's "more like this" reads the same fields.
"""

from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from perso_pipeline.models.protocol import Indices, InteractionMatrix
from perso_pipeline.models.recommenders.config import ContentConfig
from perso_pipeline.models.recommenders.neighbours import NeighbourModel, product


class Content(NeighbourModel):
    """likeness = cosine of name and description (words) beside brand, category levels and attributes (traits)."""

    name: ClassVar[str] = "content"

    def __init__(self, config: ContentConfig, *, threads: int = 0) -> None:
        super().__init__(threads)
        self._config = config

    def fit(self, data: InteractionMatrix) -> Self:
        return self.fit_for(data, np.arange(len(data.items)))

    def fit_for(self, data: InteractionMatrix, items: Indices) -> Self:
        """Learn the neighbours of ``items`` (columns) alone; the others have none."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.preprocessing import normalize

        if data.catalogue is None:
            msg = "content reads the catalogue, and this training matrix has none with it."
            raise ValueError(msg)
        parts = [
            _weighed(TfidfVectorizer(sublinear_tf=True), data.catalogue.text.tolist()),
            _weighed(TfidfVectorizer(tokenizer=_lines, token_pattern=None, binary=True), data.catalogue.traits.tolist())
            * self._config.trait_weight,
        ]
        described = normalize(sparse.hstack(parts, format="csr"))
        found = product(described[items], described.T.tocsr(), self._config.neighbours + 1, threads=self._threads)
        rows = np.repeat(items, np.diff(found.indptr))
        alike = found.data >= self._config.min_likeness
        size = len(data.items)
        triples = (found.data[alike], (rows[alike], found.indices[alike]))
        return self._learnt(sparse.csr_matrix(triples, shape=(size, size)), data)


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _weighed(vectorizer: Any, texts: list[str]) -> sparse.csr_matrix:
    """Items x terms; nothing at all where no item has a term."""
    analyse = vectorizer.build_analyzer()
    if not any(analyse(text) for text in texts):
        return sparse.csr_matrix((len(texts), 1))
    return sparse.csr_matrix(vectorizer.fit_transform(texts), dtype=np.float64)
