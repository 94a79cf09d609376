"""The past behind a matrix: the same site as it stood at an earlier cut, and what was wanted afterwards.

For models that learn from cuts of their own (``two_stage``). Nothing of the matrix's own day or later comes out of
here, whatever the signals hold. Keep features and labels out.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from perso_pipeline.models.config import SignalsConfig
from perso_pipeline.models.evidence import Evidence, with_evidence
from perso_pipeline.models.protocol import InteractionMatrix
from perso_pipeline.models.signals import Signals, matrix_as_of, to_date, to_day


@dataclass(frozen=True, slots=True)
class SignalsPast:
    """The past of a site from its signals and evidence; the first day that may not be seen is ``until``."""

    signals: Signals
    config: SignalsConfig
    evidence: Evidence | None
    until: date

    @property
    def first(self) -> date:
        """The first day with a signal; ``until`` where there is none before it."""
        return to_date(min(int(self.signals.day.min(initial=to_day(self.until))), to_day(self.until)))

    def matrix(self, cut: date) -> InteractionMatrix:
        """What came strictly before ``cut``; people and items of later days have no row and no column.

        Raises:
            ValueError: the cut lies after ``until``.
        """
        self._allow(cut)
        matrix = matrix_as_of(self.signals, cut, self.config)
        return matrix if self.evidence is None else with_evidence(matrix, self.evidence)

    def wanted(self, start: date, end: date) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
        """Ids of person and item of each relevant signal from ``start``, before ``end``; each pair once.

        Raises:
            ValueError: the end lies after ``until``.
        """
        self._allow(end)
        s = self.signals
        within = (s.day >= to_day(start)) & (s.day < to_day(end)) & s.is_relevant & (s.weight > 0)
        pairs = np.unique(s.person[within] * len(s.items) + s.item[within])
        person, item = np.divmod(pairs, max(1, len(s.items)))
        return s.people[person], s.items[item]

    def _allow(self, day: date) -> None:
        if day > self.until:
            msg = f"{day} lies after {self.until}, the first day that a model of that day may not see"
            raise ValueError(msg)


def with_past(
    data: InteractionMatrix, signals: Signals, config: SignalsConfig, evidence: Evidence | None
) -> InteractionMatrix:
    """``data`` with what lies behind it; ``signals`` may hold later days, which stay unseen."""
    return replace(data, past=SignalsPast(signals, config, evidence, data.as_of))
