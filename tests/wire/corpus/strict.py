"""A reader of requests that tolerates nothing, for what arrives at an origin. It shares no code with the proxy.

It knows only the forms that the proxy may write: one method, one target in origin-form, HTTP/1.1, fields with one space
after the colon, one Host, at most one of Content-Length and Transfer-Encoding, chunks without extensions.
"""

from dataclasses import dataclass, field

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = b"0123456789"
TOKEN = set(LETTERS + DIGITS + b"!#$%&'*+-.^_`|~")
VALUE = {9, *range(32, 127), *range(128, 256)}
TARGET = set(range(33, 127)) - set(b"#")
NEVER = {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"trailer", b"upgrade"}
"""Fields of one connection; Transfer-Encoding is looked at on its own."""
ANEW = [(b"connection", b"upgrade"), (b"upgrade", b"websocket"), (b"connection", b"te"), (b"te", b"trailers")]
"""Those that the proxy may write itself."""
FRAMING = {b"content-length", b"transfer-encoding", b"host", b"connection", b"trailer", b"te", b"authorization"}
"""What no trailer section may hold."""


class Unreadable(Exception):
    """Bytes that the proxy must never write."""


@dataclass(slots=True)
class Message:
    """One request."""

    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        """The values of a field, by lower-case name."""
        return [value for key, value in self.fields if key.lower() == name]


def read_all(raw: bytes) -> tuple[list[Message], bytes]:
    """The whole requests at the beginning of `raw`, and what is left of an unfinished one. Unreadable."""
    messages: list[Message] = []
    while raw:
        found = read_one(raw)
        if found is None:
            break
        messages.append(found[0])
        raw = found[1]
    return messages, raw


def read_one(raw: bytes) -> tuple[Message, bytes] | None:
    """The first request and what follows it; None while it is not whole."""
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = raw[:end].split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or words[2] != b"HTTP/1.1" or not words[0] or not TOKEN.issuperset(words[0]):
        raise Unreadable(f"request line {first!r}")
    if not words[1].startswith(b"/") or not TARGET.issuperset(words[1]):
        raise Unreadable(f"target {words[1]!r}")
    message = Message(words[0], words[1], [_field(line) for line in lines])
    if len(message.values(b"host")) != 1:
        raise Unreadable("not exactly one Host")
    for name, value in message.fields:
        announced = {part.strip() for part in value.lower().split(b",")} if name.lower() == b"trailer" else FRAMING
        anew = (name.lower(), value.lower()) in ANEW or FRAMING.isdisjoint(announced)
        if name.lower() in NEVER and not anew:
            raise Unreadable(f"{name!r} crossed")
    return _body(message, raw[end + 4 :])


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not name or not colon or not TOKEN.issuperset(name):
        raise Unreadable(f"field {line!r}")
    if not VALUE.issuperset(value) or (value[:1] != b" " and value):
        raise Unreadable(f"value {line!r}")
    value = value[1:]
    if value[:1] in (b" ", b"\t") or value[-1:] in (b" ", b"\t"):
        raise Unreadable(f"white space {line!r}")
    return name, value


def _body(message: Message, rest: bytes) -> tuple[Message, bytes] | None:
    lengths, codings = message.values(b"content-length"), message.values(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Unreadable("two framings")
    if lengths:
        if not lengths[0] or not set(DIGITS).issuperset(lengths[0]) or str(int(lengths[0])).encode() != lengths[0]:
            raise Unreadable(f"length {lengths[0]!r}")
        size = int(lengths[0])
        if len(rest) < size:
            return None
        message.body = rest[:size]
        return message, rest[size:]
    if not codings:
        return message, rest
    if codings != [b"chunked"]:
        raise Unreadable(f"coding {codings!r}")
    return _chunks(message, rest)


def _chunks(message: Message, rest: bytes) -> tuple[Message, bytes] | None:
    while True:
        line, end, after = rest.partition(b"\r\n")
        if not end:
            return None
        if not line or not set(DIGITS + b"abcdefABCDEF").issuperset(line):
            raise Unreadable(f"chunk size {line!r}")
        size, rest = int(line, 16), after
        if size == 0:
            break
        if len(rest) < size + 2:
            return None
        if rest[size : size + 2] != b"\r\n":
            raise Unreadable("a chunk without its end")
        message.body += rest[:size]
        rest = rest[size + 2 :]
    while True:
        line, end, after = rest.partition(b"\r\n")
        if not end:
            return None
        rest = after
        if not line:
            return message, rest
        name, value = _field(line)
        if name.lower() in FRAMING:
            raise Unreadable(f"trailer {name!r} crossed")
        message.trailers.append((name, value))
