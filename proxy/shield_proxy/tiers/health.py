"""Passive health of pods: who failed is left out for a while, then tried by one request. Pure, but for its memory."""

from shield_proxy.tiers.ring import Address

FIRST, LONGEST = 1.0, 30.0
"""Seconds a pod is left out after its first failure, and at most; doubled with each."""


class PassiveHealth:
    """What requests have learned about pods; a pod nobody complained about is healthy."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed: dict[Address, tuple[int, float]] = {}

    def usable(self, address: Address, now: float) -> bool:
        """Whether the pod may be asked. No claim is made: see probe()."""
        failed = self._failed.get(address)
        return failed is None or now >= failed[1]

    def probe(self, address: Address, now: float) -> None:
        """A request goes to the pod now: if it is on trial, no other does until this one is answered or failed."""
        failed = self._failed.get(address)
        if failed is not None:
            self._failed[address] = (failed[0], now + _pause(failed[0]))

    def failed(self, address: Address, now: float) -> None:
        """The pod could not be reached."""
        failures = self._failed.get(address, (0, 0.0))[0] + 1
        if len(self._failed) > 10_000:
            self._failed.clear()
        self._failed[address] = (failures, now + _pause(failures))

    def answered(self, address: Address) -> None:
        """The pod is well."""
        if self._failed:
            self._failed.pop(address, None)


def _pause(failures: int) -> float:
    return min(LONGEST, FIRST * 2.0 ** min(failures - 1, 10))
