"""Which keys were invalidated lately, so that what was on its way then is not stored after all. Pure, but for its
memory."""

MOST = 20_000
"""Keys that are told apart; past it everything that is on its way counts as invalidated, once."""


class Forgotten:
    """Invalidations of one process, in order."""

    __slots__ = ("_floor", "_last", "mark")

    def __init__(self) -> None:
        self.mark = 0
        """Invalidations so far: take it before something is asked for."""
        self._floor = 0
        self._last: dict[int, int] = {}
        """By the key's hash: keys are as long as clients like, and one taken for another costs a fetch at most."""

    def add(self, key: bytes) -> None:
        """The key is invalidated now."""
        if len(self._last) >= MOST:
            self._last.clear()
            self._floor = self.mark
        self.mark += 1
        self._last[hash(key)] = self.mark

    def since(self, key: bytes, mark: int) -> bool:
        """Whether the key was invalidated after the mark was taken."""
        return self.mark > mark and self._last.get(hash(key), self._floor) > mark
