"""The search that both value models share. Keep likelihoods out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]

_OPTIONS = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8}


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where the loss is least, and how much it is there."""

    place: Floats
    loss: float


def maximum(
    loss: Callable[[Floats], tuple[float, Floats]],
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
) -> Maximum | None:
    """Minimise a mean negative log-likelihood given with its gradient; None where no start leads anywhere.

    The first start usually suffices. The others are tried where the search failed or stopped at a bound, which on
    CDNOW never happens and on a few hundred buyers often does.
    """
    best: Maximum | None = None
    for start in starts:
        with threadpool_limits(1):  # threads gain nothing on vectors and may change the last digits of sums
            found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_OPTIONS)
        if not (found.success and np.isfinite(found.fun)):
            continue
        if best is None or found.fun < best.loss:
            best = Maximum(found.x, float(found.fun))
        is_inside = all(low < x < high for x, (low, high) in zip(found.x, bounds, strict=True))
        if is_inside:
            break
    return best
