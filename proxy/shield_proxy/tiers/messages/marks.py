"""What a hop writes on requests and responses that pass it: Via, CDN-Loop, Cache-Status, Age. Pure."""

from dataclasses import dataclass

from shield_proxy.config.contract import (
    HEADER_BUDGET,
    HEADER_FORWARDED,
    HEADER_GENERATION,
    HEADER_REQUEST_ID,
    HEADER_SCHEME,
    HEADER_STATUS,
)
from shield_proxy.tiers.messages.budget import remaining_ms
from shield_proxy.tiers.messages.inbound import PRIVATE, Inbound
from shield_proxy.tiers.messages.loop import loop_member
from shield_proxy.wire.http.message import Fields, ResponseHead
from shield_proxy.wire.http.serialise import forwardable, response_lines

STATUS = HEADER_STATUS.encode()
_TRANSFER = frozenset((b"age", b"content-length", b"cache-status", STATUS.lower())) | PRIVATE


@dataclass(frozen=True, slots=True)
class Place:
    """Where this pod stands, as its marks say it."""

    member: bytes
    """Its name in Cache-Status (an sf-token): tier/region/zone. Clients see it, so it names no pod."""
    via: bytes
    """Its member of Via."""


def place_of(tier: str, data_center: str) -> Place:
    """The place of a pod; characters that marks can't hold become `_`."""
    return Place(member=_token(f"{tier}/{data_center}", "-._/"), via=b"1.1 smart-shield-" + _token(tier, "-._"))


def _token(text: str, also: str) -> bytes:
    return "".join(c if c.isascii() and (c.isalnum() or c in also) else "_" for c in text).encode()


def outgoing_lines(inbound: Inbound, lines: bytes, place: Place, zone_uid: str, host: bytes) -> bytes:
    """Field lines of a request to any leg: Host first, then what the client sent, then our marks."""
    via = b"%s, %s" % (inbound.via, place.via) if inbound.via else place.via
    member = loop_member(zone_uid)
    loop = b"%s, %s" % (inbound.cdn_loop, member) if inbound.cdn_loop else member
    return b"Host: %s\r\n%sVia: %s\r\nCDN-Loop: %s\r\n" % (host, lines, via, loop)


def hop_fields(inbound: Inbound, now: float, generation: int, *, forward: bool) -> Fields:
    """What is said between pods only."""
    fields: Fields = (
        (HEADER_SCHEME.encode(), inbound.scheme),
        (HEADER_BUDGET.encode(), b"%d" % remaining_ms(inbound.deadline, now)),
        (HEADER_GENERATION.encode(), b"%d" % generation),
    )
    if inbound.request_id:
        fields += ((HEADER_REQUEST_ID.encode(), inbound.request_id),)
    return (*fields, (HEADER_FORWARDED.encode(), b"1")) if forward else fields


def end_to_end(head: ResponseHead) -> Fields:
    """A response's fields without what belongs to one transfer or one connection."""
    return forwardable(head.fields, head.index, _TRANSFER)


def hit_marks(place: Place) -> bytes:
    """What follows the stored lines in the head of a hit, up to the value of Content-Length."""
    return mark_lines(place, "HIT", b"hit") + b"Content-Length: "


def marked_lines(
    status: int,
    reason: bytes,
    fields: Fields,
    place: Place,
    word: str,
    how: bytes,
    *,
    before: bytes | None = None,
    age: float | None = None,
) -> bytes:
    """Status line and fields of a response as this hop passes it on.

    `word` is the Shield-Cache-Status, `how` this hop's parameters in Cache-Status, `before` the members of hops nearer
    the origin, `age` in seconds.
    """
    return response_lines(status, reason, fields) + mark_lines(place, word, how, before=before, age=age)


def mark_lines(place: Place, word: str, how: bytes, *, before: bytes | None = None, age: float | None = None) -> bytes:
    """The marks alone, as marked_lines() has them."""
    member = b"%s; %s" % (place.member, how)
    if before:
        member = b"%s, %s" % (before, member)
    marks = b"Via: %s\r\nCache-Status: %s\r\n%s: %s\r\n" % (place.via, member, STATUS, word.encode())
    return marks if age is None else b"%sAge: %d\r\n" % (marks, age)
