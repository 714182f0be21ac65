"""Figures as Prometheus' text format wants them: names, labels as text, and histograms of a few fixed buckets. Pure."""

from bisect import bisect_left
from collections.abc import Iterable

Sample = tuple[str, float]
"""What stands between the family's name and the value (a suffix such as `_sum`, labels in braces), and the value."""
Family = tuple[str, str, str, Iterable[Sample]]
"""Name, type (counter, gauge, histogram), help, and the samples."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of what requests take."""
_VALUE = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def pairs(**labels: str) -> str:
    """Labels as text without braces, their values escaped."""
    return ",".join(f'{name}="{value.translate(_VALUE)}"' for name, value in labels.items())


def labelled(**labels: str) -> str:
    """Labels as text in braces; empty without any."""
    return f"{{{pairs(**labels)}}}" if labels else ""


class Histogram:
    """How often what was observed fell into each bucket."""

    __slots__ = ("bounds", "buckets", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        """Counts of each bucket alone; the last is beyond all bounds."""
        self.sum = 0.0

    @property
    def count(self) -> int:
        """All observations."""
        return sum(self.buckets)

    def observe(self, value: float) -> None:
        """One more; a value that is a bound is inside its bucket."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def samples(self, labels: str = "", lowest: int = 0) -> Iterable[Sample]:
        """The series of the histogram; `labels` without braces; `lowest` more are counted in the first bucket."""
        before = labels + "," if labels else ""
        total = lowest
        for bound, count in zip((*self.bounds, None), self.buckets, strict=True):
            total += count
            yield f'_bucket{{{before}le="{"+Inf" if bound is None else f"{bound:g}"}"}}', total
        braces = f"{{{labels}}}" if labels else ""
        yield f"_sum{braces}", self.sum
        yield f"_count{braces}", total
