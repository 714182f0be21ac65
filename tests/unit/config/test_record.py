"""The record: bytes whose order can be read by any version, and chunks of which only whole sets count."""

import hashlib
import json
import zlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config import record
from shield_proxy.config.record import (
    CHUNKS,
    InvalidRecord,
    join_chunks,
    read_envelope,
    read_record,
    split_record,
    write_record,
)
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA


def state(generation: int = 7, lease: int = 3) -> FleetState:
    return FleetState("shop", "default", generation, lease)


def test_a_record_holds_its_state_and_its_order() -> None:
    written = write_record(state(), SCHEMA)
    assert read_record(written) == state()
    assert read_envelope(written).order == (3, 7)
    assert written == write_record(state(), SCHEMA)


def test_leadership_counts_before_generation() -> None:
    deposed = read_envelope(write_record(state(generation=9, lease=1), SCHEMA))
    assert deposed.order < read_envelope(write_record(state(generation=1, lease=2), SCHEMA)).order


def newer(packed: bytes = zlib.compress(b'{"schema":99}')) -> bytes:
    digest = hashlib.sha256(packed).hexdigest().encode()
    return b"shield-state 99 8 3 %s\n%s" % (digest, packed)


def test_the_envelope_of_a_newer_schema_can_be_read_and_its_document_is_refused() -> None:
    assert read_envelope(newer()).schema == 99
    with pytest.raises(InvalidRecord, match="schema: 99"):
        read_record(newer())


@pytest.mark.parametrize("packed", [b"not zlib", zlib.compress(b"not json"), zlib.compress(b"[]")])
def test_a_whole_record_that_holds_no_document_is_refused(packed: bytes) -> None:
    with pytest.raises(InvalidRecord):
        read_record(newer(packed))


def test_a_document_that_unpacks_to_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MAX_DOCUMENT", 1000)
    with pytest.raises(InvalidRecord, match="larger than 1000 bytes"):
        read_record(newer(zlib.compress(b" " * 1001)))


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"\xff\xfe{}",
        b'"\xff"',
        b"9" * 5000,
        b'{"schema":' + b"9" * 5000 + b"}",
        b"[" + b"0," * 2_100_000 + b"0]",
        b'{"schema":1,"namespace":"\\ud800","fleet":"f","generation":1,"lease":1}',
        b'{"schema":1,"namespace":"n","fleet":"f","generation":NaN,"lease":1}',
    ],
    ids=["lists", "objects", "utf-16", "utf-8", "number", "field", "parts", "half-character", "nan"],
)
def test_a_document_that_somebody_forged_is_refused_and_nothing_else_happens(document: bytes) -> None:
    packed = zlib.compress(document)
    digest = hashlib.sha256(packed).hexdigest().encode()
    with pytest.raises(InvalidRecord):
        read_record(b"shield-state 1 8 3 %s\n%s" % (digest, packed))


@pytest.mark.parametrize("packed", [zlib.compress(b"{}")[:-3], zlib.compress(b"{}") + b"more"])
def test_a_packed_document_that_ends_early_or_late_is_refused(packed: bytes) -> None:
    with pytest.raises(InvalidRecord, match="ends early"):
        read_record(newer(packed))


@pytest.mark.parametrize(
    "numbers", [b"1 -8 3", b"1 8_0 3", b"1 +8 3", b"1 8 " + b"9" * 20, b"1 8 " + b"9" * 9000, b"1  8"]
)
def test_an_envelope_has_plain_short_numbers(numbers: bytes) -> None:
    packed = zlib.compress(b"{}")
    digest = hashlib.sha256(packed).hexdigest().encode()
    with pytest.raises(InvalidRecord, match="not a zone state record"):
        read_envelope(b"shield-state %s %s\n%s" % (numbers, digest, packed))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("schema", "namespace", "fleet", "generation", "lease", "dataCenters", "zones")


@given(st.dictionaries(st.sampled_from(FIELDS), st.just(1) | json_values))
def test_a_sound_envelope_around_any_document_gives_a_state_or_an_invalid_record(document: dict[str, object]) -> None:
    packed = zlib.compress(json.dumps(document).encode())
    digest = hashlib.sha256(packed).hexdigest().encode()
    try:
        found = read_record(b"shield-state 1 8 3 %s\n%s" % (digest, packed))
    except InvalidRecord:
        return
    assert isinstance(found, FleetState)


@given(st.integers(min_value=0), st.binary(max_size=3))
def test_a_record_changed_anywhere_is_refused_or_still_the_same(position: int, change: bytes) -> None:
    whole = write_record(state(), SCHEMA)
    at = position % len(whole)
    damaged = whole[:at] + change + whole[at + 1 :]
    try:
        found = read_record(damaged)
    except InvalidRecord:
        return
    assert found == state()


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_refused_as_no_record(junk: bytes) -> None:
    with pytest.raises(InvalidRecord):
        read_envelope(junk)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "CHUNK_BYTES", 64)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_in_any_order_make_up_the_record() -> None:
    whole = write_record(state(), SCHEMA)
    chunks = split_record(whole)
    assert len(chunks) > 2
    assert join_chunks(chunks[::-1]) == whole
    assert all(len(chunk) < 64 + 80 for chunk in chunks)


@pytest.mark.usefixtures("small_chunks")
def test_a_mixture_of_two_records_is_neither() -> None:
    old, new = (split_record(write_record(state(generation), SCHEMA)) for generation in (1, 2))
    assert len(old) == len(new)
    for choice in product([0, 1], repeat=len(old)):
        mixed = [(old, new)[which][i] for i, which in enumerate(choice)]
        whole = {0: write_record(state(1), SCHEMA), len(old): write_record(state(2), SCHEMA)}.get(sum(choice))
        assert join_chunks(mixed) == whole


@pytest.mark.usefixtures("small_chunks")
def test_chunks_left_over_from_a_longer_record_do_not_hinder() -> None:
    long = split_record(b"x" * 64 * (CHUNKS - 1))
    whole = write_record(state(), SCHEMA)
    chunks = split_record(whole)
    assert join_chunks(chunks + long[len(chunks) :]) == whole


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_chunks_of_any_kind_make_up_no_record(junk: list[bytes]) -> None:
    assert join_chunks(junk) is None


@pytest.mark.usefixtures("small_chunks")
def test_a_missing_or_damaged_chunk_makes_the_record_missing() -> None:
    chunks = split_record(write_record(state(), SCHEMA))
    assert join_chunks([]) is None
    assert join_chunks(chunks[:-1]) is None
    assert join_chunks([*chunks[:-1], chunks[-1][:-1] + b"\0"]) is None


def test_a_state_larger_than_the_chunks_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "CHUNK_BYTES", 30)
    with pytest.raises(ValueError, match="larger than 8 chunks"):
        write_record(state(), SCHEMA)
