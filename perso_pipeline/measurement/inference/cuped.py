"""CUPED: what a visitor did before it was assigned takes out of the spread what it explains, and moves no mean.

The covariate is from before the visitor's own assignment, so the arm cannot have changed it. Elementwise on arrays.

Source: Deng, Xu, Kohavi and Walker (WSDM 2013). Variance becomes variance x (1 - rho^2).
"""

import numpy as np

from perso_pipeline.measurement.inference.moments import PairSample, Sample, Values


def adjusted(treatment: PairSample, control: PairSample) -> tuple[Sample, Sample]:
    """Both arms' ``first`` value, each less theta x (``second`` less the mean over all visitors).

    Theta is one for both arms, pooled within them; zero where the second value has no spread.
    """
    theta = _theta(treatment, control)
    units = treatment.second.units + control.second.units
    overall = (treatment.second.mean * treatment.second.units + control.second.mean * control.second.units) / units
    return _less(treatment, theta, overall), _less(control, theta, overall)


def explained(treatment: PairSample, control: PairSample) -> Values:
    """rho^2: the share of the variance within arms that the second value explains."""
    theta = _theta(treatment, control)
    freedoms = (treatment.first.units - 1, control.first.units - 1)
    own = freedoms[0] * treatment.first.variance + freedoms[1] * control.first.variance
    shared = freedoms[0] * treatment.covariance + freedoms[1] * control.covariance
    return np.where(own > 0, theta * shared / np.where(own > 0, own, 1.0), 0.0)


def _theta(treatment: PairSample, control: PairSample) -> Values:
    freedoms = (treatment.first.units - 1, control.first.units - 1)
    spread = freedoms[0] * treatment.second.variance + freedoms[1] * control.second.variance
    shared = freedoms[0] * treatment.covariance + freedoms[1] * control.covariance
    return np.where(spread > 0, shared / np.where(spread > 0, spread, 1.0), 0.0)


def _less(arm: PairSample, theta: Values, overall: Values) -> Sample:
    variance = arm.first.variance + theta**2 * arm.second.variance - 2 * theta * arm.covariance
    return Sample(arm.first.units, arm.first.mean - theta * (arm.second.mean - overall), np.maximum(variance, 0.0))
