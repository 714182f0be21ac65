"""Samples that wait for being sent: bounded, the oldest go first; what was lost is counted. Neither I/O nor clock."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MOST_WAITING = 2_000
MOST_BATCH = 500
"""Lines."""
MOST_BYTES = 1 << 20
"""Of a batch; a line has some KB at most."""


class Fate(StrEnum):
    """What became of a sample."""

    DELIVERED = "delivered"
    OVERFLOW = "overflow"
    """Newer ones took its place while nothing could be delivered."""
    REFUSED = "refused"
    """The server will not have it, however often it is sent."""
    UNSENT = "unsent"
    """The run ended."""
    FAULT = "fault"
    """The prober's own."""


@dataclass(slots=True)
class Backlog:
    """Of one run."""

    fates: Counter[Fate] = field(default_factory=Counter)
    posts: Counter[str] = field(default_factory=Counter)
    """Requests by their outcome: ok, a status, or error."""
    _lines: deque[bytes] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self._lines)

    def offer(self, line: bytes) -> None:
        """It waits; without room the oldest is lost."""
        if len(self._lines) >= MOST_WAITING:
            self._lines.popleft()
            self.fates[Fate.OVERFLOW] += 1
        self._lines.append(line)

    def take(self) -> Sequence[bytes]:
        """The oldest lines, which wait no more: they are settled, or put back."""
        batch: list[bytes] = []
        size = 0
        while self._lines and len(batch) < MOST_BATCH and (size := size + len(self._lines[0])) <= MOST_BYTES:
            batch.append(self._lines.popleft())
        return batch

    def put_back(self, batch: Sequence[bytes]) -> None:
        """They wait again, as far as there is room: newer ones go before them."""
        room = MOST_WAITING - len(self._lines)
        kept = batch[len(batch) - room :] if room < len(batch) else batch
        self.fates[Fate.OVERFLOW] += len(batch) - len(kept)
        self._lines.extendleft(reversed(kept))

    def settle(self, batch: Sequence[bytes], fate: Fate) -> None:
        """Nothing more is done with them."""
        self.fates[fate] += len(batch)

    def end(self) -> int:
        """What waits is lost; how many that are."""
        lost = len(self._lines)
        self._lines.clear()
        self.fates[Fate.UNSENT] += lost
        return lost
