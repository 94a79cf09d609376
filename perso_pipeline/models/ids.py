"""Where ids stand in an ascending array of ids. Keep what is done with the positions out."""

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.protocol import Indices


def places(wanted: NDArray[np.generic], ids: NDArray[np.generic]) -> Indices:
    """Position of each of ``wanted`` in ``ids`` (ascending), -1 where it is not there."""
    if not len(ids):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, -1).astype(np.int64)
