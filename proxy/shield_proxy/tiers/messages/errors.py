"""Errors of the shield's own: a status, a code and a reason, never a stored or guessed page. Pure."""

from shield_proxy.wire.upstream.failures import TLS_KINDS, UpstreamFailed

ORIGIN_FAILURES = {
    "unresolved": 530,
    "refused": 521,
    "unreachable": 523,
    "connect-timeout": 522,
    **dict.fromkeys(TLS_KINDS, 525),
    "identity": 525,
    "exhausted": 503,
    "response-timeout": 524,
    "send-timeout": 524,
    "idle-timeout": 520,
    "closed": 520,
    "malformed": 520,
    "truncated": 520,
}
"""Kind of UpstreamFailed -> status, as users of CDNs know them."""
ORIGIN_ERRORS = frozenset((500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530))
"""Statuses that count as a failing origin for stale-if-error."""
OVERLOADED, DELAYED = "overloaded", "overloaded-delay"
TRY_ANOTHER = frozenset((b"not-ready", OVERLOADED.encode(), DELAYED.encode(), b"too-many-tunnels", b"unknown-host"))
"""Reasons of a pod that refuses a request which another pod may take."""
RETRY_AFTER = {"not-ready": 1, OVERLOADED: 1, DELAYED: 2, "no-upper-tier": 5, "origin-unhealthy": 5}
"""Seconds after which asking again is worth it, of reasons that end by themselves."""

BREAKER = "-breaker"
"""Ends the reason of a request that an origin was not asked for, because others have just failed so."""


class Unanswerable(Exception):
    """No answer can be had; `status` and `reason` are what the client is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


def origin_error(failure: UpstreamFailed, *, breaker: bool = False) -> Unanswerable:
    """What the client is told when the origin failed so; `breaker`: when others did, and it was not asked again."""
    reason = f"origin-{failure.kind}{BREAKER if breaker else ''}"
    return Unanswerable(ORIGIN_FAILURES.get(failure.kind, 502), reason)


def tier_error(failure: UpstreamFailed) -> Unanswerable:
    """What the client is told when no pod of the next tier answered."""
    if failure.kind in ("response-timeout", "send-timeout", "connect-timeout"):
        return Unanswerable(504, f"upper-tier-{failure.kind}")
    return Unanswerable(503 if not failure.connected else 502, f"upper-tier-{failure.kind}")


def retry_after(status: int, reason: str) -> int | None:
    """Seconds for Retry-After; None where asking again soon is of no use."""
    if reason.endswith(BREAKER):
        return 5
    return RETRY_AFTER.get(reason, 1 if status == 503 else None)


def refused_by_pod(status: int, cache_status: bytes | None) -> bool:
    """Whether a response says that this pod, not the resource, is the trouble: another may be asked."""
    if status not in (503, 404) or cache_status is None:
        return False
    detail = cache_status.rpartition(b"detail=")[2]
    return b"detail=" in cache_status and detail.strip() in TRY_ANOTHER
