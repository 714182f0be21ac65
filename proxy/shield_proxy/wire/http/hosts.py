"""Names of hosts to what stands behind them: exact ones before wildcards, longer wildcards before shorter. Pure."""

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class HostMap(Generic[T]):
    """What a host name stands for. Of two claims to the same name the first counts."""

    __slots__ = ("_exact", "_wildcards")

    def __init__(self, claims: Iterable[tuple[str, T]]) -> None:
        """`claims` are (host, value); hosts in lower case, `*.example.com` for one or more labels, `*` for any."""
        self._exact: dict[str, T] = {}
        self._wildcards: dict[str, T] = {}
        for host, value in claims:
            if host == "*" or host.startswith("*."):
                self._wildcards.setdefault(host[1:], value)
            else:
                self._exact.setdefault(host, value)

    def find(self, host: str) -> T | None:
        """The value of a host in lower case; its labels are looked up one suffix at a time, longest first.

        The empty name is covered by `*` alone.
        """
        found = self._exact.get(host)
        if found is not None or not self._wildcards:
            return found
        dot = host.find(".", 1)
        while dot > 0:
            found = self._wildcards.get(host[dot:])
            if found is not None:
                return found
            dot = host.find(".", dot + 1)
        return self._wildcards.get("")
