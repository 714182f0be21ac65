"""A second opinion on what a client's bytes mean: written from the RFCs, byte by byte, sharing no code with the proxy.

It reads a whole stream of requests as the documentation says they are read, and tells which must reach the origin.
"""

from dataclasses import dataclass, field

from corpus.strict import DIGITS, LETTERS, TOKEN, VALUE

OWS = b" \t"
TARGET = set(range(33, 127)) - set(b"#")
HOST_CHARACTERS = set(LETTERS + DIGITS + b"._~-")
HEX = set(DIGITS + b"abcdefABCDEF")
HOP = {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"trailer", b"upgrade"}
CONFUSED = HOP | {b"host", b"content-length", b"transfer-encoding", b"proxy-authenticate", b"http2-settings"}
"""Fields that don't cross with `_` instead of `-` either: some origins read them as one."""
KEPT = {b"cache-control", b"expires", b"pragma", b"vary"}
"""Fields that Connection can't take away."""


class No(Exception):
    """The rest of the stream has no meaning."""


class More(Exception):
    """The rest of the stream is the beginning of a request."""


@dataclass(slots=True)
class Meaning:
    """One request that was understood."""

    method: bytes
    target: bytes
    host: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    closes: bool = False


@dataclass(slots=True)
class Reading:
    """What a stream means: requests in order, and how it goes on."""

    requests: list[Meaning] = field(default_factory=list)
    end: str = ""
    """refused, closed, more (an unfinished request) or empty (nothing is left)."""


def read_stream(raw: bytes) -> Reading:
    """The meaning of all bytes of a connection."""
    reading = Reading()
    try:
        while True:
            while raw.startswith(b"\r\n"):
                raw = raw[2:]
            if not raw:
                reading.end = "empty"
                return reading
            meaning, raw = _request(raw)
            reading.requests.append(meaning)
            if meaning.closes:
                reading.end = "closed"
                return reading
    except No:
        reading.end = "refused"
    except More:
        reading.end = "more"
    return reading


def _line(raw: bytes) -> tuple[bytes, bytes]:
    line, end, rest = raw.partition(b"\r\n")
    if b"\n" in line or (not end and b"\n" in raw):
        raise No
    if not end:
        raise More
    return line, rest


def _fields(raw: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    fields: list[tuple[bytes, bytes]] = []
    while True:
        line, raw = _line(raw)
        if not line:
            return fields, raw
        name, colon, value = line.partition(b":")
        if not colon or not name or not TOKEN.issuperset(name) or not VALUE.issuperset(value):
            raise No
        fields.append((name, value.strip(OWS)))


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in fields if key.lower() == name]


def _members(values: list[bytes]) -> set[bytes]:
    return {part.strip(OWS).lower() for value in values for part in value.split(b",")} - {b""}


def _request(raw: bytes) -> tuple[Meaning, bytes]:
    line, rest = _line(raw)
    words = line.split(b" ")
    if len(words) != 3 or words[2] not in (b"HTTP/1.0", b"HTTP/1.1"):
        raise No
    method, target, version = words
    if not method or not TOKEN.issuperset(method) or not target or not TARGET.issuperset(target):
        raise No
    fields, rest = _fields(rest)
    hosts = _values(fields, b"host")
    if len(hosts) > 1 or (not hosts and version == b"HTTP/1.1") or (hosts and not is_authority(hosts[0])):
        raise No
    if method in (b"CONNECT", b"TRACE"):
        raise No
    expectations = _values(fields, b"expect")
    if version == b"HTTP/1.1" and expectations and b", ".join(expectations).lower() != b"100-continue":
        raise No
    target, host = _target(method, target, hosts[0].lower() if hosts else b"")
    options = _members(_values(fields, b"connection"))
    away = HOP | (options - KEPT)
    meaning = Meaning(method, target, host, [f for f in fields if not _lost(f[0].lower(), away)])
    meaning.closes = b"close" in options or (version == b"HTTP/1.0" and b"keep-alive" not in options)
    return _body(meaning, fields, version, rest)


def _lost(name: bytes, away: set[bytes]) -> bool:
    return name in away or (b"_" in name and name.replace(b"_", b"-") in CONFUSED)


def _target(method: bytes, target: bytes, host: bytes) -> tuple[bytes, bytes]:
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target, host
    if target[:7].lower() != b"http://":
        raise No
    rest = target[7:]
    cut = min((rest.find(mark) for mark in (b"/", b"?") if mark in rest), default=len(rest))
    named = rest[:cut].lower()
    if not is_authority(named) or host not in (named, b""):
        raise No
    if not rest[cut:] and method == b"OPTIONS":
        return b"*", named  # RFC 9112, 3.2.4
    return (rest[cut:] if rest[cut : cut + 1] == b"/" else b"/" + rest[cut:]), named


def is_authority(text: bytes) -> bool:
    """host or [IPv6], perhaps with a port of one to five digits."""
    host, colon, port = text.rpartition(b":") if not text.endswith(b"]") and b":" in text else (text, b"", b"")
    if colon and not (1 <= len(port) <= 5 and set(DIGITS).issuperset(port)):
        return False
    if host.startswith(b"[") and host.endswith(b"]"):
        return len(host) > 2 and (HEX | set(b":.")).issuperset(host[1:-1])
    return bool(host) and HOST_CHARACTERS.issuperset(host)


def _body(meaning: Meaning, fields: list[tuple[bytes, bytes]], version: bytes, rest: bytes) -> tuple[Meaning, bytes]:
    lengths, codings = _values(fields, b"content-length"), _values(fields, b"transfer-encoding")
    if codings:
        if lengths or version == b"HTTP/1.0" or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise No
        return _chunks(meaning, rest)
    if not lengths:
        return meaning, rest
    if len(lengths) > 1 or not 1 <= len(lengths[0]) <= 18 or not set(DIGITS).issuperset(lengths[0]):
        raise No
    size = int(lengths[0])
    if len(rest) < size:
        raise More
    meaning.body = rest[:size]
    return meaning, rest[size:]


def _chunks(meaning: Meaning, rest: bytes) -> tuple[Meaning, bytes]:
    while True:
        line, rest = _line(rest)
        number, mark, extension = line.partition(b";")
        if mark:
            number = number.rstrip(OWS)
        if not 1 <= len(number) <= 15 or not HEX.issuperset(number) or not VALUE.issuperset(extension):
            raise No
        size = int(number, 16)
        if size == 0:
            break
        if not b"\r\n".startswith(rest[size : size + 2]):
            raise No
        if len(rest) < size + 2:
            raise More
        meaning.body += rest[:size]
        rest = rest[size + 2 :]
    _, rest = _fields(rest)
    return meaning, rest
