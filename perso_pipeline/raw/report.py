"""What a load or a replay tells its caller. Values only."""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class StreamReport:
    """What became of one stream's deliveries."""

    stream: str
    files: int
    delivered: int
    accepted: int
    rejected: int
    drift: dict[str, int] = field(default_factory=dict)  # unknown field -> records that carry it
    erased: int = 0  # of people who were erased


@dataclass(frozen=True)
class LoadReport:
    """What became of some nights' deliveries."""

    first: date
    last: date
    streams: tuple[StreamReport, ...]
    misplaced: int  # things in landing that belong to no night

    def __getitem__(self, stream: str) -> StreamReport:
        return next(report for report in self.streams if report.stream == stream)

    @property
    def delivered(self) -> int:
        return sum(report.delivered for report in self.streams)

    @property
    def accepted(self) -> int:
        return sum(report.accepted for report in self.streams)

    @property
    def rejected(self) -> int:
        return sum(report.rejected for report in self.streams)


@dataclass(frozen=True)
class Replayed:
    """What one stream's nights held before and after they were read again."""

    stream: str
    nights: tuple[date, ...]
    accepted_before: int
    rejected_before: int
    accepted_after: int
    rejected_after: int

    @property
    def is_changed(self) -> bool:
        return (self.accepted_before, self.rejected_before) != (self.accepted_after, self.rejected_after)


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did; later stages must run again from ``first_night`` where ``is_changed``."""

    streams: tuple[Replayed, ...]

    @property
    def nights(self) -> tuple[date, ...]:
        return tuple(sorted({night for replayed in self.streams for night in replayed.nights}))

    @property
    def first_night(self) -> date | None:
        return min(self.nights, default=None)

    @property
    def recovered(self) -> int:
        """Records accepted now that were not before."""
        return sum(r.accepted_after - r.accepted_before for r in self.streams)
