"""The access log: one line of JSON per request, built and written off the hot path, in batches."""

import json
from collections.abc import Callable
from typing import NamedTuple

MOST_WAITING = 50_000
"""Lines kept between two writes; more are dropped and counted."""


class Line(NamedTuple):
    """A request that was answered."""

    at: float
    """Wall-clock seconds since the epoch."""
    peer: str
    method: bytes
    authority: bytes
    target: bytes
    status: int
    sent: int
    word: str
    seconds: float
    zone: str
    reason: str
    agent: bytes
    referer: bytes


class AccessLog:
    """Lines until they are written."""

    __slots__ = ("_write", "add", "dropped", "waiting")

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self.waiting: list[Line] = []
        self.add = self.waiting.append
        """Takes a line; a list's own append, for the hot path."""
        self.dropped = 0

    def flush(self) -> None:
        """Writes what waits."""
        if not self.waiting:
            return
        lines = self.waiting[:MOST_WAITING]
        self.dropped += len(self.waiting) - len(lines)
        self.waiting.clear()
        try:
            self._write("".join(map(render, lines)))
        except OSError:  # whoever reads the log has gone: requests go on
            self.dropped += len(lines)


def render(line: Line) -> str:
    """The line's JSON, with a newline."""
    shown: dict[str, object] = {
        "time": round(line.at, 3),
        "client": line.peer,
        "method": line.method.decode("latin-1"),
        "host": line.authority.decode("latin-1"),
        "target": line.target.decode("latin-1"),
        "status": line.status,
        "bytes": line.sent,
        "cache": line.word,
        "seconds": round(line.seconds, 6),
        "zone": line.zone,
    }
    if line.reason:
        shown["reason"] = line.reason
    if line.agent:
        shown["agent"] = line.agent.decode("latin-1")
    if line.referer:
        shown["referer"] = line.referer.decode("latin-1")
    return json.dumps(shown, separators=(",", ":")) + "\n"
