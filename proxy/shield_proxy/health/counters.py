"""What a data centre makes of its samples: a verdict that flips only after enough equal ones in a row. Pure."""

from dataclasses import dataclass

from shield_proxy.config.checks.health import Health


@dataclass(frozen=True, slots=True)
class Counters:
    """Where a data centre stands with a check. At least one of both counts is 0."""

    verdict: Health = Health.UNKNOWN
    fails: int = 0
    successes: int = 0
    """In a row, up to now; they stop at MOST."""


MOST = 1_000_000


def count(before: Counters, healthy: bool, consecutive_fails: int, consecutive_successes: int) -> Counters:
    """Where it stands after one more sample."""
    if healthy:
        successes = min(MOST, before.successes + 1)
        return Counters(Health.HEALTHY if successes >= consecutive_successes else before.verdict, 0, successes)
    fails = min(MOST, before.fails + 1)
    return Counters(Health.UNHEALTHY if fails >= consecutive_fails else before.verdict, fails, 0)
