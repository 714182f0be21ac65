"""The access log: one line of JSON per request, built and written off the hot path, in batches."""

import json
from collections.abc import Callable
from functools import lru_cache
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
    """The line's JSON, with a newline. Put together by hand: at full speed the log costs more than the answer."""
    optional = ""
    if line.reason:
        optional += f',"reason":{json.dumps(line.reason)}'
    if line.agent:
        optional += f',"agent":{_repeated(line.agent)}'
    if line.referer:
        optional += f',"referer":{_repeated(line.referer)}'
    return (
        f'{{"time":{line.at:.3f},"client":"{line.peer}","method":{_repeated(line.method)},'
        f'"host":{_repeated(line.authority)},"target":{json.dumps(line.target.decode("latin-1"))},'
        f'"status":{line.status},"bytes":{line.sent},"cache":"{line.word}","seconds":{line.seconds:.6f},'
        f'"zone":"{line.zone}"{optional}}}\n'
    )


@lru_cache(maxsize=4096)
def _repeated(value: bytes) -> str:
    return json.dumps(value.decode("latin-1"))
