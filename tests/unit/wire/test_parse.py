"""Heads are judged strictly, and pieces of any size give what the whole gives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.wire.fast.blocks import Plain, PlainBlocks
from shield_proxy.wire.fast.plain import is_plain
from shield_proxy.wire.http.lines import LINES as LINES_KNOWN
from shield_proxy.wire.http.lines import LONGEST, KnownLines, read_fields
from shield_proxy.wire.http.message import Chunked, Length, NoBody, Refused, UntilClose, index_fields
from shield_proxy.wire.http.parse import HeadLimits, judge_partial, parse_request, parse_response

LIMITS = HeadLimits()
NAMES = st.sampled_from(
    [
        b"Host",
        b"X-A",
        b"Cookie",
        b"Connection",
        b"Content-Length",
        b"Transfer-Encoding",
        b"Range",
        b"X y",
        b"",
        b"shield-x",
    ]
)
VALUES = st.one_of(
    st.sampled_from([b"a.example", b"keep-alive", b"close", b"3", b"chunked", b" a b ", b"", b"a\tb", b"\xc3\xa9"]),
    st.binary(max_size=6),
)
LINES = st.lists(st.tuples(NAMES, VALUES).map(lambda field: b"%s: %s\r\n" % field), max_size=6)
BLOCKS = LINES.map(lambda lines: b"Host: a.example\r\n" + b"".join(lines) + b"\r\n")


def request(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


def test_a_request_is_read_with_its_fields_in_order() -> None:
    head = parse_request(request(b"GET /a?b=c HTTP/1.1\nHost: A.example:80\nX-One:  1 \nx-one: 2\n\n"), LIMITS)
    assert (head.method, head.target, head.path, head.authority) == (b"GET", b"/a?b=c", b"/a", b"a.example:80")
    assert head.fields[1:] == ((b"X-One", b"1"), (b"x-one", b"2"))
    assert head.index[b"x-one"] == b"1, 2"
    assert (head.framing, head.keep_alive, head.minor) == (NoBody(), True, 1)


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        (b"", NoBody()),
        (b"Content-Length: 0\n", NoBody()),
        (b"Content-Length: 12\n", Length(12)),
        (b"Transfer-Encoding: CHUNKED\n", Chunked()),
    ],
)
def test_a_request_says_how_long_it_is(fields: bytes, framing: object) -> None:
    assert parse_request(request(b"POST / HTTP/1.1\nHost: a\n" + fields + b"\n"), LIMITS).framing == framing


@pytest.mark.parametrize(
    ("method", "text", "framing", "stays"),
    [
        (b"GET", b"HTTP/1.1 200 OK\nContent-Length: 3\n\n", Length(3), True),
        (b"GET", b"HTTP/1.1 200 OK\n\n", UntilClose(), True),
        (b"GET", b"HTTP/1.1 200\n\n", UntilClose(), True),
        (b"GET", b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", Chunked(), True),
        (b"HEAD", b"HTTP/1.1 200 OK\nContent-Length: 3\n\n", NoBody(), True),
        (b"HEAD", b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", NoBody(), True),
        (b"GET", b"HTTP/1.1 204 No\n\n", NoBody(), True),
        (b"GET", b"HTTP/1.1 304 Not\nContent-Length: 3\n\n", NoBody(), True),
        (b"GET", b"HTTP/1.0 200 OK\nContent-Length: 3\n\n", Length(3), False),
        (b"GET", b"HTTP/1.0 200 OK\nContent-Length: 3\nConnection: Keep-Alive\n\n", Length(3), True),
        (b"GET", b"HTTP/1.1 200 OK\nContent-Length: 3\nConnection: x, close\n\n", Length(3), False),
    ],
)
def test_a_response_says_how_long_it_is(method: bytes, text: bytes, framing: object, stays: bool) -> None:
    head = parse_response(request(text), method, LIMITS)
    assert (head.framing, head.keep_alive) == (framing, stays)


def test_an_upgrade_is_a_field_like_others() -> None:
    text = b"GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nX: y\n\n"
    assert parse_request(request(text), LIMITS).index[b"x"] == b"y"


def test_methods_nobody_has_heard_of_are_methods() -> None:
    assert parse_request(request(b"BREW /pot HTTP/1.1\nHost: a\n\n"), LIMITS).method == b"BREW"


GRAMMAR = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")
"""Of a block, as a whole: the judge of whatever is faster."""
ROUGH = st.lists(
    st.sampled_from([b"A: b", b"A:", b":", b" ", b"\r", b"\n", b"\r\n", b"\x00", b"\xff", b"a:1"]), max_size=9
)


@given(st.one_of(BLOCKS, ROUGH.map(b"".join), ROUGH.map(lambda parts: b"".join(parts) + b"\r\n\r\n")))
def test_a_block_is_read_as_the_grammar_says_also_when_its_lines_are_known(block: bytes) -> None:
    for _ in range(2):
        try:
            fields, index = read_fields(block)
        except Refused:
            assert GRAMMAR.fullmatch(block) is None
        else:
            assert GRAMMAR.fullmatch(block) is not None
            expected = [line.partition(b":") for line in block.split(b"\r\n")[:-2]]
            assert list(fields) == [(name, value.strip(b" \t")) for name, _, value in expected]
            assert index == index_fields(fields)


def test_the_memory_of_lines_is_bounded_and_keeps_what_is_used() -> None:
    known = KnownLines()
    for i in range(3 * LINES_KNOWN):
        assert known[b"Host: a"][1] == (b"host", b"a")
        assert known[b"Cookie: %d" % i][0] == (b"Cookie", b"%d" % i)
    long = b"Cookie: " + b"c" * LONGEST
    assert known[long][1][0] == b"cookie"
    assert long not in known
    assert len(known) <= LINES_KNOWN
    assert len(known._older) <= LINES_KNOWN


@given(BLOCKS)
def test_what_is_judged_plain_means_the_same_to_the_full_parser(block: bytes) -> None:
    plain = PlainBlocks().judge(b"\r\n" + block)
    try:
        head = parse_request(b"GET / HTTP/1.1\r\n" + block, LIMITS)
    except Refused:
        assert plain is None
        return
    if is_plain(head):
        assert isinstance(plain, Plain)
    if plain is not None:
        assert (plain.authority, plain.index) == (head.authority, {**head.index, b"host": head.authority})
        assert (head.framing, head.keep_alive) == (NoBody(), True)


@given(BLOCKS)
def test_a_block_is_judged_alike_when_its_lines_are_known(block: bytes) -> None:
    blocks = PlainBlocks()
    first = blocks.judge(b"\r\n" + block)
    blocks.clear()
    again = blocks.judge(b"\r\n" + block)
    assert (first is None) == (again is None)
    if first is not None and again is not None:
        assert first.index == again.index


def test_memories_of_plain_blocks_are_bounded() -> None:
    blocks = PlainBlocks()
    for i in range(10_000):
        assert blocks.judge(b"\r\nHost: a\r\nCookie: %d\r\n\r\n" % i) is not None
    assert len(blocks) <= 2048
    assert len(blocks._roles) <= 4096


HEADS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
]


@pytest.mark.parametrize("head", HEADS, ids=range(len(HEADS)))
@pytest.mark.parametrize("step", [1, 5, 1000])
def test_an_unfinished_head_is_refused_as_the_whole_would_be(head: bytes, step: int) -> None:
    def whole() -> int:
        try:
            parse_request(head, LIMITS)
        except Refused as refused:
            return refused.status
        return 200

    def pieces() -> int:
        for end in range(step, len(head) + step, step):
            buffer = head[:end]
            if b"\r\n\r\n" in buffer:
                return whole()
            try:
                judge_partial(buffer, end - step, LIMITS)
            except Refused as refused:
                return refused.status
        return 0

    if len(head) < 1000 or step == 1000:
        assert pieces() == whole() or (whole() == 400 and pieces() == 400)
