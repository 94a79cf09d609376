"""What is looked at before any effect: have the arms the sizes that the split promises, and were they alike before?

Sources: chi-square at p < .001 for the sample ratio (Fabijan et al., KDD 2019); the same p for the means before the
experiment, and Fisher's exact test for two shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perso_pipeline.measurement.inference.moments import Moments, NotEstimable


@dataclass(frozen=True)
class SampleRatio:
    """Whether the arms have the sizes that the split promises; ``p`` is small where they do not."""

    treatment_units: int
    control_units: int
    p: float

    def fault(self, limit: float) -> str | None:
        """What is wrong where p lies below ``limit``."""
        if self.p >= limit:
            return None
        return (
            f"The arms have {self.treatment_units:,} and {self.control_units:,} visitors, which the split does not "
            f"explain (p = {self.p:.1g}); find out who is missing before comparing."
        )


def sample_ratio(treatment_units: int, control_units: int, *, control_share: float) -> SampleRatio | NotEstimable:
    """Chi-square test of the arms' sizes against the split.

    Args:
        treatment_units: Units in treatment.
        control_units: Units in control.
        control_share: Share of units that belongs in control, between 0 and 1.
    """
    p = split_p((treatment_units, control_units), (1 - control_share, control_share))
    if p is None:
        return NotEstimable(
            f"With {treatment_units + control_units:,} visitors the split cannot be checked.", is_too_few=True
        )
    return SampleRatio(treatment_units, control_units, p)


def split_p(units: Sequence[int], shares: Sequence[float]) -> float | None:
    """Give p of the chi-square test of any number of arms; None where one of them should have fewer than five units."""
    expected = [sum(units) * share for share in shares]
    if min(expected) < 5:
        return None
    from scipy import special

    chi_square = sum((n - e) ** 2 / e for n, e in zip(units, expected, strict=True))
    return float(special.chdtrc(len(units) - 1, chi_square))


def balance_p(treatment: Moments, control: Moments) -> float | None:
    """Give p of no difference before the experiment, by Student's test; None where there is no spread to judge by.

    Not Welch's: of few who ordered before, a small arm often has none, and its spread of zero would prove a difference.
    Before the experiment both arms are of one population, so they have one spread.
    """
    whole = treatment + control
    if min(treatment.units, control.units) < 2 or whole.variance == 0:
        return None
    from scipy import special

    freedoms = (treatment.units - 1, control.units - 1)
    pooled = (freedoms[0] * treatment.variance + freedoms[1] * control.variance) / sum(freedoms)
    error = (pooled * (1 / treatment.units + 1 / control.units)) ** 0.5
    return float(2 * special.stdtr(sum(freedoms), -abs(treatment.mean - control.mean) / error))


def shares_p(first: tuple[int, int], second: tuple[int, int]) -> float | None:
    """Give p of two shares, each (part, whole), being one, by Fisher's exact test; None where a whole is empty."""
    if not (first[1] and second[1]):
        return None
    from scipy import stats

    return float(stats.fisher_exact([[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]).pvalue)
