"""Which keys came by lately: what comes once only is worth no place in a full memory. Pure, but for its memory."""

ENTRY_BYTES = 512
"""An entry takes more than that."""
SHORTEST = 1024
"""Keys in a round at least."""


class Doorkeeper:
    """Remembers about the last one to two rounds of keys, as bits by their hash. A key taken for another is let in a
    visit early; Python's hashes are secret, so that nobody can choose such keys."""

    __slots__ = ("_before", "_bits", "_left", "_now")

    def __init__(self, budget: int) -> None:
        """For a memory of so many bytes; what is remembered takes a two-thousandth of that."""
        size = max(SHORTEST, budget // ENTRY_BYTES // 8)
        self._bits = size * 8
        self._now, self._before = bytearray(size), bytearray(size)
        self._left = SHORTEST

    def knows(self, key: bytes, kept: int) -> bool:
        """Whether the key came by lately; from now on it did. A round is as many visits as entries are `kept`: what
        comes again later than that would not have been kept until then."""
        place, bit = divmod(hash(key) % self._bits, 8)
        mask = 1 << bit
        known = bool((self._now[place] | self._before[place]) & mask)
        self._now[place] |= mask
        self._left -= 1
        if self._left <= 0:
            self._before, self._now = self._now, bytearray(len(self._now))
            self._left = max(SHORTEST, kept)
        return known
