"""Heads of requests and responses as values. They know nothing of sockets, caching or tiers.

Heads are made for each request and never changed; they are not frozen because that doubles what making them costs.
"""

from dataclasses import dataclass

Fields = tuple[tuple[bytes, bytes], ...]
"""(name, value) in the order received; names keep their case, values have no outer whitespace."""
Index = dict[bytes, bytes]
"""Lower-case name -> value; of a repeated field the values joined with `, ` (RFC 9110, 5.3)."""


class Refused(Exception):
    """A message that must not be understood; `status` is what a client is told, `reason` a short code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NoBody:
    """The message ends with its head."""


@dataclass(frozen=True, slots=True)
class Length:
    """Exactly `size` bytes follow; at least one."""

    size: int


@dataclass(frozen=True, slots=True)
class Chunked:
    """Chunks and trailers follow (RFC 9112, 7.1)."""


@dataclass(frozen=True, slots=True)
class UntilClose:
    """Responses only: the body ends with the connection."""


Framing = NoBody | Length | Chunked | UntilClose


@dataclass(slots=True)
class RequestHead:
    """A request whose syntax and framing were judged good."""

    method: bytes
    target: bytes
    """Origin-form, or `*` of OPTIONS."""
    authority: bytes
    """Host as the client named it, in lower case, with its port if it had one; empty only in HTTP/1.0."""
    minor: int
    """HTTP/1.minor: 0 or 1."""
    fields: Fields
    index: Index
    framing: Framing
    keep_alive: bool

    @property
    def path(self) -> bytes:
        """The target without its query."""
        return self.target.partition(b"?")[0]


@dataclass(slots=True)
class ResponseHead:
    """A response whose syntax and framing were judged good."""

    status: int
    reason: bytes
    minor: int
    fields: Fields
    index: Index
    framing: Framing
    keep_alive: bool


def index_fields(fields: Fields) -> Index:
    """The index of fields."""
    index: Index = {}
    for name, value in fields:
        lower = name.lower()
        index[lower] = index[lower] + b", " + value if lower in index else value
    return index


def list_members(value: bytes | None) -> tuple[bytes, ...]:
    """The members of a comma-separated list of tokens, in lower case, empty ones left out (RFC 9110, 5.6.1)."""
    if not value:
        return ()
    return tuple(member for part in value.split(b",") if (member := part.strip(b" \t").lower()))
