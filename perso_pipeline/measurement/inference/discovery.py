"""Many cells at a time: which of their differences are findings, so that few of those are by chance.

Source: Benjamini and Hochberg (JRSS B 1995), as SciPy has it. Cells of one effect lean the same way (positive
dependence), for which it holds (Benjamini and Yekutieli 2001).
"""

from collections.abc import Sequence


def q_values(p_values: Sequence[float]) -> list[float]:
    """For each p the least share of false findings at which it is one, among all of them; empty for none."""
    if not p_values:
        return []
    from scipy import stats

    return [float(q) for q in stats.false_discovery_control(p_values, method="bh")]
