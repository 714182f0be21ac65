"""The fleet's record in ConfigMaps: read from what was watched, written only over exactly what was read."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shield_operator.core.world import FleetKey, Record
from shield_operator.kube.api import Api, Conflict
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CONFIG_MAP
from shield_proxy.config.record import (
    InvalidRecord,
    join_chunks,
    read_envelope,
    read_record,
    split_record,
    write_record,
)
from shield_proxy.config.state import FleetState

FIELD = "chunk"
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A record as bytes, and what of it this version can read."""

    content: bytes
    record: Record


def decode_record(content: bytes) -> Held:
    """The record in bytes; its state is None where the schema is unknown. InvalidRecord where it is damaged."""
    envelope = read_envelope(content)
    state: FleetState | None
    try:
        state = read_record(content)
    except InvalidRecord:
        state = None
    return Held(content, Record(envelope.schema, envelope.generation, envelope.lease, state))


def record_in(chunks: Sequence[Body | None]) -> Held | None:
    """The record that ConfigMaps make up; None where none is complete and sound."""
    parts = []
    for body in chunks:
        try:
            parts.append(base64.b64decode(((body or {}).get("binaryData") or {}).get(FIELD, ""), validate=True))
        except (binascii.Error, ValueError):
            continue
    try:
        content = join_chunks(parts)
        return decode_record(content) if content is not None else None
    except ValueError:
        return None


class RecordStore:
    """Reads and writes records; remembers what it decoded last, for a record may be megabytes."""

    def __init__(self, api: Api, index: Index) -> None:
        self._api = api
        self._index = index
        self._decoded: dict[FleetKey, tuple[tuple[str, ...], Held | None]] = {}
        self._unwatched: dict[tuple[str, str], dict[str, Any]] = {}
        """(namespace, name) -> a ConfigMap that was found where the watches show none: it lost its labels."""

    def read(self, key: FleetKey, names: Sequence[str]) -> Held | None:
        """The fleet's record as the watches have shown it last."""
        chunks = [self._seen(key, name) for name in names]
        versions = tuple(body["metadata"]["resourceVersion"] if body else "" for body in chunks)
        known = self._decoded.get(key)
        if known is None or known[0] != versions:
            known = (versions, record_in(chunks))
            self._decoded[key] = known
        return known[1]

    async def write(
        self, key: FleetKey, names: Sequence[str], held: Held, owners: Sequence[Body], labels: Mapping[str, str]
    ) -> int:
        """Afterwards the ConfigMaps hold the record. Returns how many were written.

        The first chunk is written first and decides between two writers: Conflict where another wrote since it was
        read here. What is left over of a longer record is for the caller to prune.
        """
        written = 0
        for name, part in zip(names, split_record(held.content), strict=False):
            wanted = _chunk(key, name, part, owners, labels)
            seen = self._seen(key, name)
            if seen is not None and _same(seen, wanted):
                continue
            self._unwatched.pop((key.namespace, name), None)
            if seen is None:
                seen = await self._create(wanted)
            wanted["metadata"]["resourceVersion"] = seen["metadata"]["resourceVersion"]
            wanted["metadata"]["uid"] = seen["metadata"]["uid"]
            self._index.put(CONFIG_MAP, await self._api.apply(CONFIG_MAP, wanted))
            written += 1
        return written

    def _seen(self, key: FleetKey, name: str) -> dict[str, Any] | None:
        return self._index.get(CONFIG_MAP, key.namespace, name) or self._unwatched.get((key.namespace, name))

    async def _create(self, wanted: Body) -> dict[str, Any]:
        """An empty ConfigMap: an apply can't demand that nothing is there, and would not take away what a creation set.

        Conflict where there is one that is not watched; the next reading knows it, for it may hold a record.
        """
        metadata = {name: wanted["metadata"][name] for name in ("name", "namespace", "labels")}
        empty = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": metadata}
        try:
            return await self._api.create(CONFIG_MAP, empty)
        except Conflict:
            found = await self._api.read(CONFIG_MAP, metadata["namespace"], metadata["name"])
            if found is not None:
                self._unwatched[metadata["namespace"], metadata["name"]] = found
            raise

    def forget(self, key: FleetKey) -> None:
        """The fleet is gone."""
        self._decoded.pop(key, None)


def encode(state: FleetState, schema: int) -> Held:
    """The record of a state. ValueError where it outgrows the chunks."""
    return Held(write_record(state, schema), Record(schema, state.generation, state.lease, state))


def chunks_of(held: Held) -> int:
    """How many ConfigMaps the record takes."""
    return len(split_record(held.content))


def _chunk(key: FleetKey, name: str, part: bytes, owners: Sequence[Body], labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": {
            "name": name,
            "namespace": key.namespace,
            "labels": dict(labels),
            "ownerReferences": [dict(owner) for owner in owners],
        },
        "binaryData": {FIELD: base64.b64encode(part).decode()},
    }


def _same(seen: Body, wanted: Body) -> bool:
    """Nothing to write: what is wanted stands there, whatever others added."""
    labels = seen["metadata"].get("labels") or {}
    return (
        (seen.get("binaryData") or {}).get(FIELD) == wanted["binaryData"][FIELD]
        and all(labels.get(name) == value for name, value in wanted["metadata"]["labels"].items())
        and _owners(seen) == _owners(wanted)
        and not seen.get("data")
    )


def _owners(body: Body) -> set[str]:
    return {owner["uid"] for owner in body["metadata"].get("ownerReferences") or ()}
