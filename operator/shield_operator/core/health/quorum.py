"""One verdict on an origin out of those of many data centres.

The data centres of a region vote on the region, and regions on the check: a region of many has one vote like one of
few. A strict majority of those that report decides; a tie leaves things as they were, and where nobody reports nothing
is known.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shield_proxy.config.checks.health import Health

_WORST_FIRST = (Health.UNHEALTHY, Health.UNKNOWN, Health.HEALTHY)


@dataclass(frozen=True, slots=True)
class Vote:
    """What a data centre that is heard reports; one that is silent has no vote."""

    region: str
    data_center: str
    health: Health
    reason: str = ""
    """Why it is not healthy: one of the 17."""
    detail: str = ""
    """What was expected and what came."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """What is made of the votes."""

    health: Health = Health.UNKNOWN
    regions: Mapping[str, Health] = field(default_factory=dict)
    """By name, of those in which somebody has voted now, or may have."""
    cause: Vote | None = None
    """The vote that speaks for all: of an unhealthy region, with the reason that most of those give."""


@dataclass(frozen=True, slots=True)
class _Span:
    """What the verdict of a region may be, whichever of the unsure votes count."""

    least: Health
    most: Health
    shown: Health


def quorum(votes: Sequence[Vote], before: Quorum, unsure: Sequence[Vote] = ()) -> Quorum:
    """The verdict now. `before` decides where a region or all regions are divided, and where it matters which of the
    `unsure` votes count: those of data centres that may be silent."""
    names = sorted({vote.region for vote in (*votes, *unsure) if vote.health is not Health.UNKNOWN})
    spans = {name: _span(name, votes, unsure, before.regions.get(name, Health.UNKNOWN)) for name in names}
    regions = {name: span.shown for name, span in spans.items()}
    extremes = {
        majority((span.least for span in spans.values()), before.health),
        majority((span.most for span in spans.values()), before.health),
    }
    health = extremes.pop() if len(extremes) == 1 else before.health
    cause = _cause(votes, regions) or _cause(unsure, regions) if health is Health.UNHEALTHY else None
    return Quorum(health, regions, cause)


def majority(voices: Iterable[Health], before: Health) -> Health:
    """What more than half of those say who say anything; `before` when they are divided; unknown when none does."""
    count = Counter(voices)
    healthy, unhealthy = count[Health.HEALTHY], count[Health.UNHEALTHY]
    if healthy == unhealthy:
        return before if healthy else Health.UNKNOWN
    return Health.HEALTHY if healthy > unhealthy else Health.UNHEALTHY


def _span(name: str, votes: Sequence[Vote], unsure: Sequence[Vote], before: Health) -> _Span:
    """It is enough to look at the extremes: of the unsure votes only those of one mind count, or only those of the
    other. A region that has no verdict yet gets none before it is sure, and holds nobody up until then."""
    sure = [vote.health for vote in votes if vote.region == name]
    perhaps = [vote.health for vote in unsure if vote.region == name]
    least, most = (
        majority((*sure, *(each for each in perhaps if each is mind)), before)
        for mind in (Health.UNHEALTHY, Health.HEALTHY)
    )
    if least is most:
        return _Span(least, least, least)
    if before is Health.UNKNOWN:
        return _Span(before, before, before)
    return _Span(min(least, before, key=_WORST_FIRST.index), max(most, before, key=_WORST_FIRST.index), before)


def _cause(votes: Sequence[Vote], regions: Mapping[str, Health]) -> Vote | None:
    """By reason, then by name: the same votes in another order have the same cause."""
    blamed = [
        vote for vote in votes if vote.health is Health.UNHEALTHY and regions.get(vote.region) is Health.UNHEALTHY
    ]
    count = Counter(vote.reason for vote in blamed)
    return min(blamed, key=lambda vote: (-count[vote.reason], vote.reason, vote.region, vote.data_center), default=None)
