"""The zone state as bytes: what is pushed, and the same bytes cut into the chunks that pods mount.

The envelope (first line) can be read whatever the schema, so that an older operator can go on counting after a newer
one: `shield-state SCHEMA GENERATION LEASE SHA256-OF-THE-REST`, then a newline, then the zlib-compressed document.
A chunk is `INDEX COUNT SHA256-OF-THE-RECORD`, a newline, and its part of the record. Chunks of two records never mix.
Every size is bounded before anything is made of it: whoever may write ConfigMaps of one namespace must not be able to
fill the memory of a pod, or of the operator of all.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shield_proxy.config.codec import decode_state, encode_state
from shield_proxy.config.state import FleetState

MAGIC = b"shield-state"
CHUNK_BYTES = 700_000
"""Below a ConfigMap's 1 MiB also after base64."""
CHUNKS = 8
"""Chunks a pod mounts, all optional: the largest record is 5.6 MB compressed."""
MAX_DOCUMENT = 64 << 20
"""Bytes a record may unpack to."""
MOST_PARTS = 2_000_000
"""Values in a document: a hundred zones have some ten thousand."""
DIGITS = 19
"""Of a number in an envelope or a chunk."""


class InvalidRecord(ValueError):
    """Bytes that are not a record this version can read; the message says why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What of a record can be read whatever its schema."""

    schema: int
    generation: int
    lease: int
    digest: str = ""
    """SHA-256 of the packed document: of two records of one order only equal ones have it in common."""

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
        case [magic, *numbers, digest] if (
            magic == MAGIC and newline and len(numbers) == 3 and all(map(_short, numbers))
        ):
            found = hashlib.sha256(packed).hexdigest()
            if found.encode() != digest:
                raise InvalidRecord("checksum does not match: the record is torn or damaged")
            schema, generation, lease = map(int, numbers)
            return Envelope(schema, generation, lease, found)
    raise InvalidRecord("not a zone state record")


def digest_of(record: bytes) -> str:
    """The digest that the envelope of a sound record names."""
    return record.partition(b"\n")[0].rpartition(b" ")[2].decode("ascii", "replace")


def _short(number: bytes) -> bool:
    return number.isdigit() and len(number) <= DIGITS


def read_record(record: bytes) -> FleetState:
    """The state in a record. InvalidRecord, and nothing else, when it is damaged, oversize, too deeply nested, or of a
    schema this version can't read."""
    read_envelope(record)
    try:
        return decode_state(json.loads(_unpacked(record)))
    except RecursionError:
        raise InvalidRecord("document is nested too deeply") from None
    except InvalidRecord:
        raise
    except (zlib.error, ValueError) as error:  # not JSON, not UTF-8, a number without end, a field that is wrong
        raise InvalidRecord(str(error)) from error


def _unpacked(record: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    document = unpacker.decompress(record.partition(b"\n")[2], MAX_DOCUMENT)
    if unpacker.unconsumed_tail:
        raise InvalidRecord(f"document is larger than {MAX_DOCUMENT} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidRecord("the packed document ends early, or something follows it")
    if sum(map(document.count, (b",", b"[", b"{"))) > MOST_PARTS:
        raise InvalidRecord(f"document has more than {MOST_PARTS} parts")
    return document


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
            case [index, count, digest] if _short(index) and _short(count):
                sets.setdefault((count, digest), {})[int(index)] = part
    for (count, digest), found in sets.items():
        if len(found) >= int(count) and all(i in found for i in range(int(count))):
            record = b"".join(found[i] for i in range(int(count)))
            if hashlib.sha256(record).hexdigest().encode() == digest:
                return record
    return None
