"""A stored response."""

from dataclasses import dataclass

from shield_proxy.cache.directives import Directives
from shield_proxy.wire.message import Fields, Index


@dataclass(frozen=True, slots=True, eq=False)
class StoredResponse:
    """A whole response with what deciding about it needs. Times are of the monotonic clock."""

    key: bytes
    """Primary cache key."""
    variation: bytes
    """Of the request that it answered, under `vary`."""
    status: int
    reason: bytes
    fields: Fields
    """End-to-end fields without Age, Content-Length and what the tiers add."""
    index: Index
    body: bytes
    vary: tuple[bytes, ...]
    """Lower-case names of request fields that select among variants."""
    directives: Directives
    born: float
    """When its age was zero, so that now - born is its age."""
    lifetime: float

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
        return self.etag is not None or self.last_modified is not None

    def age(self, now: float) -> float:
        """Seconds since it left its origin, or was last validated there."""
        return max(0.0, now - self.born)
