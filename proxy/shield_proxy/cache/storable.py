"""Whether a response may be stored, and if not, why (RFC 9111, 3)."""

from dataclasses import dataclass
from functools import lru_cache

from shield_proxy.cache.directives import SHORT, Directives, parse_directives
from shield_proxy.cache.freshness import HEURISTIC, explicit_lifetime, heuristic_lifetime
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.wire.fast.plain import variation
from shield_proxy.wire.http.message import Index, ResponseHead, list_members

NEVER = frozenset((206, 304))
SHARED_WITH_AUTHORIZATION = (b"must-revalidate", b"public", b"s-maxage")


@dataclass(frozen=True, slots=True)
class Storable:
    """May be stored, under these names of Vary and for this long."""

    vary: tuple[bytes, ...]
    directives: Directives
    lifetime: float


@dataclass(frozen=True, slots=True)
class NotStored:
    """May not be stored, or it is of no use."""

    reason: str
    forbidden: bool = True
    """Origin or request forbid it: the status is BYPASS, else it stays MISS."""
    of_request: bool = False
    """Because of this request: other requests' responses may be stored."""


def judge(
    request: Index, directives: Directives, head: ResponseHead, wall: float, *, authorized: bool = False
) -> Storable | NotStored:
    """The verdict on the response to a GET. `directives` are the request's, `wall` is wall-clock time."""
    if b"no-store" in directives:
        return NotStored("no-store in the request", of_request=True)
    if head.status in NEVER:
        return NotStored(f"status {head.status}", forbidden=False)
    said = parse_directives(head.index.get(b"cache-control"))
    for name in (b"no-store", b"private"):
        if name in said:
            return NotStored(name.decode())
    if b"set-cookie" in head.index:
        return NotStored("set-cookie")
    if (authorized or b"authorization" in request) and not any(name in said for name in SHARED_WITH_AUTHORIZATION):
        return NotStored("authorization", of_request=True)
    vary = vary_names(head.index)
    if b"*" in vary:
        return NotStored("vary *")
    lifetime = explicit_lifetime(head.index, said, wall)
    if lifetime is None:
        if head.status not in HEURISTIC and b"public" not in said:
            return NotStored(f"status {head.status} without freshness", forbidden=False)
        lifetime = heuristic_lifetime(head.status, head.index, wall)
    if b"no-cache" in said:
        lifetime = 0.0
    if lifetime <= 0 and b"etag" not in head.index and b"last-modified" not in head.index:
        return NotStored("neither fresh nor validated", forbidden=b"no-cache" in said)
    return Storable(vary, said, lifetime)


def vary_names(index: Index) -> tuple[bytes, ...]:
    """The request fields that a response says it was selected by. Those of equal short values are one object."""
    value = index.get(b"vary")
    if value is None:
        return ()
    return _shared_names(value) if len(value) <= SHORT else _names(value)


def _names(value: bytes) -> tuple[bytes, ...]:
    return tuple(sorted(set(list_members(value))))


_shared_names = lru_cache(maxsize=1024)(_names)


@lru_cache(maxsize=1024)
def _one_of_equals(value: bytes) -> bytes:
    return value


def may_refresh(stored: StoredResponse, head: ResponseHead) -> bool:
    """Whether a 304 leaves the stored response one for all: it takes nothing back, gives nobody a cookie and names no
    further field to select by. What a 304 says becomes part of what is stored (RFC 9111, 3.2), so it is judged too."""
    said = parse_directives(head.index.get(b"cache-control"))
    forbidden = b"no-store" in said or b"private" in said or b"set-cookie" in head.index
    return not forbidden and set(vary_names(head.index)) <= set(stored.vary)


def store(
    verdict: Storable,
    key: bytes,
    request: Index,
    status: int,
    lines: bytes,
    body: bytes,
    born: float,
) -> StoredResponse:
    """The stored response. `lines` are those of the status and of what is end-to-end, without fields of one transfer;
    `born` is the monotonic time at which its age was zero."""
    selected = variation(verdict.vary, request)
    return StoredResponse(
        key=key,
        variation=_one_of_equals(selected) if len(selected) <= SHORT else selected,
        status=status,
        lines=lines,
        body=body,
        vary=verdict.vary,
        directives=verdict.directives,
        born=born,
        lifetime=verdict.lifetime,
    )
