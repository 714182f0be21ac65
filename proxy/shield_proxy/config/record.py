"""The zone state as bytes: what is pushed, and the same bytes cut into the chunks that pods mount.

The envelope (first line) can be read whatever the schema, so that an older operator can go on counting after a newer
one: `shield-state SCHEMA GENERATION LEASE SHA256-OF-THE-REST`, then a newline, then the zlib-compressed document.
A chunk is `INDEX COUNT SHA256-OF-THE-RECORD`, a newline, and its part of the record. Chunks of two records never mix.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shield_proxy.config.codec import decode_state, encode_state
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.state import FleetState

MAGIC = b"shield-state"
CHUNK_BYTES = 700_000
"""Below a ConfigMap's 1 MiB also after base64."""
CHUNKS = 8
"""Chunks a pod mounts, all optional: the largest record is 5.6 MB compressed."""
MAX_DOCUMENT = 64 << 20
"""Bytes a record may unpack to."""


class InvalidRecord(ValueError):
    """Bytes that are not a record this version can read; the message says why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What of a record can be read whatever its schema."""

    schema: int
    generation: int
    lease: int

    @property
    def order(self) -> tuple[int, int]:
        """A later record has the greater order: leadership first, then generation."""
        return self.lease, self.generation


def write_record(state: FleetState, schema: int) -> bytes:
    """The record of a state; equal states give equal bytes. ValueError where it outgrows the chunks."""
    document = json.dumps(encode_state(state, schema), separators=(",", ":"), sort_keys=True).encode()
    packed = zlib.compress(document, 6)
    if len(packed) > CHUNKS * CHUNK_BYTES - 200:
        raise ValueError(f"zone state of {len(packed)} bytes is larger than {CHUNKS} chunks hold")
    digest = hashlib.sha256(packed).hexdigest().encode()
    return b"%s %d %d %d %s\n%s" % (MAGIC, schema, state.generation, state.lease, digest, packed)


def read_envelope(record: bytes) -> Envelope:
    """The envelope of a record whose checksum holds."""
    line, newline, packed = record.partition(b"\n")
    match line.split(b" "):
        case [magic, schema, generation, lease, digest] if magic == MAGIC and newline:
            if hashlib.sha256(packed).hexdigest().encode() != digest:
                raise InvalidRecord("checksum does not match: the record is torn or damaged")
            try:
                return Envelope(int(schema), int(generation), int(lease))
            except ValueError:
                pass
    raise InvalidRecord("not a zone state record")


def read_record(record: bytes) -> FleetState:
    """The state in a record. InvalidRecord when it is damaged, oversize, or of a schema this version can't read."""
    read_envelope(record)
    unpacker = zlib.decompressobj()
    try:
        document = unpacker.decompress(record.partition(b"\n")[2], MAX_DOCUMENT)
        if unpacker.unconsumed_tail:
            raise InvalidRecord(f"document is larger than {MAX_DOCUMENT} bytes")
        return decode_state(json.loads(document))
    except (zlib.error, json.JSONDecodeError, InvalidField) as error:
        raise InvalidRecord(str(error)) from error


def split_record(record: bytes) -> list[bytes]:
    """The record's chunks, in order; at least one, at most CHUNKS."""
    digest = hashlib.sha256(record).hexdigest().encode()
    parts = [record[i : i + CHUNK_BYTES] for i in range(0, len(record), CHUNK_BYTES)]
    return [b"%d %d %s\n%s" % (i, len(parts), digest, part) for i, part in enumerate(parts)]


def join_chunks(chunks: Sequence[bytes]) -> bytes | None:
    """The record that the chunks make up; None while there are none or they belong to different records."""
    found: Mapping[int, bytes]
    sets: dict[tuple[bytes, bytes], dict[int, bytes]] = {}
    for chunk in chunks:
        line, _, part = chunk.partition(b"\n")
        match line.split(b" "):
            case [index, count, digest] if index.isdigit() and count.isdigit():
                sets.setdefault((count, digest), {})[int(index)] = part
    for (count, digest), found in sets.items():
        if len(found) >= int(count) and all(i in found for i in range(int(count))):
            record = b"".join(found[i] for i in range(int(count)))
            if hashlib.sha256(record).hexdigest().encode() == digest:
                return record
    return None
