"""W3C Trace Context: passed on as it came, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.wire.http.message import Fields, index_fields
from shield_proxy.wire.http.tracecontext import TraceParent, checked_trace, parse_traceparent, trace_id_of

TRACE, PARENT = b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331"
GOOD = b"00-%s-%s-01" % (TRACE, PARENT)


@pytest.mark.parametrize(
    ("value", "sampled"),
    [
        (GOOD, True),
        (GOOD[:-2] + b"00", False),
        (GOOD[:-2] + b"03", True),
        (GOOD[:-2] + b"fe", False),
        (b"01" + GOOD[2:], True),
        (b"cc" + GOOD[2:] + b"-what-comes-later", True),
    ],
)
def test_a_good_traceparent_is_understood(value: bytes, sampled: bool) -> None:
    assert parse_traceparent(value) == TraceParent(TRACE, PARENT, sampled)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00",
        b"ff" + GOOD[2:],
        GOOD.upper(),
        GOOD + b"-more",
        GOOD + b"x",
        b"01" + GOOD[2:] + b"more",
        GOOD[:-1],
        b"00-%s-%s-01" % (b"0" * 32, PARENT),
        b"00-%s-%s-01" % (TRACE, b"0" * 16),
        b"00-%s-%s-0g" % (TRACE, PARENT),
        GOOD.replace(b"-", b"_"),
        GOOD + b", " + GOOD,
        GOOD + b"\n",
    ],
)
def test_a_malformed_traceparent_is_removed_with_its_tracestate(value: bytes) -> None:
    fields: Fields = ((b"traceparent", value), (b"Tracestate", b"a=1"), (b"X", b"y"))
    assert checked_trace(fields, index_fields(fields)) == ((b"X", b"y"),)
    assert trace_id_of(index_fields(fields)) == b""


@pytest.mark.parametrize(
    "state", [b"", b"a=1", b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", b"1a-b@c=x y", b"a=1 , ,b=2", b"a=" + b"x" * 256]
)
def test_what_is_well_formed_is_passed_on_unchanged(state: bytes) -> None:
    fields: Fields = ((b"TraceParent", GOOD), (b"tracestate", state))
    assert checked_trace(fields, index_fields(fields)) is fields
    assert trace_id_of(index_fields(fields)) == TRACE


@pytest.mark.parametrize(
    "state", [b"A=1", b"a", b"a=", b"=1", b"a=b=c", b"a=1;b=2", b"a=" + b"x" * 257, b",".join([b"a=1"] * 33)]
)
def test_a_malformed_tracestate_is_removed_alone(state: bytes) -> None:
    fields: Fields = ((b"traceparent", GOOD), (b"tracestate", state))
    assert checked_trace(fields, index_fields(fields)) == ((b"traceparent", GOOD),)


def test_a_tracestate_without_a_parent_and_a_repeated_parent_are_removed() -> None:
    alone: Fields = ((b"tracestate", b"a=1"),)
    assert checked_trace(alone, index_fields(alone)) == ()
    twice: Fields = ((b"traceparent", GOOD), (b"traceparent", GOOD))
    assert checked_trace(twice, index_fields(twice)) == ()


@given(st.binary(max_size=80))
def test_what_is_understood_is_written_again_as_version_00(value: bytes) -> None:
    found = parse_traceparent(value)
    if found is not None:
        assert parse_traceparent(found.field()) == found
