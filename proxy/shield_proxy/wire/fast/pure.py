"""The fast path in Python alone: see wire/fast.py, which says what it promises. Pure."""

from collections.abc import Callable
from typing import Any

from shield_proxy.wire.fast.blocks import LARGEST, MOST_FIELDS, PlainBlocks
from shield_proxy.wire.fast.plain import variation
from shield_proxy.wire.http.parse import HeadLimits

QUEUED = 256 << 10
"""Bytes of answers after which serve() stops, for its caller to see whether the client takes them."""
COPIED = 16 << 10
"""Bytes of a body up to which one piece with its head costs less than two pieces."""
LARGE = 1 << 20
"""Bytes of a body above which it is sent piece by piece, as the client takes them, by somebody else."""
UNLIMITED = 1 << 62

Hit = tuple[float, str, Any, bytes, bytes, bytes, bytes, bytes, bytes, bytes]
"""For the log: FastPath.at, the peer's address, the answer; method, authority, target; User-Agent, Referer, traceparent
and the X-Forwarded-For of a trusted proxy (the last four are empty where there is none)."""


def untrack(_thing: object) -> None:
    """The collector does not look at an object that can't be part of a cycle. Only the compiled twin can do it."""


class Tally:
    """Responses and bytes of one label set, counted on the hot path."""

    __slots__ = ("bytes", "count", "zone")

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.count = 0
        self.bytes = 0


class Answer:
    """A response ready to be sent."""

    __slots__ = (
        "after",
        "before",
        "body",
        "born",
        "cost",
        "fresh_for",
        "lines",
        "marks",
        "resource",
        "stored",
        "tally",
        "used",
    )

    def __init__(
        self, lines: bytes, marks: bytes, body: bytes, born: float, fresh_for: float, tally: Tally, stored: Any = None
    ) -> None:
        self.lines = lines
        """Status line and fields, each with its line end."""
        self.marks = marks
        """What comes after them, up to the value of Content-Length; Age is written last."""
        self.body = body
        self.born = born
        """When its age was zero."""
        self.fresh_for = fresh_for
        """Seconds of age below which it answers plain requests."""
        self.tally = tally
        self.used = False
        """Since whoever keeps it last looked."""
        # Its keeper's own. They are here because a subclass would be tracked by the collector.
        self.stored = stored
        self.resource: Any = None
        self.before: Any = None
        self.after: Any = None
        self.cost = 0


class Resource:
    """What one URI names: an answer, or variants that the request's fields select among."""

    __slots__ = ("aliases", "answer", "key", "variants", "vary")

    def __init__(self, key: bytes, vary: tuple[bytes, ...]) -> None:
        self.key = key
        self.vary = vary
        """Lower-case names of the fields that select among variants."""
        self.answer: Any = None
        """The only one, where nothing varies."""
        self.variants: dict[bytes, Any] | None = None
        self.aliases: tuple[bytes, ...] = ()
        """Raw names that lead here."""


class Client:
    """Who asks on a connection."""

    __slots__ = ("left", "mark", "peer", "trusted")

    def __init__(self, peer: str, mark: bytes, trusted: bool, left: int) -> None:
        self.peer = peer
        self.mark = mark
        """Of the connection's scheme."""
        self.trusted = trusted
        """Its word on whom it asks for counts."""
        self.left = left
        """Requests that it may still send; the last is not answered here."""


class FastPath:
    """Answers plain requests for what has a raw name."""

    __slots__ = ("_blocks", "_largest", "_log", "_names", "_target", "_trusted", "at")

    def __init__(
        self, names: dict[bytes, Resource], limits: HeadLimits, log: Callable[[Hit], object] | None = None
    ) -> None:
        most = min(limits.fields, MOST_FIELDS)
        self._names = names
        self._largest = min(limits.head, LARGEST)
        self._target = limits.target
        self._log = log
        self.at = 0.0
        """Wall-clock time of a moment ago, for the log; whoever has a clock sets it."""
        self._blocks = PlainBlocks(most_fields=most)
        self._trusted = PlainBlocks(most_fields=most, trusted=True)

    def introduce(self, peer: str, mark: bytes, trusted: bool, left: int) -> Client:
        """A client as serve() takes it."""
        return Client(peer, mark, trusted, left)

    def serve(self, buffer: bytes, position: int, now: float, out: list[bytes], client: Client) -> int:
        """See wire.fast."""
        blocks = self._trusted if client.trusted else self._blocks
        queued = 0
        while queued < QUEUED and client.left > 1:
            end = buffer.find(b"\r\n\r\n", position) + 4
            line = buffer.find(b"\r\n", position, end)
            if end == 3 or buffer[line - 9 : line] != b" HTTP/1.1" or end - line > self._largest:
                break
            get = buffer.startswith(b"GET /", position)
            if not get and not buffer.startswith(b"HEAD /", position):
                break
            block = buffer[line:end]
            plain = blocks.get(block) or blocks.judge(block)
            if plain is None:
                break
            target = buffer[position + (4 if get else 5) : line - 9]
            mark = client.mark if plain.mark is None else plain.mark
            resource = self._names.get(mark + plain.authority + target if mark else plain.authority + target)
            if resource is None or len(target) > self._target:
                break
            answer = resource.answer
            if answer is None and resource.variants:
                answer = resource.variants.get(variation(resource.vary, plain.index))
            if answer is None:
                break
            age, body, tally = now - answer.born, answer.body, answer.tally
            size = len(body)
            if age >= answer.fresh_for or size > LARGE:
                break
            answer.used = True
            head = b"%b%b%d\r\nAge: %d\r\n\r\n" % (answer.lines, answer.marks, size, age if age > 0 else 0)
            if not get or not size:
                out.append(head)
            elif size <= COPIED:
                out.append(head + body)
            else:
                out += (head, body)
            queued += size + len(head)
            tally.count += 1
            if get:
                tally.bytes += size
            if self._log is not None:
                method = b"GET" if get else b"HEAD"
                self._log((self.at, client.peer, answer, method, plain.authority, target, *plain.logged))
            client.left -= 1
            position = end
        return position
