"""Times in which nothing is told. Instants are seconds since the epoch. Pure, but for the table of time zones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Single:
    """Once."""

    start: float
    end: float

    def around(self, _now: float) -> Iterator[tuple[float, float]]:
        """Itself."""
        yield self.start, self.end


@dataclass(frozen=True, slots=True)
class Weekly:
    """Again and again."""

    at: time
    """By the clocks of the zone. A time that they skip is the one an hour later, of one that they show twice the first
    counts."""
    minutes: int
    days: frozenset[int]
    """On which it begins; 0 is Monday."""
    zone: tzinfo = UTC

    def around(self, now: float) -> Iterator[tuple[float, float]]:
        """Those that may not have ended, and those that begin within a week; in order."""
        today = datetime.fromtimestamp(now, self.zone).date()
        for offset in range(-self.minutes // 1440 - 1, 9):
            day = today + timedelta(days=offset)
            if day.weekday() in self.days:
                start = datetime.combine(day, self.at, self.zone).timestamp()
                yield start, start + 60 * self.minutes


Window = Single | Weekly


def silent_until(windows: Sequence[Window], now: float) -> float | None:
    """When the window ends that it is now in, of several the last; None outside of windows. The end is outside."""
    ends = [end for window in windows for start, end in window.around(now) if start <= now < end]
    return max(ends, default=None)


def next_change(windows: Sequence[Window], now: float) -> float | None:
    """When the next window begins or ends; None: not within a week."""
    edges = (edge for window in windows for span in window.around(now) for edge in span if edge > now)
    return min(edges, default=None)
