"""Large bodies that are asked for often, once more as files in memory: the kernel sends a file's own pages, where bytes
of ours would be copied first. For 1 MiB that copy is almost half of the work."""

import os
from asyncio import Transport
from collections.abc import Callable
from dataclasses import dataclass

from shield_proxy.wire.fast.files import LEAST, send_file

MOST_FILES = 256
REMEMBERED = 256
"""Bodies that were asked for once lately."""
QUIET = 10.0
"""Seconds without a request after which a file gives way. Sooner it would cost more than it saves: where more bodies
are asked for in turn than there is room for, each would go before its next request."""


@dataclass(slots=True)
class _Kept:
    body: bytes
    """Keeps its id() from being another's."""
    descriptor: int
    used: float


class Pages:
    """The files; whoever makes it ends it with close().

    `most`: bytes that they may cost, with the bodies that they stand for, which may be kept by nobody else any more;
    `charge` is told of each change of what they cost.
    """

    def __init__(self, most: int, charge: Callable[[int], None]) -> None:
        self._most = most
        self._charge = charge
        self._seen: dict[int, None] = {}
        self._kept: dict[int, _Kept] = {}
        """By id(body), the longest unused first."""
        self.cost = 0

    def __len__(self) -> int:
        return len(self._kept)

    def write(self, transport: Transport, parts: list[bytes], now: float) -> bool:
        """Writes all parts, if the last is a body kept here and nothing is queued before it on the transport, which is
        of bare TCP; False where nothing was written. What the client does not take at once is queued."""
        body = parts[-1]
        if len(body) < LEAST or transport.is_closing() or transport.get_write_buffer_size():
            return False
        descriptor = self._find(body, now)
        if descriptor is None:
            return False
        head = parts[0] if len(parts) == 2 else b"".join(parts[:-1])
        sent = send_file(transport.get_extra_info("socket").fileno(), head, descriptor, len(body))
        if sent < len(head):
            transport.writelines([head[sent:], body])
        elif sent < len(head) + len(body):
            transport.write(memoryview(body)[sent - len(head) :])
        return True

    def close(self) -> None:
        """Nothing is kept any more; what is being sent is sent."""
        for kept in self._kept.values():
            os.close(kept.descriptor)
        self._kept.clear()
        self._change(-self.cost)

    def _find(self, body: bytes, now: float) -> int | None:
        """The body's file; made at the second request, if there is room."""
        key = id(body)
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.used = now
            self._kept[key] = kept
            return kept.descriptor
        if key not in self._seen:
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
            return None
        return self._keep(body, now)

    def _keep(self, body: bytes, now: float) -> int | None:
        cost = 2 * len(body)
        while self._kept and (self.cost + cost > self._most or len(self._kept) >= MOST_FILES):
            key, oldest = next(iter(self._kept.items()))
            if now - oldest.used < QUIET:
                return None
            del self._kept[key]
            os.close(oldest.descriptor)
            self._change(-2 * len(oldest.body))
        if cost > self._most:
            return None
        descriptor = _file_of(body)
        if descriptor is None:
            return None
        self._seen.pop(id(body))
        self._kept[id(body)] = _Kept(body, descriptor, now)
        self._change(cost)
        return descriptor

    def _change(self, cost: int) -> None:
        self.cost += cost
        self._charge(cost)


def _file_of(body: bytes) -> int | None:
    """A file in memory that holds the body; None where the system has none to give."""
    try:
        descriptor = os.memfd_create("body")
    except OSError:
        return None
    try:
        if os.write(descriptor, body) == len(body):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
