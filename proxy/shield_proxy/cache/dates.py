"""Dates of HTTP (RFC 9110, 5.6.7)."""

import calendar
import re
from functools import lru_cache

_MONTHS = {name: i + 1 for i, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
_FIXDATE = re.compile(rb"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")
_RFC850 = re.compile(rb"[A-Z][a-z]{5,8}, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT")
_ASCTIME = re.compile(rb"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})")


def parse_date(value: bytes | None, now: float) -> float | None:
    """Seconds since the epoch, or None; two-digit years lie at most 50 years after `now` (also since the epoch)."""
    if value is None:
        return None
    # The clock matters for years of two digits only, and for those by the year.
    return _parse(value, int(1970 + now / 31_556_952) + 50)


@lru_cache(maxsize=2048)
def _parse(value: bytes, limit: int) -> float | None:
    if match := _FIXDATE.fullmatch(value):
        day, month, year, *clock = match.groups()
    elif match := _ASCTIME.fullmatch(value):
        month, day, *clock, year = match.groups()
    elif match := _RFC850.fullmatch(value):
        day, month, short, *clock = match.groups()
        year = b"%d" % (limit - (limit - int(short)) % 100)
    else:
        return None
    if month not in _MONTHS:
        return None
    hour, minute, second = map(int, clock)
    if not (1 <= int(day) <= 31 and hour < 24 and minute < 60 and second <= 60 and int(year) >= 1):
        return None
    return float(calendar.timegm((int(year), _MONTHS[month], int(day), hour, minute, second)))
