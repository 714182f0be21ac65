"""Ranges of a stored response (RFC 9110, 14): one range is answered, several are the origin's to answer."""

import re
from dataclasses import dataclass

from shield_proxy.cache.dates import parse_date
from shield_proxy.wire.http.message import Index

_SINGLE = re.compile(rb"[Bb][Yy][Tt][Ee][Ss]=[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*")


@dataclass(frozen=True, slots=True)
class Whole:
    """The range does not apply: the whole response is right."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `first` to `last`, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """416 with `bytes */LENGTH`."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Several ranges or another unit: forwarded as it is."""


def select_range(request: Index, response: Index, length: int, now: float) -> Whole | Part | Unsatisfiable | Foreign:
    """What a GET with a Range gets of a 200 of `length` bytes; `now` is wall-clock time."""
    wanted = request.get(b"range")
    if wanted is None or not _if_range_holds(request.get(b"if-range"), response, now):
        return Whole()
    match = _SINGLE.fullmatch(wanted)
    if match is None:
        return Foreign()
    if match[3] is not None:
        suffix = int(match[3])
        return Part(max(0, length - suffix), length - 1) if suffix and length else Unsatisfiable()
    first = int(match[1])
    last = min(int(match[2]), length - 1) if match[2] else length - 1
    if match[2] and int(match[2]) < first:
        return Whole()  # not a valid range, so the field is ignored
    return Part(first, last) if first < length else Unsatisfiable()


def _if_range_holds(condition: bytes | None, response: Index, now: float) -> bool:
    if condition is None:
        return True
    if condition.startswith((b'"', b"W/")):
        return condition == response.get(b"etag") and not condition.startswith(b"W/")
    date = parse_date(condition, now)
    return date is not None and date == parse_date(response.get(b"last-modified"), now)
