"""One verdict on an origin out of those of many data centres.

The data centres of a region vote on the region, and regions on the check: a region of many has one vote like one of
few. A strict majority of those that report decides; a tie leaves things as they were, and where nobody reports nothing
is known.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shield_proxy.config.checks.health import Health


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
    """By name, of those that have voted now."""
    cause: Vote | None = None
    """The vote that speaks for all: of an unhealthy region, with the reason that most of those give."""


def quorum(votes: Sequence[Vote], before: Quorum) -> Quorum:
    """The verdict now. `before` decides where a region or all regions are divided."""
    by_region: dict[str, list[Health]] = {}
    for vote in votes:
        if vote.health is not Health.UNKNOWN:
            by_region.setdefault(vote.region, []).append(vote.health)
    regions = {name: majority(by_region[name], before.regions.get(name, Health.UNKNOWN)) for name in sorted(by_region)}
    health = majority(regions.values(), before.health)
    return Quorum(health, regions, _cause(votes, regions) if health is Health.UNHEALTHY else None)


def majority(voices: Iterable[Health], before: Health) -> Health:
    """What more than half of those say who say anything; `before` when they are divided; unknown when none does."""
    count = Counter(voices)
    healthy, unhealthy = count[Health.HEALTHY], count[Health.UNHEALTHY]
    if healthy == unhealthy:
        return before if healthy else Health.UNKNOWN
    return Health.HEALTHY if healthy > unhealthy else Health.UNHEALTHY


def _cause(votes: Sequence[Vote], regions: Mapping[str, Health]) -> Vote | None:
    """By reason, then by name: the same votes in another order have the same cause."""
    blamed = [
        vote for vote in votes if vote.health is Health.UNHEALTHY and regions.get(vote.region) is Health.UNHEALTHY
    ]
    count = Counter(vote.reason for vote in blamed)
    return min(blamed, key=lambda vote: (-count[vote.reason], vote.reason, vote.region, vote.data_center), default=None)
