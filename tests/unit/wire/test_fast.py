"""Both fast paths and the full parser understand the same bytes alike, whole and cut anywhere."""

import asyncio
import importlib
import itertools
import os
from collections.abc import Coroutine
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shield_proxy.wire import fast
from shield_proxy.wire.fast import pure as fastpure
from shield_proxy.wire.fast.plain import DECISIVE, MARKS, REWRITTEN, is_plain, variation
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.parse import HeadLimits, parse_request
from shield_proxy.wire.serving.arrival import Arrival
from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.listener import Listener, ServerLimits
from shield_proxy.wire.serving.server import ServerConnection

LIMITS = HeadLimits()
NOW = 1000.0
LINES, MARKED = b"HTTP/1.1 200 OK\r\nETag: x\r\n", b"Via: 1.1 here\r\nContent-Length: "


def compiled() -> ModuleType:
    """The compiled twin, wherever the package was built with a compiler."""
    try:
        return importlib.import_module("shield_proxy.wire.fast._fast")
    except ImportError:
        pytest.skip("the package was built without a C compiler")


def test_the_compiled_twin_runs_where_it_was_built_unless_it_is_turned_off() -> None:
    wanted = "pure" if os.environ.get("SHIELD_PURE") == "1" else "compiled"
    assert compiled().FastPath.__name__ == "FastPath"
    assert wanted == fast.IMPLEMENTATION


@pytest.fixture(params=["pure", "compiled"])
def twin(request: pytest.FixtureRequest) -> ModuleType:
    return fastpure if request.param == "pure" else compiled()


def names_of(module: Any) -> dict[bytes, Any]:
    """Raw names of what the tests ask for: small, empty, large, stale, and with variants."""
    tally = module.Tally("zone")
    names = {}
    bodies = {b"/a": b"small", b"/empty": b"", b"/large": b"x" * 40_000, b"/stale": b"old"}
    for mark in MARKS.values():
        for host in (b"a", b"a.example:80"):
            for target, body in bodies.items():
                resource = module.Resource(target, ())
                fresh_for = 0.0 if target == b"/stale" else 100.0
                told = body if target != b"/a" else b"%b %b" % (host, mark.hex().encode())
                resource.answer = module.Answer(LINES, MARKED, told, NOW - 7.5, fresh_for, tally)
                names[mark + host + target] = resource
            varied = module.Resource(b"/v", (b"accept-encoding", b"cookie", b"x-none"))
            varied.variants = {
                variation(varied.vary, index): module.Answer(LINES, MARKED, b"variant %d" % i, NOW, 100.0, tally)
                for i, index in enumerate(
                    ({}, {b"accept-encoding": b"br"}, {b"cookie": b"a=1, b=2"}, {b"accept-encoding": b"br, gzip"})
                )
            }
            names[mark + host + b"/v"] = varied
    return names


def answer_for(names: dict[bytes, Any], head: Any, *, trusted: bool) -> Any:
    """What the full parser's reading of a request finds."""
    if head.method not in (b"GET", b"HEAD") or not is_plain(head, trusted=trusted):
        return None
    scheme = head.index.get(b"x-forwarded-proto", b"http") if trusted else b"http"
    resource = names.get(MARKS[scheme] + head.authority + head.target)
    if resource is None:
        return None
    found = resource.answer or (resource.variants or {}).get(variation(resource.vary, head.index))
    return found if found is not None and NOW - found.born < found.fresh_for else None


def whole(found: Any, method: bytes) -> bytes:
    head = b"%b%b%d\r\nAge: %d\r\n\r\n" % (found.lines, found.marks, len(found.body), NOW - found.born)
    return head + (b"" if method == b"HEAD" else found.body)


def readings(raw: bytes, names: dict[bytes, Any], *, trusted: bool) -> list[tuple[int, bytes, tuple[bytes, ...]]]:
    """Where each plain request of the buffer ends, its answer, and what a log tells: by the full parser alone."""
    found, position = [], 0
    while (end := raw.find(b"\r\n\r\n", position) + 4) > 3:
        try:
            head = parse_request(raw[position:end], LIMITS)
        except Refused:
            break
        answer = answer_for(names, head, trusted=trusted)
        if answer is None:
            break
        logged = [head.index.get(name, b"") for name in (b"user-agent", b"referer", b"traceparent")]
        logged.append(head.index.get(b"x-forwarded-for", b"") if trusted else b"")
        found.append((end, whole(answer, head.method), (head.method, head.authority, head.target, *logged)))
        position = end
    return found


STARTS = [b"GET /a", b"GET /a", b"GET /v", b"HEAD /a", b"GET /empty", b"GET /large", b"GET /stale", b"GET /other"]
STARTS += [b"POST /a", b"GET a", b"GET http://a/a", b"get /a", b"GET  /a", b"GET /a#", b"GET /a\x80", b"OPTIONS *"]
START = st.sampled_from([*STARTS, b"GET /a b", b"HEADS /a"])
VERSION = st.sampled_from([b" HTTP/1.1\r\n"] * 6 + [b" HTTP/1.0\r\n", b" HTTP/1.1\n", b"\r\n", b" HTTP/1.1 \r\n"])
HOST = st.sampled_from(
    [b"a", b"A", b" a \t", b"a.example:80", b"A.Example:80", b"b", b"", b"a b", b"a, a", b"a\x80", b"[::1]"]
)
VALUES = st.sampled_from([b"", b"x", b" br", b"br \t", b"a=1", b"b=2", b"keep-alive", b"close", b"http", b"https"])
ODD = st.binary(max_size=12)
NAME = [
    b"Accept-Encoding",
    b"Cookie",
    b"User-Agent",
    b"Referer",
    b"Traceparent",
    b"X-None",
    b"Connection",
    b"X-Real-IP",
]
NAME += [b"Shield-X", b"Sec-Fetch-Site", b"Host", b"Content-Length", b"Transfer-Encoding", b"shield"]
NAMES = st.sampled_from([*NAME, b"", b"X Y", b"X(", b"\x80", *sorted(REWRITTEN), *sorted(DECISIVE)])
CASED = st.tuples(NAMES, st.sampled_from([bytes.title, bytes.upper, bytes.lower])).map(lambda pair: pair[1](pair[0]))
LINE = st.one_of(
    st.tuples(CASED, st.sampled_from([b":", b": ", b":\t ", b" :", b"::"]), st.one_of(VALUES, ODD)).map(b"".join),
    st.sampled_from(
        [b"Accept-Encoding: br", b"Cookie: a=1", b"Cookie: b=2", b"User-Agent: " + b"u" * 40, b"X: " + b"y" * 5000]
    ),
    ODD,
)
END = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r\n "])
ANY_HEAD = st.tuples(
    START,
    VERSION,
    HOST,
    st.lists(st.tuples(LINE, END).map(b"".join), max_size=5),
    st.sampled_from([b"\r\n"] * 6 + [b""]),
).map(lambda parts: b"%b%bHost:%b\r\n%b%b" % (parts[0], parts[1], parts[2], b"".join(parts[3]), parts[4]))
GOOD_HEAD = st.tuples(
    st.sampled_from([b"GET /a", b"HEAD /a", b"GET /v", b"GET /large", b"GET /empty"]),
    st.sampled_from([b"a", b" A ", b"a.example:80"]),
    st.lists(
        st.sampled_from(
            [b"Accept-Encoding: br", b"Cookie: a=1", b"Cookie: b=2", b"Referer:\t/x", b"Sec-Fetch-Mode: y"]
        ),
        max_size=4,
        unique=True,
    ),
).map(
    lambda parts: (
        b"%b HTTP/1.1\r\nHost:%b\r\n%b\r\n" % (parts[0], parts[1], b"".join(line + b"\r\n" for line in parts[2]))
    )
)
BUFFERS = st.lists(st.one_of(GOOD_HEAD, ANY_HEAD), max_size=4).map(b"".join)


@settings(deadline=None)
@given(raw=BUFFERS, trusted=st.booleans())
@example(raw=b"GET /a HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 300 + b"\r\n", trusted=False)
@example(raw=b"GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: c\r\n\r\n", trusted=True)
@example(raw=b"GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nForwarded: for=c\r\n\r\n", trusted=False)
@pytest.mark.parametrize("which", ["pure", "compiled"])
def test_what_is_answered_fast_means_the_same_to_the_full_parser(which: str, raw: bytes, trusted: bool) -> None:
    module: Any = fastpure if which == "pure" else compiled()
    names, out, logged = names_of(module), [], []
    tally = names[b"a/a"].answer.tally
    path = module.FastPath(names, LIMITS, logged.append)
    client = module.Client("192.0.2.1", b"", trusted, 100)
    position = path.serve(raw, 0, NOW, out, client)
    expected = readings(raw, names, trusted=trusted)
    taken = [reading for reading in expected if reading[0] <= position]
    assert position == (taken[-1][0] if taken else 0)
    assert b"".join(out) == b"".join(answer for _, answer, _ in taken)
    assert [hit[3:] for hit in logged] == [told for _, _, told in taken]
    assert (client.left, tally.count) == (100 - len(taken), len(taken))
    assert tally.bytes == sum(len(a.partition(b"\r\n\r\n")[2]) for _, a, _ in taken)


@settings(deadline=None)
@given(heads=st.lists(GOOD_HEAD, min_size=1, max_size=5))
@pytest.mark.parametrize("which", ["pure", "compiled"])
def test_plain_requests_are_answered_fast(which: str, heads: list[bytes]) -> None:
    module: Any = fastpure if which == "pure" else compiled()
    raw, names = b"".join(heads), names_of(module)
    position = module.FastPath(names, LIMITS).serve(raw, 0, NOW, [], module.Client("", b"", False, 100))
    expected = readings(raw, names, trusted=False)
    assert position == (expected[-1][0] if expected else 0)


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
    listener = Listener(Told(names, module.FastPath(names, LIMITS) if fast else None), ServerLimits(), lambda: NOW)
    connection, transport = ServerConnection(listener, Arrival("192.0.2.1", trusted=trusted)), Recorder()
    connection.connection_made(transport)
    for piece in pieces:
        connection.data_received(piece)
    return b"".join(transport.written)


@settings(deadline=None)
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


def test_a_buffer_full_of_requests_is_answered_in_bounded_parts(twin: ModuleType) -> None:
    raw = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n" * 100
    module: Any = twin
    out: list[bytes] = []
    position = module.FastPath(names_of(module), LIMITS).serve(raw, 0, NOW, out, module.Client("", b"", False, 1000))
    assert 0 < position < len(raw)
    assert sum(map(len, out)) < (256 << 10) + 50_000


def test_the_last_request_of_a_connection_is_left_to_who_can_close_it(twin: ModuleType) -> None:
    raw = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n" * 5
    module: Any = twin
    client = module.Client("", b"", False, 3)
    assert module.FastPath(names_of(module), LIMITS).serve(raw, 0, NOW, [], client) == 2 * len(raw) // 5
    assert client.left == 1


@pytest.mark.parametrize("limits", [HeadLimits(target=1), HeadLimits(head=20), HeadLimits(fields=1)], ids=str)
def test_limits_of_the_full_parser_hold(twin: ModuleType, limits: HeadLimits) -> None:
    raw = b"GET /a HTTP/1.1\r\nHost: a\r\nCookie: 1\r\n\r\n"
    module: Any = twin
    assert module.FastPath(names_of(module), limits).serve(raw, 0, NOW, [], module.Client("", b"", False, 3)) == 0


def test_an_answer_from_the_future_has_age_zero(twin: ModuleType) -> None:
    module: Any = twin
    names, out = names_of(module), []
    names[b"a/a"].answer.born = NOW + 5
    module.FastPath(names, LIMITS).serve(
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", 0, NOW, out, module.Client("", b"", False, 3)
    )
    assert b"\r\nAge: 0\r\n\r\n" in out[0]


def test_texts_that_look_alike_are_logged_as_they_are(twin: ModuleType) -> None:
    module: Any = twin
    agents = [b"beginning %d the end is the same" % (number % 7) for number in range(50)]
    raw = b"".join(b"GET /a HTTP/1.1\r\nHost: A\r\nUser-Agent: %b\r\n\r\n" % agent for agent in agents)
    logged: list[Any] = []
    client = module.Client("", b"", False, 100)
    assert module.FastPath(names_of(module), LIMITS, logged.append).serve(raw, 0, NOW, [], client) == len(raw)
    assert [(hit[4], hit[6]) for hit in logged] == [(b"a", agent) for agent in agents]
