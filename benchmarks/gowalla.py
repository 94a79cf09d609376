"""The Gowalla split of the LightGCN papers as our matrix, and a validation part of its train."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from perso_pipeline.models.protocol import InteractionMatrix

DATA = Path(__file__).parents[2] / "shared" / "data" / "gowalla_lightgcn"
VALIDATION_PEOPLE = 3000
VALIDATION_SHARE = 0.2
VALIDATION_SEED = 20261121


def read(folder: Path) -> tuple[InteractionMatrix, sparse.csr_matrix]:
    """Train as our matrix (every weight 1, every age a day) and test as people x items."""
    train, test = (pq.read_table(folder / f"{part}.parquet") for part in ("train", "test"))
    shape = tuple(
        max(int(pc.max(part.column(name)).as_py()) for part in (train, test)) + 1 for name in ("user_id", "item_id")
    )

    def matrix(part: pa.Table) -> sparse.csr_matrix:
        rows, columns = part.column("user_id").to_numpy(), part.column("item_id").to_numpy()
        made = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        made.sum_duplicates()
        made.data[:] = 1.0
        return made

    return as_data(matrix(train)), matrix(test)


def as_data(weights: sparse.csr_matrix) -> InteractionMatrix:
    weights.sort_indices()
    return InteractionMatrix(
        weights=weights,
        people=np.array([f"{n:08d}" for n in range(weights.shape[0])]),
        items=np.array([f"{n:08d}" for n in range(weights.shape[1])]),
        last_age_days=np.ones(weights.nnz, dtype=np.int32),
        daily_people=sparse.csr_matrix((weights.shape[1], 2)),
        as_of=date(2010, 10, 1),
        fingerprint="gowalla",
    )


def validation(train: InteractionMatrix) -> tuple[InteractionMatrix, sparse.csr_matrix]:
    """Train without a fifth of the pairs of some people, and those pairs; the test part is not touched."""
    rng = np.random.default_rng(VALIDATION_SEED)
    weights = train.weights
    size = np.diff(weights.indptr)
    people = rng.choice(np.flatnonzero(size >= 5), VALIDATION_PEOPLE, replace=False)
    held = np.zeros(weights.nnz, dtype=bool)
    for person in np.sort(people):
        count = round(VALIDATION_SHARE * int(size[person]))
        held[weights.indptr[person] + rng.choice(size[person], count, replace=False)] = True
    rows = np.repeat(np.arange(weights.shape[0]), size)

    def part(which: np.ndarray) -> sparse.csr_matrix:
        return sparse.csr_matrix((weights.data[which], (rows[which], weights.indices[which])), shape=weights.shape)

    return as_data(part(~held)), part(held)
