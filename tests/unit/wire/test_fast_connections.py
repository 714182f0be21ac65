"""A connection says the same with either fast path and with none, whole and cut anywhere."""

import asyncio
import itertools
from collections.abc import Coroutine
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plainrequests import BUFFERS, LIMITS, NOW, answer_for, compiled, names_of, whole

from shield_proxy.wire.fast import pure as fastpure
from shield_proxy.wire.serving.arrival import Arrival
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.limits import ServerLimits
from shield_proxy.wire.serving.listener import Listener
from shield_proxy.wire.serving.server import ServerConnection


class Recorder(asyncio.Transport):
    """Takes what a connection writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def writelines(self, parts: Any) -> None:
        self.written += map(bytes, parts)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write_eof(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Told:
    """Answers by the full parser's reading what the fast path answers, and tells everything else what it was."""

    def __init__(self, names: dict[bytes, Any], fast: Any) -> None:
        self.names, self.fast = names, fast

    def answer(self, exchange: Exchange) -> Coroutine[None, None, None] | None:
        head = exchange.head
        found = answer_for(self.names, head, trusted=exchange.trusted) if exchange.body is None else None
        if found is not None:
            exchange.reply_ready(200, whole(found, b"HEAD")[:-2], found.body)
        else:
            exchange.reply(
                200, b"HTTP/1.1 200 OK\r\n", repr((head.method, head.authority, head.target, head.fields)).encode()
            )
        return None

    def refusal(self, status: int, reason: str, peer: str, request_id: bytes = b"") -> tuple[bytes, bytes]:
        return b"HTTP/1.1 %d No\r\n" % status, b""  # where a head is cut decides which fault is seen first


def through_a_connection(module: Any, pieces: list[bytes], *, fast: bool, trusted: bool) -> bytes:
    names = names_of(module)
    listener = Listener(
        ServerConnection, Told(names, module.FastPath(names, LIMITS) if fast else None), ServerLimits(), lambda: NOW
    )
    connection, transport = ServerConnection(listener, Arrival("192.0.2.1", trusted=trusted)), Recorder()
    connection.connection_made(transport)
    for piece in pieces:
        connection.data_received(piece)
    return b"".join(transport.written)


@given(raw=BUFFERS, cuts=st.lists(st.integers(0, 400), max_size=4), trusted=st.booleans())
@pytest.mark.parametrize("which", ["pure", "compiled"])
def test_a_connection_says_the_same_with_and_without_a_fast_path_wherever_the_bytes_are_cut(
    which: str, raw: bytes, cuts: list[int], trusted: bool
) -> None:
    module: Any = fastpure if which == "pure" else compiled()
    expected = through_a_connection(fastpure, [raw], fast=False, trusted=trusted)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in itertools.pairwise(edges) if b > a]
    assert through_a_connection(module, pieces, fast=True, trusted=trusted) == expected
    assert through_a_connection(module, [raw], fast=True, trusted=trusted) == expected


def test_every_place_to_cut_gives_the_same_answers(twin: ModuleType) -> None:
    raw = b"GET /a HTTP/1.1\r\nHost: a\r\nCookie: x\r\n\r\n\r\nHEAD /v HTTP/1.1\r\nHost: a\r\n\r\n"
    raw += b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n"
    expected = through_a_connection(fastpure, [raw], fast=False, trusted=False)
    for cut in range(1, len(raw)):
        assert through_a_connection(twin, [raw[:cut], raw[cut:]], fast=True, trusted=False) == expected, cut
    single = [raw[i : i + 1] for i in range(len(raw))]
    assert through_a_connection(twin, single, fast=True, trusted=False) == expected
