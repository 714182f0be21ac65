"""Stored responses as values of L2. Every value begins with its key, so that none is taken for another. Pure.

No clock is compared: a value carries its age when it was set and the time it was given to live; what has passed since
is that minus what Redis says is left.
"""

import re
import struct
from dataclasses import dataclass
from hashlib import blake2b

from shield_proxy.cache.directives import parse_directives, seconds
from shield_proxy.cache.stored import StoredResponse
from shield_proxy.wire.http.lines import FIELD_LINE

_ENTRY, _VARY = b"SE3", b"SV1"
_HEAD = struct.Struct("!3sIIIHIIqqqQ")
"""Magic, sizes of key, variation and vary names, status, sizes of Cache-Control and of the lines; age, lifetime, time
to live in milliseconds; size of the body."""
_VARY_HEAD = struct.Struct("!3sI")
_LINES = re.compile(rb"[\t\x20-\x7e\x80-\xff]*+\r\n(?:" + FIELD_LINE + rb"\r\n)*+")
"""A status line and fields."""
KEEP_SECONDS = 3600.0
"""How long a stale response that can be revalidated is kept."""


@dataclass(frozen=True, slots=True)
class VaryNames:
    """The key has variants: these request fields select."""

    names: tuple[bytes, ...]


def redis_key(key: bytes, variation: bytes | None = None) -> bytes:
    """The key in Redis of a resource, or of one of its variants."""
    whole = key if variation is None else b"%s\n\n%s" % (key, variation)
    return b"shield:" + blake2b(whole, digest_size=20).hexdigest().encode()


def time_to_live(stored: StoredResponse, now: float) -> int:
    """Milliseconds it is of use: fresh, servable on errors, or worth revalidating; 0 if it is not."""
    left = max(0.0, stored.lifetime - stored.age(now))
    stale = max(float(seconds(stored.directives, b"stale-if-error") or 0), KEEP_SECONDS if stored.validated else 0.0)
    return int(min(left + stale, 2**31) * 1000)


def encode_entry(stored: StoredResponse, now: float, live: int) -> bytes:
    """The value of a stored response that is given `live` milliseconds."""
    names = b"\n".join(stored.vary)
    control = stored.index.get(b"cache-control", b"")
    head = _HEAD.pack(
        _ENTRY,
        len(stored.key),
        len(stored.variation),
        len(names),
        stored.status,
        len(control),
        len(stored.lines),
        int(stored.age(now) * 1000),
        int(stored.lifetime * 1000),
        live,
        len(stored.body),
    )
    return b"".join((head, stored.key, stored.variation, names, control, stored.lines, stored.body))


def encode_vary(key: bytes, names: tuple[bytes, ...]) -> bytes:
    """The value that says that a key has variants."""
    return _VARY_HEAD.pack(_VARY, len(key)) + key + b"\n".join(names)


def decode(value: bytes, key: bytes, variation: bytes, left: int, now: float) -> StoredResponse | VaryNames | None:
    """What a value holds; None where it is damaged, or of another key. `left` is Redis' PTTL in milliseconds."""
    try:
        if value.startswith(_VARY):
            return _decode_vary(value, key)
        return _decode_entry(value, key, variation, left, now)
    except (struct.error, ValueError):
        return None


def _decode_vary(value: bytes, key: bytes) -> VaryNames | None:
    _, size = _VARY_HEAD.unpack_from(value)
    start = _VARY_HEAD.size
    if value[start : start + size] != key:
        return None
    return VaryNames(tuple(value[start + size :].split(b"\n")))


def _decode_entry(value: bytes, key: bytes, variation: bytes, left: int, now: float) -> StoredResponse | None:
    magic, of_key, of_variation, of_names, status, of_control, of_lines, age, lifetime, live, of_body = (
        _HEAD.unpack_from(value)
    )
    after_key = _HEAD.size + of_key
    names_at = after_key + of_variation
    control_at = names_at + of_names
    lines_at = control_at + of_control
    body_at = lines_at + of_lines
    if (
        magic != _ENTRY
        or of_key != len(key)
        or of_variation != len(variation)
        or not value.startswith(key, _HEAD.size)
        or not value.startswith(variation, after_key)
        or not value.startswith(b"HTTP/1.1 %d " % status, lines_at)
        or body_at + of_body != len(value)
        or _LINES.fullmatch(value, lines_at, body_at) is None
    ):
        return None
    return StoredResponse(
        key=key,
        variation=variation,
        status=status,
        lines=value[lines_at:body_at],
        body=value[body_at:],
        vary=tuple(value[names_at:control_at].split(b"\n")) if of_names else (),
        directives=parse_directives(value[control_at:lines_at]),
        born=now - (age + max(0, live - left)) / 1000,
        lifetime=lifetime / 1000,
    )
