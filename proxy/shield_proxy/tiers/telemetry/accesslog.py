"""The access log: requests wait as they were answered, and become text in batches, off the hot path."""

from collections.abc import Callable
from typing import Any, NamedTuple

from shield_proxy.wire.http.message import Index

MOST_WAITING = 50_000
"""Requests kept between two batches; more are dropped and counted."""
PART = 256
"""Requests that become text in one go: a fraction of a millisecond in which nobody is answered."""

Hit = tuple[float, str, Any, bytes, bytes, bytes, bytes, bytes, bytes, bytes]
"""What the fast path answered: about when (seconds since the epoch), the peer's address, the entry; method, authority,
target; User-Agent, Referer, traceparent, and the X-Forwarded-For of a trusted proxy (the last four empty where there is
none). A plain tuple: making it is on the hot path."""


class Line(NamedTuple):
    """A request that was answered otherwise, or refused."""

    at: float
    """Wall-clock seconds since the epoch."""
    peer: str
    method: bytes
    """Empty where there was no request to speak of."""
    authority: bytes
    target: bytes
    minor: int
    """HTTP/1.minor."""
    status: int
    sent: int
    word: str
    seconds: float
    zone: str
    reason: str
    request_id: bytes
    fields: Index
    """The request's fields by lower-case name."""
    from_hop: bool
    """`peer` is a pod of this fleet, which tells who asked it."""


Batch = list[Hit | Line]
Render = Callable[[Batch], str]
Write = Callable[[str], object]
"""Takes text without waiting; False where there is no room for it."""


class AccessLog:
    """Requests until they are written."""

    __slots__ = ("_batch", "_credit", "_made", "_render", "_share", "_text", "_write", "add", "dropped", "waiting")

    def __init__(self, write: Write, render: Render, share: float = 1.0) -> None:
        """`share` of the requests is written; those with a status of 5xx always are."""
        self._write, self._render, self._share = write, render, share
        self._credit = 0.0
        self.waiting: Batch = []
        self.add = self.waiting.append
        """Takes a request; a list's own append, for the hot path."""
        self._batch: Batch = []
        self._made = 0
        """Of the batch, as far as it has come."""
        self._text: list[str] = []
        self.dropped = 0

    def flush(self) -> None:
        """Writes what waits."""
        while self.flush_part() or self.waiting:
            pass

    def flush_part(self) -> bool:
        """Makes a part of what waits text, and writes it when all is; whether there is more to do."""
        if not self._batch:
            self._take()
        part = self._batch[self._made : self._made + PART]
        self._made += PART
        if part:
            self._text.append(self._render(part))
        if self._made < len(self._batch):
            return True
        if self._text and self._write("".join(self._text)) is False:
            self.dropped += len(self._batch)
        self._batch, self._made, self._text = [], 0, []
        return False

    def _take(self) -> None:
        self._batch = self.waiting[:MOST_WAITING]
        self.dropped += len(self.waiting) - len(self._batch)
        self.waiting.clear()  # whoever adds knows this list
        if self._share < 1.0:
            self._batch = list(filter(self._chosen, self._batch))

    def _chosen(self, item: Hit | Line) -> bool:
        if isinstance(item, Line) and item.status >= 500:
            return True
        self._credit += self._share
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True
