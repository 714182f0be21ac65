"""Errors of the shield's own: a status, a code and a reason, never a stored or guessed page. Pure."""

import json

from shield_proxy.tiers.marks import Place, marked_lines
from shield_proxy.wire.failures import UpstreamFailed

ORIGIN_FAILURES = {
    "unresolved": 530,
    "refused": 521,
    "unreachable": 523,
    "connect-timeout": 522,
    "tls": 525,
    "identity": 525,
    "exhausted": 503,
    "response-timeout": 524,
    "idle-timeout": 520,
    "closed": 520,
    "malformed": 520,
    "truncated": 520,
}
"""Kind of UpstreamFailed -> status, as users of CDNs know them."""
REASONS = {
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    508: b"Loop Detected",
    520: b"Origin Error",
    521: b"Origin Down",
    522: b"Origin Connect Timeout",
    523: b"Origin Unreachable",
    524: b"Origin Timeout",
    525: b"Origin TLS Failed",
    530: b"Origin Unresolved",
}
ORIGIN_ERRORS = frozenset((500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 530))
"""Statuses that count as a failing origin for stale-if-error."""
TRY_ANOTHER = frozenset((b"not-ready", b"overloaded", b"unknown-host"))
"""Reasons of a pod that refuses a request which another pod may take."""


class Unanswerable(Exception):
    """No answer can be had; `status` and `reason` are what the client is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


def origin_error(failure: UpstreamFailed) -> Unanswerable:
    """What the client is told when the origin failed so."""
    return Unanswerable(ORIGIN_FAILURES.get(failure.kind, 502), f"origin-{failure.kind}")


def tier_error(failure: UpstreamFailed) -> Unanswerable:
    """What the client is told when no pod of the next tier answered."""
    if failure.kind in ("response-timeout", "connect-timeout"):
        return Unanswerable(504, f"upper-tier-{failure.kind}")
    return Unanswerable(503 if not failure.connected else 502, f"upper-tier-{failure.kind}")


def error_answer(status: int, reason: str, place: Place) -> tuple[bytes, bytes]:
    """Head lines without framing, and the body."""
    body = json.dumps({"code": status, "reason": reason, "by": "smart-shield"}).encode() + b"\n"
    fields: tuple[tuple[bytes, bytes], ...] = (
        (b"Content-Type", b"application/json"),
        (b"Cache-Control", b"no-store"),
    )
    if status == 503:
        fields += ((b"Retry-After", b"1"),)
    if status == 405:
        fields += ((b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),)
    lines = marked_lines(status, REASONS.get(status, b""), fields, place, "NONE", b"detail=%s" % reason.encode())
    return lines, body


def refused_by_pod(status: int, cache_status: bytes | None) -> bool:
    """Whether a response says that this pod, not the resource, is the trouble: another may be asked."""
    if status not in (503, 404) or cache_status is None:
        return False
    detail = cache_status.rpartition(b"detail=")[2]
    return b"detail=" in cache_status and detail.strip() in TRY_ANOTHER
