"""Days of the shop: local midnights as UTC, weekdays, seasons, hours.

Turns (site, local day) into instants and back. Keep what happens on a day out.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from perso_pipeline.shop.arrays import Floats, Ints
from perso_pipeline.shop.config import ShopConfig

SECOND = 1_000_000
HORIZON = 45  # days after the last one that events may be planned for (they are then not delivered)
_WEEKDAY = np.array([1.04, 1.0, 0.99, 1.0, 0.94, 0.92, 1.11])  # Monday first
# visits by local hour: a lunch bump and an evening peak
_HOUR = np.array(
    [14, 8, 5, 4, 4, 7, 15, 27, 38, 47, 54, 58, 62, 58, 53, 52, 54, 58, 66, 78, 88, 82, 58, 31], dtype=float
)


@dataclass(frozen=True)
class Calendar:
    """``midnights[site, day]`` is the UTC microsecond at which a local day begins."""

    first_day: date
    days: int
    midnights: Ints

    def day_of(self, site: Ints, instant: Ints) -> Ints:
        """Local day number of instants; -1 before the first day."""
        found = np.empty(len(site), dtype=np.int64)
        for number in range(len(self.midnights)):
            mine = site == number
            found[mine] = np.searchsorted(self.midnights[number], instant[mine], side="right") - 1
        return found

    def date(self, day: int) -> date:
        return self.first_day + timedelta(days=day)

    def traffic(self, day: int) -> float:
        """How busy a day is beside the mean: weekday times a slow rise towards December."""
        when = self.date(day)
        season = 1 + 0.18 * np.cos(2 * np.pi * (when.timetuple().tm_yday - 340) / 365.25)
        return float(_WEEKDAY[when.weekday()] * season)

    @staticmethod
    def seconds_of_day(n: int, rng: np.random.Generator) -> Floats:
        """Local times of day, in seconds after midnight."""
        hour = rng.choice(24, n, p=_HOUR / _HOUR.sum())
        return (hour + rng.random(n)) * 3600.0


def build_calendar(config: ShopConfig) -> Calendar:
    first = config.last_day - timedelta(days=config.days - 1)
    rows = []
    for site in config.sites:
        zone = ZoneInfo(site.timezone)
        dates = [first + timedelta(days=d) for d in range(config.days + HORIZON)]
        rows.append([int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) * SECOND for d in dates])
    return Calendar(first, config.days, np.array(rows, dtype=np.int64))
