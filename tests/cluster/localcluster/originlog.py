"""The record of what an origin saw: one JSON line per connection and per request, written before the response leaves.

A test reads the file itself, never over the WAN. A request's line is there before its response's first byte, so a test
that has its response can count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the origin saw it. `time` is seconds since the epoch, `bytes` what the response's body holds and
    `received` what the request's did; `connection` numbers connections from 1, `nth` requests on one from 1."""

    time: float
    source: str
    source_port: int
    connection: int
    nth: int
    method: str
    target: str
    headers: dict[str, str]
    status: int
    bytes: int
    received: int
    tls: bool
    client: str = ""
    """The common name of the certificate the client showed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests and connections an origin has seen; connections that asked nothing (a latency probe) count."""

    requests: int
    connections: int


def write(log: IO[str], kind: str, **fields: Any) -> None:
    """One line is in the file."""
    log.write(json.dumps({"kind": kind, **fields}) + "\n")
    log.flush()


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    # a line without its end is still being written
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def read_requests(path: Path) -> list[Seen]:
    """The requests in a log, oldest first; none if the file is not there yet."""
    lines = (line for line in _lines(path) if line.pop("kind") == "request")
    return [Seen(**line) for line in lines]


def read_counts(path: Path) -> Counts:
    """How much a log holds."""
    kinds = [line["kind"] for line in _lines(path)]
    return Counts(kinds.count("request"), kinds.count("connection"))


def empty(path: Path) -> None:
    """The log holds nothing; an origin that is writing it goes on at its start."""
    path.write_text("", encoding="utf-8")
