"""Cache-Control as a value (RFC 9111, 5.2)."""

import re
from collections.abc import Mapping
from functools import lru_cache

Directives = Mapping[bytes, bytes]
"""Lower-case name -> argument, b"" where there is none. Of a repeated directive the first counts."""
RESTRAINING = frozenset((b"no-store", b"private", b"no-cache", b"max-age", b"proxy-revalidate"))
"""What counts even behind a semicolon, which is no separator: `public; private` must not be read as public alone."""

_DIRECTIVE = re.compile(
    rb'([\s,;="]*+)(?:([^\s=,;"]++)\s*+(?:=\s*+(?:"((?:[^"\\]|\\.){0,1000}+)"|([^,;"\s]*+)))?)?[^,;]*+', re.DOTALL
)
"""Takes something at every position, and no longer with a longer value: clients write Cache-Control too."""
SHORT = 256
"""Bytes of a value whose directives are remembered."""
FOREVER = 2**31
"""Seconds that stand for any larger number (RFC 9111, 1.2.2)."""


def parse_directives(value: bytes | None) -> Directives:
    """The directives of a field's value. Those of equal short values are one object: a million stored responses have
    but a few."""
    if not value:
        return _NONE
    return _shared(value) if len(value) <= SHORT else _parsed(value)


def _parsed(value: bytes) -> Directives:
    found: dict[bytes, bytes] = {}
    for match in _DIRECTIVE.finditer(value):
        between, name, quoted, plain = match.groups()
        if name is not None and (b";" not in between or name.lower() in RESTRAINING):
            found.setdefault(name.lower(), quoted if quoted is not None else plain or b"")
    return found


_NONE: Directives = {}
_shared = lru_cache(maxsize=1024)(_parsed)


def request_directives(cache_control: bytes | None, pragma: bytes | None) -> Directives:
    """A request's directives; Pragma: no-cache counts where there is no Cache-Control (RFC 9111, 5.4)."""
    if cache_control is None and pragma is not None and b"no-cache" in pragma.lower():
        return {b"no-cache": b""}
    return parse_directives(cache_control)


def seconds(directives: Directives, name: bytes) -> int | None:
    """A directive's delta-seconds; None if it is absent; 0 if it is there but is no number: doubt means stale."""
    value = directives.get(name)
    if value is None:
        return None
    return min(int(value), FOREVER) if value.isdigit() and len(value) < 20 else (FOREVER if value.isdigit() else 0)
