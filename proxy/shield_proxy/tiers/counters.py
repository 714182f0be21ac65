"""Figures of a data plane. The hot path adds to plain integers; whoever shows them asks for a snapshot."""

from collections.abc import Iterable, Mapping

from shield_proxy.store.memory import Tally

Sample = tuple[Mapping[str, str], float]
Family = tuple[str, str, str, Iterable[Sample]]
"""Name, type, help, and a value for each set of labels."""
MOST_ZONES = 2_000
"""Zones with counters of their own; past it they are counted as `other`."""


class Counters:
    """All counters of one process; their label sets are bounded."""

    def __init__(self, tier: str) -> None:
        self._tier = tier
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        self._zones: set[str] = set()
        self.values: dict[str, int] = {}
        self.by_kind: dict[tuple[str, str], int] = {}
        self.gauges: dict[str, float] = {}

    def tally(self, zone: str, word: str, status: int) -> Tally:
        """The tally of responses of a zone (namespace/name) with a cache status and a status class."""
        if zone not in self._zones:
            if len(self._zones) >= MOST_ZONES:
                zone = "other"
            self._zones.add(zone)
        key = (zone, word, f"{status // 100}xx")
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally(zone)
        return found

    def add(self, name: str, amount: int = 1) -> None:
        """Raises a counter without labels."""
        self.values[name] = self.values.get(name, 0) + amount

    def add_kind(self, name: str, kind: str, amount: int = 1) -> None:
        """Raises a counter with one label, whose values are names in this code."""
        self.by_kind[name, kind] = self.by_kind.get((name, kind), 0) + amount

    def snapshot(self) -> Iterable[Family]:
        """All figures; names are Prometheus', in base units."""
        labels = {
            key: {"zone": key[0], "tier": self._tier, "cache_status": key[1], "class": key[2]} for key in self._tallies
        }
        yield (
            "shield_requests_total",
            "counter",
            "Answered requests by zone, tier, cache status and status class.",
            [(labels[key], tally.count) for key, tally in self._tallies.items()],
        )
        yield (
            "shield_response_bytes_total",
            "counter",
            "Bytes of response bodies sent.",
            [(labels[key], tally.bytes) for key, tally in self._tallies.items()],
        )
        for name, about in COUNTED.items():
            yield name, "counter", about, [({}, self.values.get(name, 0))]
        for name, (label, about) in COUNTED_BY_KIND.items():
            samples = [({label: kind}, count) for (counted, kind), count in self.by_kind.items() if counted == name]
            yield name, "counter", about, samples
        for name, about in GAUGES.items():
            yield name, "gauge", about, [({}, self.gauges.get(name, 0))]


COUNTED = {
    "shield_upstream_connections_opened_total": "Connections opened to origins and other pods.",
    "shield_upstream_connections_reused_total": "Requests sent on a connection that was open already.",
    "shield_collapsed_requests_total": "Requests that waited for the fetch of another.",
    "shield_memory_evictions_total": "Entries that left the memory to make room.",
    "shield_client_connections_refused_total": "Connections not admitted.",
    "shield_tunnels_opened_total": "Connections of clients and pods that changed to another protocol (WebSocket).",
    "shield_access_log_dropped_total": "Lines of the access log that nobody could take in time.",
}
COUNTED_BY_KIND = {
    "shield_errors_total": ("reason", "Errors of the shield's own, by reason (docs/errors.md)."),
    "shield_fetches_total": ("to", "Requests sent to the owner pod, the next tier, or the origin."),
    "shield_upstream_errors_total": ("kind", "Upstream requests without a whole response, by what went wrong."),
    "shield_tunnels_ended_total": ("how", "Tunnels that ended: closed, broken, idle, drain."),
    "shield_redis_operations_total": ("result", "L2 operations by result."),
}
GAUGES = {
    "shield_client_connections": "Open connections of clients and pods.",
    "shield_requests_running": "Requests that are being answered by a task.",
    "shield_upstream_connections": "Open connections to origins and other pods.",
    "shield_upstream_connections_idle": "Those of them that wait for a request.",
    "shield_tunnels": "Open tunnels.",
    "shield_memory_bytes": "Bytes the memory cache keeps, with keys, heads and index.",
    "shield_memory_entries": "Entries in the memory cache.",
    "shield_redis_breaker_open": "Whether L2 is bypassed after failures.",
}
