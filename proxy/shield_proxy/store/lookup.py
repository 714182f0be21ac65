"""One lookup in Redis: a value, or the names of the fields that select a variant, and then that."""

from collections.abc import Callable

import hiredis

from shield_proxy.cache.stored import StoredResponse
from shield_proxy.store.codec import VaryNames, decode, redis_key
from shield_proxy.store.resp import RedisConnection, RedisFailed
from shield_proxy.wire.fast.plain import variation
from shield_proxy.wire.http.message import Index

Found = StoredResponse | VaryNames | None
LEAST_WAIT = 0.001
"""Seconds that a command is given at least."""


def asking(name: bytes) -> bytes:
    """The commands that read a value and the time it has left: two replies."""
    size = len(name)
    return b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n*2\r\n$4\r\nPTTL\r\n$%d\r\n%s\r\n" % (size, name, size, name)


def read_replies(replies: list[object] | None, key: bytes, selected: bytes, now: float) -> Found:
    """What they say of a key, or of its variant `selected`. RedisFailed where there are none, or an error."""
    if replies is None:
        raise RedisFailed("closed")
    value, live = replies
    if isinstance(value, bytes) and isinstance(live, int):
        return decode(value, key, selected, live, now) if live >= 0 else None
    for reply in replies:
        if isinstance(reply, hiredis.HiredisError):
            raise RedisFailed(str(reply))
    return None


class Lookup:
    """A lookup that tells a callback what it found. A class, for functions within functions are made anew each time."""

    __slots__ = (
        "_asked",
        "_clock",
        "_connection",
        "_deadline",
        "_ended",
        "_key",
        "_request",
        "_selected",
        "_selecting",
        "_told",
    )

    def __init__(
        self,
        connection: RedisConnection,
        key: bytes,
        request: Index,
        deadline: float,
        clock: Callable[[], float],
        ended: Callable[[str, float], None],
        told: Callable[[StoredResponse | None], None],
    ) -> None:
        """`ended` is told "hit", "miss" or "failed" and when it began, and then `told` what was found."""
        self._connection, self._key, self._request = connection, key, request
        self._deadline, self._clock = deadline, clock
        self._ended, self._told = ended, told
        self._selected, self._selecting = b"", False
        self._asked = 0.0

    def begin(self, now: float) -> None:
        """Asks."""
        self._asked = now
        self._connection.send(asking(redis_key(self._key)), 2, max(LEAST_WAIT, self._deadline - now), self._replied)

    def _replied(self, replies: list[object] | None) -> None:
        now = self._clock()
        try:
            found = read_replies(replies, self._key, self._selected, now)
        except RedisFailed:
            self._ended("failed", self._asked)
            self._told(None)
            return
        if isinstance(found, StoredResponse):
            self._ended("hit", self._asked)
            self._told(found)
        elif isinstance(found, VaryNames) and not self._selecting:
            self._selecting, self._selected = True, variation(found.names, self._request)
            name = redis_key(self._key, self._selected)
            self._connection.send(asking(name), 2, max(LEAST_WAIT, self._deadline - now), self._replied)
        else:
            self._ended("miss", self._asked)
            self._told(None)
