"""A ratio of two sums, such as net revenue per order, as the sample of an arm.

Visitors were randomised, not orders, so the orders of one visitor are not independent: the delta method takes the
visitor as the unit. Numerator and denominator are of the same visitors; whoever is left out or capped above the line
is so below it. Elementwise on arrays.

Source: Deng, Knoblich and Lu (KDD 2018), "Applying the delta method in metric analytics".
"""

from perso_pipeline.measurement.inference.moments import PairSample, Sample


def ratio_sample(pairs: PairSample) -> Sample:
    """The arm's ratio, first over second, as a mean per visitor; the mean of ``second`` must not be zero."""
    above, below = pairs.first, pairs.second
    ratio = above.mean / below.mean
    variance = (above.variance - 2 * ratio * pairs.covariance + ratio**2 * below.variance) / below.mean**2
    return Sample(above.units, ratio, variance)
