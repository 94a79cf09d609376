"""Post-stratification: each stratum counts by its share of all visitors and not of its arm's.

Takes out of the difference what comes of one arm happening to have more visitors of a stratum that buys more. Strata
are of what was so before assignment. Elementwise on arrays.

Source: Miratrix, Sekhon and Yu (JRSS B 2013).
"""

from collections.abc import Sequence

from perso_pipeline.measurement.inference.moments import Sample, Values


def stratified(strata: Sequence[tuple[Sample, Sample]]) -> tuple[Sample, Sample]:
    """Both arms over all strata, each given as (treatment, control) with two visitors at least in either."""
    weights = [one.units + other.units for one, other in strata]
    whole = sum(weights, 0.0)
    shares = [weight / whole for weight in weights]
    return _weighted([pair[0] for pair in strata], shares), _weighted([pair[1] for pair in strata], shares)


def _weighted(samples: Sequence[Sample], shares: Sequence[Values]) -> Sample:
    parts = list(zip(samples, shares, strict=True))
    units = sum((sample.units for sample in samples), 0.0)
    mean = sum((share * sample.mean for sample, share in parts), 0.0)
    error = sum((share**2 * sample.error_squared for sample, share in parts), 0.0)
    return Sample(units, mean, error * units)
