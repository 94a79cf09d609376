"""BSPM: the graph filter blurs, a sharpening step then takes back what everybody shares.

Choi, Hong, Park and Cho, "Blurring-Sharpening Process Models for Collaborative Filtering", SIGIR 2023: the
variant with early merge (the low-pass term is sharpened too).
"""

from typing import ClassVar

from perso_pipeline.models.recommenders.config import BspmConfig
from perso_pipeline.models.recommenders.graph_filter import Columns, GraphFilter


class Bspm(GraphFilter):
    """Sharpening follows dS/dt = -S P for ``sharpening`` units of time in one Runge-Kutta step of order 4.

    For a linear equation that step is the Taylor polynomial of exp(-time x P) to the fourth power.
    """

    name: ClassVar[str] = "bspm"

    def __init__(self, config: BspmConfig) -> None:
        super().__init__(config)
        self._time = config.sharpening

    def _sharpened(self, columns: Columns) -> Columns:
        total, term = columns, columns
        for power in range(1, 5):
            term = self._blurred(term) * (-self._time / power)
            total = total + term
        return total
