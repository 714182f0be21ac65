"""The WAN's delays as values: which two places are how far apart, or cut. Knows nothing of sockets or clocks."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Pair = tuple[str, str]
LONGEST_MS = 60_000.0


def pair(a: str, b: str) -> Pair:
    """The one name of the path between two places, whichever way it is said."""
    return (a, b) if a <= b else (b, a)


class UnknownPlace(LookupError):
    """A place that has no port on the WAN, or a path from a place to itself."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """One-way delays in milliseconds between places; None is a cut path. Pairs that were never named have no delay."""

    places: tuple[str, ...]
    ms: Mapping[Pair, float | None]

    @classmethod
    def of(cls, places: Iterable[str], ms: Mapping[Pair, float | None]) -> Matrix:
        matrix = cls(tuple(places), {})
        for (a, b), value in ms.items():
            matrix = matrix.with_path(a, b, value)
        return matrix

    def with_path(self, a: str, b: str, ms: float | None) -> Matrix:
        """The same matrix with one path changed. UnknownPlace or ValueError (below 0, above a minute) if wrong."""
        for place in (a, b):
            if place not in self.places:
                raise UnknownPlace(f"no place {place!r} on the WAN; there are {', '.join(self.places)}")
        if a == b:
            raise UnknownPlace(f"the WAN has no path from {a!r} to itself")
        if ms is not None and not 0 <= ms <= LONGEST_MS:
            raise ValueError(f"{ms} ms is not between 0 and {LONGEST_MS:.0f}")
        return Matrix(self.places, {**self.ms, pair(a, b): ms})

    def delay(self, a: str, b: str) -> float | None:
        """Seconds a frame takes from `a` to `b`; None if the path is cut."""
        ms = self.ms.get(pair(a, b), 0.0)
        return None if ms is None else ms / 1000

    def table(self) -> str:
        """The matrix as text for people, a row and a column per place, milliseconds one way."""
        width = max(len(p) for p in self.places) + 1
        lines = [" " * width + "".join(f"{p:>{width}}" for p in self.places)]
        for a in self.places:
            cells = (_cell(None if a == b else self.ms.get(pair(a, b), 0.0), a == b) for b in self.places)
            lines.append(f"{a:<{width}}" + "".join(f"{c:>{width}}" for c in cells))
        return "\n".join(lines)


def _cell(ms: float | None, same: bool) -> str:
    if same:
        return "-"
    return "cut" if ms is None else f"{ms:g}"


class DelayLine:
    """Frames on their way, ordered by when they are due. Holds at most `room` bytes per place they go to."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._frames: list[tuple[float, int, str, bytes]] = []
        self._held: dict[str, int] = {}
        self._sequence = 0

    def push(self, due: float, place: str, frame: bytes) -> bool:
        """Take a frame that leaves at `due`; False if that place's room is used up and the frame is lost."""
        held = self._held.get(place, 0) + len(frame)
        if held > self._room:
            return False
        self._held[place] = held
        self._sequence += 1
        heapq.heappush(self._frames, (due, self._sequence, place, frame))
        return True

    def next_due(self) -> float | None:
        """When the next frame leaves; None if there is none."""
        return self._frames[0][0] if self._frames else None

    def pop_due(self, now: float) -> tuple[str, bytes] | None:
        """The next frame due by `now` and where it goes; None if there is none."""
        if not self._frames or self._frames[0][0] > now:
            return None
        _, _, place, frame = heapq.heappop(self._frames)
        self._held[place] -= len(frame)
        return place, frame
