"""When to refuse work early: by how late the event loop is, as CoDel judges a queue by how long it holds what it holds.

A loop that is late at every look for a while has more to do than it can: its delay would grow until nobody waits for
the answers any more. So a growing share of the requests that cost something is refused at once, which costs almost
nothing; the share falls as soon as the delay does. One long step (a large state, a collection) is no overload. Pure.
"""

from dataclasses import dataclass

MOST = 0.95
"""Some are always let through: only they can show that it goes better."""
UP, DOWN = 0.6, 0.5
"""How much the share rises a second at twice the target or more, and falls a second without delay."""
LONGEST = 2.0
"""Seconds between two looks that count."""
LOOKS = 4
"""Looks in a row above the target before anything is refused."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What is known of the delay so far; times in seconds."""

    share: float = 0.0
    """Of the requests that cost something, refused."""
    above_since: float | None = None
    """Every look since then was above the target."""
    looks: int = 0
    """How many those were."""
    at: float = 0.0
    """Of the latest look."""


def observed(before: Pressure, now: float, delay: float, target: float, interval: float) -> Pressure:
    """The pressure after a look at `now` that found the loop `delay` late."""
    passed = min(max(now - before.at, 0.0), LONGEST)
    if delay <= target:
        slack = 1.0 - delay / target
        return Pressure(max(0.0, before.share - DOWN * (0.2 + 0.8 * slack) * passed), None, 0, now)
    since = now if before.above_since is None else before.above_since
    looks = before.looks + 1
    lasting = looks >= LOOKS and now - since >= interval
    # Once something is refused there is no waiting: the delay is watched already.
    grows = lasting or before.share > 0.0
    excess = min(delay / target - 1.0, 1.0)
    return Pressure(min(MOST, before.share + UP * excess * passed) if grows else 0.0, since, looks, now)


class Shedder:
    """Refuses the share of now, evenly."""

    __slots__ = ("_credit", "delay", "interval", "pressure", "refused", "target")

    def __init__(self, target: float, interval: float) -> None:
        """Seconds: the delay that is aimed at, and how long it must be exceeded."""
        self.target, self.interval = target, interval
        self.pressure = Pressure()
        self.delay = 0.0
        """Found at the latest look."""
        self.refused = 0
        self._credit = 0.0

    def look(self, now: float, delay: float) -> None:
        """Takes notice of how late the loop was."""
        self.delay = delay
        self.pressure = observed(self.pressure, now, delay, self.target, self.interval)

    def refuses(self) -> bool:
        """Whether the request that is there now is one too many."""
        share = self.pressure.share
        if share <= 0.0:
            return False
        self._credit += share
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        self.refused += 1
        return True
