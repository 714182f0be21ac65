"""What leaves is made from what was understood."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.wire.http.message import index_fields, list_members
from shield_proxy.wire.http.parse import HeadLimits, parse_request, parse_response
from shield_proxy.wire.http.serialise import chunk, field_lines, forwardable, request_bytes, response_lines

TOKENS = st.text("abcXYZ-_", min_size=1, max_size=8).map(str.encode)
VALUES = st.text('abc ,;=\xe9"', max_size=12).map(lambda text: text.strip().encode("latin-1"))
FIELDS = st.lists(st.tuples(TOKENS.map(lambda token: b"X-" + token), VALUES), max_size=5).map(tuple)


@given(FIELDS)
def test_what_is_written_is_read_back(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    raw = request_bytes(b"GET", b"/a", field_lines(((b"Host", b"a"), *fields)))
    assert parse_request(raw, HeadLimits()).fields == ((b"Host", b"a"), *fields)
    lines = response_lines(200, b"", fields) + b"\r\n"
    head = parse_response(lines, b"GET", HeadLimits())
    assert (head.reason, head.fields) == (b"OK", fields)


def test_fields_of_a_connection_do_not_cross() -> None:
    fields = (
        (b"Connection", b"close, X-Named"),
        (b"Keep-Alive", b"1"),
        (b"TE", b"trailers"),
        (b"x-named", b"1"),
        (b"X-Kept", b"1"),
        (b"X-Dropped", b"1"),
    )
    assert forwardable(fields, index_fields(fields), frozenset((b"x-dropped",))) == ((b"X-Kept", b"1"),)


def test_a_chunk_is_framed_by_its_size() -> None:
    assert b"".join(chunk(b"x" * 26)) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_lists_lose_case_space_and_empty_members() -> None:
    assert list_members(b" A,, b ,C") == (b"a", b"b", b"c")
    assert list_members(None) == ()
