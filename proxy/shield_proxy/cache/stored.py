"""A stored response."""

from dataclasses import dataclass

from shield_proxy.cache.directives import Directives
from shield_proxy.wire.http.message import Fields, Index, index_fields


@dataclass(slots=True, eq=False)
class StoredResponse:
    """A whole response with what deciding about it needs. Times are of the monotonic clock.

    Nobody changes one. It is not frozen all the same, for that makes it three times as costly to make.
    """

    key: bytes
    """Primary cache key."""
    variation: bytes
    """Of the request that it answered, under `vary`."""
    status: int
    lines: bytes
    """Status line and end-to-end fields, without Age, Content-Length and what the tiers add, as they are sent. A hit
    needs nothing else of them, and a million tuples less are to be kept."""
    body: bytes
    vary: tuple[bytes, ...]
    """Lower-case names of request fields that select among variants."""
    directives: Directives
    born: float
    """When its age was zero, so that now - born is its age."""
    lifetime: float

    @property
    def reason(self) -> bytes:
        """The phrase of the status line."""
        return self.lines[: self.lines.find(b"\r\n")].partition(b" ")[2].partition(b" ")[2]

    @property
    def fields(self) -> Fields:
        """The end-to-end fields; taken from the lines each time."""
        parted = (line.partition(b": ") for line in self.lines.split(b"\r\n")[1:-1])
        return tuple((name, value) for name, _, value in parted)

    @property
    def index(self) -> Index:
        """The fields by name; made each time."""
        return index_fields(self.fields)

    @property
    def etag(self) -> bytes | None:
        """The entity tag."""
        return self.index.get(b"etag")

    @property
    def last_modified(self) -> bytes | None:
        """The Last-Modified field."""
        return self.index.get(b"last-modified")

    @property
    def validated(self) -> bool:
        """It has something to revalidate by."""
        index = self.index
        return b"etag" in index or b"last-modified" in index

    def age(self, now: float) -> float:
        """Seconds since it left its origin, or was last validated there."""
        return max(0.0, now - self.born)
