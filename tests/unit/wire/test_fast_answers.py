"""Both fast paths and the full parser understand the same requests alike, and each keeps its bounds."""

import os
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plainrequests import BUFFERS, GOOD_HEAD, LIMITS, NOW, compiled, names_of, readings

from shield_proxy.wire import fast
from shield_proxy.wire.fast import pure as fastpure
from shield_proxy.wire.http.parse import HeadLimits


def test_the_compiled_twin_runs_where_it_was_built_unless_it_is_turned_off() -> None:
    wanted = "pure" if os.environ.get("SHIELD_PURE") == "1" else "compiled"
    assert compiled().FastPath.__name__ == "FastPath"
    assert wanted == fast.IMPLEMENTATION


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


@given(heads=st.lists(GOOD_HEAD, min_size=1, max_size=5))
@pytest.mark.parametrize("which", ["pure", "compiled"])
def test_plain_requests_are_answered_fast(which: str, heads: list[bytes]) -> None:
    module: Any = fastpure if which == "pure" else compiled()
    raw, names = b"".join(heads), names_of(module)
    position = module.FastPath(names, LIMITS).serve(raw, 0, NOW, [], module.Client("", b"", False, 100))
    expected = readings(raw, names, trusted=False)
    assert position == (expected[-1][0] if expected else 0)


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
