"""Conditional requests: answering them from what is stored, and asking them to revalidate it (RFC 9110, 13)."""

import re
from dataclasses import replace

from shield_proxy.cache.dates import parse_date
from shield_proxy.cache.directives import parse_directives
from shield_proxy.cache.freshness import explicit_lifetime, heuristic_lifetime
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.wire.http.message import Fields, Index, ResponseHead, index_fields
from shield_proxy.wire.http.serialise import response_lines

_TAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
CLIENT_CONDITIONS = frozenset((b"if-none-match", b"if-modified-since"))
"""Not forwarded when a response is fetched for the cache."""
STATE_CONDITIONS = frozenset((b"if-match", b"if-unmodified-since"))
"""Only the origin can judge these."""
_KEPT_ON_UPDATE = frozenset(
    (b"content-length", b"content-encoding", b"content-type", b"content-range", b"age", b"vary")
)


def opaque(tag: bytes) -> bytes:
    """The tag for weak comparison (RFC 9110, 8.8.3.2)."""
    return tag.removeprefix(b"W/")


def not_modified(request: Index, response: Index, now: float) -> bool:
    """Whether a GET or HEAD with these conditions gets 304 instead of this response; `now` is wall-clock time."""
    tags = request.get(b"if-none-match")
    if tags is not None:
        if tags == b"*":
            return True
        etag = response.get(b"etag")
        return etag is not None and opaque(etag) in map(opaque, _TAG.findall(tags))
    since = parse_date(request.get(b"if-modified-since"), now)
    modified = parse_date(response.get(b"last-modified"), now)
    return since is not None and modified is not None and modified <= since


def revalidation(stored: StoredResponse) -> Fields:
    """The conditions that ask whether a stored response still holds (RFC 9111, 4.3.1)."""
    fields: list[tuple[bytes, bytes]] = []
    if stored.etag is not None:
        fields.append((b"If-None-Match", stored.etag))
    if stored.last_modified is not None:
        fields.append((b"If-Modified-Since", stored.last_modified))
    return tuple(fields)


def confirms(stored: StoredResponse, head: ResponseHead) -> bool:
    """Whether a 304 is about this stored response (RFC 9111, 4.3.4)."""
    etag = head.index.get(b"etag")
    return etag is None or stored.etag is None or opaque(etag) == opaque(stored.etag)


def freshen(stored: StoredResponse, fields: Fields, *, age: float, now: float, wall: float) -> StoredResponse:
    """The stored response after a 304 with these end-to-end fields and initial age (RFC 9111, 3.2 and 4.3.4)."""
    updated = {name.lower() for name, _ in fields} - _KEPT_ON_UPDATE
    kept = tuple(field for field in stored.fields if field[0].lower() not in updated)
    merged = kept + tuple(field for field in fields if field[0].lower() in updated)
    index = index_fields(merged)
    directives = parse_directives(index.get(b"cache-control"))
    lifetime = explicit_lifetime(index, directives, wall)
    if lifetime is None:
        lifetime = heuristic_lifetime(stored.status, index, wall)
    lines = response_lines(stored.status, stored.reason, merged)
    return replace(stored, lines=lines, directives=directives, lifetime=lifetime, born=now - age)
