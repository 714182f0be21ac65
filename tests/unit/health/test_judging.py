"""Responses against what is expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.health.judging import MOST_BODY, MOST_HEAD, body_holds, code_expected, head_end
from shield_proxy.wire.http.message import Refused

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "expected", "met"),
    [
        (200, ("200",), True),
        (204, ("200",), False),
        (204, ("2xx",), True),
        (404, ("2xx", "404"), True),
        (500, ("2xx", "404"), False),
        (200, ("5xx",), False),
    ],
)
def test_a_code_is_met_exactly_or_by_class(status: int, expected: tuple[str, ...], met: bool) -> None:
    assert code_expected(status, expected) is met


@pytest.mark.parametrize(
    ("body", "expected", "held"),
    [
        (b"status: ALL Good", "all good", True),
        ("Straße ÜBER".encode(), "STRASSE über", True),
        (b"\xff\xfe ok", "ok", True),
        (b"broken", "ok!", False),
        (b"", "ok", False),
        (b"x" * (MOST_BODY - 2) + b"ok", "ok", True),
        (b"x" * (MOST_BODY - 1) + b"ok", "ok", False),
    ],
)
def test_the_body_holds_the_text_in_its_first_10_kb_in_any_case(body: bytes, expected: str, held: bool) -> None:
    assert body_holds(body, expected) is held


@given(st.lists(st.integers(0, len(HEAD)), max_size=8), st.binary(max_size=40))
def test_a_head_is_found_however_it_comes(cuts: list[int], after: bytes) -> None:
    received, searched, whole = b"", 0, HEAD + after
    for end in [*sorted(cuts), len(whole)]:
        received = whole[:end]
        found = head_end(received, searched)
        assert found == (len(HEAD) if end >= len(HEAD) else 0)
        if found:
            return
        searched = len(received)


@pytest.mark.parametrize(
    "wrong",
    [b"SSH-2.0-x\r\n", b"\x15\x03\x01", b"HTTP/2 200\r\n", b"<html>", b"HTTP/1.1 200 OK\nServer: x\n\n", b"\n"],
)
def test_what_cannot_become_a_head_is_refused_at_once(wrong: bytes) -> None:
    with pytest.raises(Refused):
        head_end(wrong, 0)


def test_a_head_is_bounded() -> None:
    fits = b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MOST_HEAD - 24) + b"\r\n\r\n"
    assert head_end(fits, 0) == len(fits) == MOST_HEAD
    for endless in (fits[:-4] + b"x\r\n\r\n", fits + b"", fits[:-4] + b"xxxxx"):
        if endless != fits:
            with pytest.raises(Refused) as refused:
                head_end(endless, 0)
            assert refused.value.reason == "head-too-large"


@given(st.binary(max_size=200), st.integers(0, 200))
def test_bytes_of_any_kind_are_a_head_part_of_one_or_refused(received: bytes, searched: int) -> None:
    try:
        end = head_end(received, min(searched, len(received)))
    except Refused:
        return
    assert end == 0 or received[:end].endswith(b"\r\n\r\n")
