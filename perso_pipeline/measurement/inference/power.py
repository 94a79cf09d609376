"""What an experiment can find: the detectable effect of today, and how many visitors a smaller one takes.

Elementwise on arrays, except ``units_needed``. Of the sequence: the chance that it leaves out zero at that one
look; the looks before it only add to it.
"""

from perso_pipeline.measurement.inference.moments import Values
from perso_pipeline.measurement.inference.sequential import multiplier


def detectable_effect(error: Values, *, confidence: float, power: float) -> Values:
    """The true difference that Welch's interval finds with chance ``power``, at this standard error."""
    from scipy import special

    return (special.ndtri((1 + confidence) / 2) + special.ndtri(power)) * error


def detectable_in_sequence(
    error: Values, units: Values, *, confidence: float, power: float, tightest_at: int
) -> Values:
    """The same for the interval that holds at every look."""
    from scipy import special

    return (multiplier(units, confidence=confidence, tightest_at=tightest_at) + special.ndtri(power)) * error


def units_needed(
    effect: float, *, error: float, units: int, confidence: float, power: float, tightest_at: int
) -> float:
    """Visitors of both arms at which the sequence finds ``effect``, if further ones are like those so far.

    Args:
        effect: True difference per visitor, above zero.
        error: Standard error today.
        units: Visitors of both arms today.
        confidence: Of the interval.
        power: Chance to find it.
        tightest_at: As of the sequence.
    """
    from scipy import optimize

    def excess(wanted: float) -> float:
        scaled = error * (units / wanted) ** 0.5
        found = detectable_in_sequence(scaled, wanted, confidence=confidence, power=power, tightest_at=tightest_at)
        return float(found) - effect

    most = float(units)
    while excess(most) > 0:
        most *= 2
    least = 2.0
    return least if excess(least) <= 0 else float(optimize.brentq(excess, least, most))
