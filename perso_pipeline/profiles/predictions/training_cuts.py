"""Cut-off dates: which past nights examples are taken from, so that no label looks into a later slice.

Keep reading of tables out.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from perso_pipeline.profiles.predictions.config import LikelihoodConfig
from perso_pipeline.profiles.predictions.estimates import NotEstimable


@dataclass(frozen=True, slots=True)
class Cuts:
    """Cut-off dates of the three slices. A label covers the ``horizon_days`` after its cut-off date.

    Attributes:
        train: oldest first.
        calibration: one date, at least a horizon after the last of ``train``.
        test: one date, at least a horizon after ``calibration``.
        horizon_days: length of a label window.
    """

    train: tuple[date, ...]
    calibration: date
    test: date
    horizon_days: int

    def __post_init__(self) -> None:
        reach = timedelta(days=self.horizon_days)
        assert max(self.train) + reach <= self.calibration, "a label of the training slice reaches into the next"
        assert self.calibration + reach <= self.test, "a label of the calibration slice reaches into the next"

    @property
    def all(self) -> tuple[date, ...]:
        return (*self.train, self.calibration, self.test)

    def label_end(self, cut: date) -> date:
        """Last day of the label window, which begins the day after ``cut``."""
        return cut + timedelta(days=self.horizon_days)


def plan_cuts(
    trained_on: date, first_day: date | None, *, horizon_days: int, config: LikelihoodConfig
) -> Cuts | NotEstimable:
    """The newest cut-off dates that the history up to ``trained_on`` allows."""
    if first_day is None:
        return NotEstimable(f"nothing was known on {trained_on}")
    reach = timedelta(days=horizon_days)
    test = trained_on - timedelta(days=config.settle_days) - reach
    calibration = test - reach
    oldest = first_day + timedelta(days=config.min_history_days)
    newest = calibration - reach
    step = timedelta(days=config.step_days)
    train = [newest - step * back for back in range(config.max_train_cuts) if newest - step * back >= oldest]
    if not train:
        needed = 3 * horizon_days + config.settle_days + config.min_history_days
        return NotEstimable(
            f"there are {(trained_on - first_day).days} days of history; three windows of {horizon_days} days to learn "
            f"from, to calibrate on and to test on take {needed}"
        )
    return Cuts(tuple(reversed(train)), calibration, test, horizon_days)
