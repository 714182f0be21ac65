"""The record in ConfigMaps: read back whole or not at all."""

import base64
import hashlib
import json
import zlib
from typing import Any

import pytest

from shield_operator.kube.record import FIELD, decode_record, encode, record_in
from shield_proxy.config.record import read_envelope, split_record
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA

STATE = FleetState("shop", "default", generation=7, lease=3)


def chunk(part: bytes) -> dict[str, Any]:
    return {"binaryData": {FIELD: base64.b64encode(part).decode()}}


def test_a_record_is_read_back_as_it_was_written() -> None:
    held = encode(STATE, SCHEMA)
    found = record_in([chunk(part) for part in split_record(held.content)] + [None] * 7)
    assert found == held
    assert (held.record.generation, held.record.lease, held.record.state) == (7, 3, STATE)


def test_nothing_and_nonsense_are_no_record() -> None:
    nothing: list[list[dict[str, Any] | None]] = [
        [],
        [None, None],
        [{}],
        [{"binaryData": {}}],
        [{"binaryData": {FIELD: "%%%"}}],
        [chunk(b"junk")],
    ]
    for chunks in nothing:
        assert record_in(chunks) is None


def test_a_damaged_record_is_none() -> None:
    part = split_record(encode(STATE, SCHEMA).content)[0]
    assert record_in([chunk(part[:-1])]) is None


def test_of_a_schema_nobody_here_knows_the_order_is_still_read() -> None:
    content = encode(STATE, SCHEMA).content
    packed = content.partition(b"\n")[2]
    line = content.partition(b"\n")[0].split(b" ")
    line[1] = b"99"
    # The document inside says the schema too; a newer one would hold fields this version can not know.

    document = json.loads(zlib.decompress(packed)) | {"schema": 99}
    packed = zlib.compress(json.dumps(document).encode())
    line[4] = hashlib.sha256(packed).hexdigest().encode()
    held = decode_record(b" ".join(line) + b"\n" + packed)
    assert read_envelope(held.content).order == (3, 7)
    assert (held.record.schema, held.record.generation, held.record.lease, held.record.state) == (99, 7, 3, None)


def forged(document: bytes) -> bytes:
    """A record with a sound envelope around any document."""
    packed = zlib.compress(document)
    return b"shield-state 1 7 3 %s\n%s" % (hashlib.sha256(packed).hexdigest().encode(), packed)


@pytest.mark.parametrize("document", [b"[" * 200_000, b"\xff", b"9" * 5000, b"[" + b"{}," * 3_000_000 + b"{}]"])
def test_a_document_that_somebody_forged_is_counted_past_but_not_read(document: bytes) -> None:
    held = decode_record(forged(document))
    assert (held.record.generation, held.record.lease, held.record.state) == (7, 3, None)


def test_a_chunk_whose_numbers_have_no_end_is_no_record() -> None:
    assert record_in([chunk(b"9" * 5000 + b" 1 " + b"0" * 64 + b"\nx")]) is None
