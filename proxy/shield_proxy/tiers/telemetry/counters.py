"""Figures of a data plane. The hot path adds to plain integers; whoever shows them asks for a snapshot."""

from collections.abc import Iterable

from shield_proxy.tiers.telemetry.families import Family, Histogram, labelled, pairs
from shield_proxy.wire.fast import Tally

MOST_ZONES = 2_000
"""Zones with counters of their own; past it they are counted as `other`."""


class Counters:
    """All counters of one process; their label sets are bounded."""

    def __init__(self, tier: str) -> None:
        self._tier = tier
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        self._labels: dict[tuple[str, str, str], str] = {}
        """Of each tally, as text: a scrape of thousands must not hold up requests."""
        self._tallied: dict[tuple[str, str, int], Tally] = {}
        """Tallies by what asks for them."""
        self._zones: set[str] = set()
        self._durations: dict[str, Histogram] = {}
        self._first_bytes: dict[str, Histogram] = {}
        self._forgotten_hits = 0
        self.loop_delay = Histogram()
        """How late the event loop was, by looks."""
        self.values: dict[str, int] = {}
        self.by_kind: dict[tuple[str, str], int] = {}
        self.gauges: dict[str, float] = {}
        self.limits: dict[str, float] = {}
        """What is bounded -> its bound."""

    def tally(self, zone: str, word: str, status: int) -> Tally:
        """The tally of responses of a zone (namespace/name) with a cache status and a status class."""
        known = self._tallied.get((zone, word, status))
        if known is not None:
            return known
        if zone not in self._zones:
            if len(self._zones) >= MOST_ZONES:
                zone = "other"
            self._zones.add(zone)
        key = (zone, word, f"{status // 100}xx")
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally(zone)
            self._labels[key] = labelled(zone=zone, tier=self._tier, cache_status=key[1], **{"class": key[2]})
        if len(self._tallied) >= 4 * MOST_ZONES:
            self._tallied.clear()
        self._tallied[key[0], word, status] = found
        return found

    def retain(self, zones: frozenset[str]) -> None:
        """Forgets zones that are gone, if ever there are so many that names run out."""
        if len(self._zones) < MOST_ZONES // 2:
            return
        self._zones &= zones | {"", "other"}
        self._tallied.clear()
        for key in [key for key in self._tallies if key[0] not in self._zones]:
            if key[1] == "HIT":
                self._forgotten_hits += self._tallies[key].count
            del self._tallies[key], self._labels[key]

    def add(self, name: str, amount: int = 1) -> None:
        """Raises a counter without labels."""
        self.values[name] = self.values.get(name, 0) + amount

    def add_kind(self, name: str, kind: str, amount: int = 1) -> None:
        """Raises a counter with one label, whose values are names in this code."""
        self.by_kind[name, kind] = self.by_kind.get((name, kind), 0) + amount

    def took(self, word: str, seconds: float) -> None:
        """A request with that cache status was answered to its end; hits of the fast path are not told of."""
        histogram = self._durations.get(word)
        if histogram is None:
            histogram = self._durations[word] = Histogram()
        histogram.observe(seconds)

    def first_byte(self, to: str, seconds: float) -> None:
        """A response began so long after it was asked for: of the owner, a tier or an origin."""
        histogram = self._first_bytes.get(to)
        if histogram is None:
            histogram = self._first_bytes[to] = Histogram()
        histogram.observe(seconds)

    def snapshot(self) -> Iterable[Family]:
        """All figures; names are Prometheus', in base units."""
        tallies = list(self._tallies.items())
        labels = self._labels
        yield (
            "shield_requests_total",
            "counter",
            "Answered requests by zone, tier, cache status and status class.",
            [(labels[key], tally.count) for key, tally in tallies if key in labels],
        )
        yield (
            "shield_response_bytes_total",
            "counter",
            "Bytes of response bodies sent.",
            [(labels[key], tally.bytes) for key, tally in tallies if key in labels],
        )
        # The fast path takes no time of a hit, which is far below the lowest bound.
        hits = self._forgotten_hits + sum(tally.count for key, tally in tallies if key[1] == "HIT")
        timed = self._durations.setdefault("HIT", Histogram())
        yield (
            "shield_request_duration_seconds",
            "histogram",
            "From a request's head to the end of its response; hits of the fast path count in the lowest bucket.",
            [
                sample
                for word, histogram in self._durations.items()
                for sample in histogram.samples(
                    pairs(tier=self._tier, cache_status=word), max(0, hits - timed.count) if histogram is timed else 0
                )
            ],
        )
        yield (
            "shield_upstream_first_byte_seconds",
            "histogram",
            "From asking to the head of the response, by who was asked: owner, tier or origin.",
            [sample for to, found in self._first_bytes.items() for sample in found.samples(pairs(to=to))],
        )
        yield (
            "shield_loop_delay_seconds",
            "histogram",
            "How late the event loop came to what was due, at each of some twenty looks a second.",
            list(self.loop_delay.samples()),
        )
        for name, about in COUNTED.items():
            yield name, "counter", about, [("", self.values.get(name, 0))]
        for name, (label, about) in COUNTED_BY_KIND.items():
            found = [(kind, count) for (counted, kind), count in self.by_kind.items() if counted == name]
            yield name, "counter", about, [(labelled(**{label: kind}), count) for kind, count in found]
        for name, about in GAUGES.items():
            yield name, "gauge", about, [("", self.gauges.get(name, 0))]
        bounds = [(labelled(what=what), bound) for what, bound in self.limits.items()]
        yield (
            "shield_limit",
            "gauge",
            "What is bounded, and its bound; compare it with the figure of that name.",
            bounds,
        )


COUNTED = {
    "shield_upstream_connections_opened_total": "Connections opened to origins and other pods.",
    "shield_upstream_connections_reused_total": "Requests sent on a connection that was open already.",
    "shield_collapsed_requests_total": "Requests that waited for the fetch of another.",
    "shield_memory_evictions_total": "Entries that left the memory to make room.",
    "shield_client_connections_refused_total": "Connections not admitted.",
    "shield_tunnels_opened_total": "Connections of clients and pods that changed to another protocol (WebSocket).",
    "shield_upstream_waits_total": "Requests that waited for one of an upstream's connections.",
    "shield_breaker_refusals_total": "Requests an origin was not asked for, because its breaker is open.",
    "shield_access_log_dropped_total": "Lines of the access log that nobody could take in time.",
    "shield_access_log_lost_total": "Lines that were taken, but whose reader had gone.",
    "shield_spans_dropped_total": "Spans that the receiver of spans did not take in time.",
    "shield_requests_shed_total": "Requests refused because the event loop was late for too long.",
}
COUNTED_BY_KIND = {
    "shield_client_openings_total": (
        "result",
        "Connections of clients that began with TLS or a PROXY header, by how that ended: agreed, resumed, or why not.",
    ),
    "shield_errors_total": ("reason", "Errors of the shield's own, by reason (docs/errors.md)."),
    "shield_fetches_total": ("to", "Requests sent to the owner pod, the next tier, or the origin."),
    "shield_upstream_bytes_total": (
        "to",
        "Bytes of response bodies got from the owner pod, the next tier, or the origin.",
    ),
    "shield_upstream_errors_total": ("kind", "Upstream requests without a whole response, by what went wrong."),
    "shield_retries_total": ("why", "Requests repeated: stale (connection), next-pod; or denied by the budget."),
    "shield_breaker_transitions_total": ("to", "Breakers of origins and pods that opened, half-opened or closed."),
    "shield_tunnels_ended_total": ("how", "Tunnels that ended: closed, broken, idle, drain."),
    "shield_redis_operations_total": ("result", "L2 operations by result."),
}
GAUGES = {
    "shield_client_openings": "Connections of clients that can't carry requests yet.",
    "shield_client_connections": "Open connections of clients and pods.",
    "shield_requests_running": "Requests that are being answered by a task.",
    "shield_tasks": "Tasks of the event loop.",
    "shield_upstream_connections": "Open connections to origins and other pods.",
    "shield_upstream_connections_idle": "Those of them that wait for a request.",
    "shield_upstream_waiting": "Requests that wait for one of an upstream's connections.",
    "shield_origin_breakers_open": "Origins that are left alone, or tried with one request, after failures.",
    "shield_pod_breakers_open": "Pods that are left alone, or tried with one request, after failures.",
    "shield_tunnels": "Open tunnels.",
    "shield_memory_bytes": "Bytes the memory cache keeps, with keys, heads and index.",
    "shield_memory_entries": "Entries in the memory cache.",
    "shield_filling_bytes": "Bytes of responses that are not whole yet.",
    "shield_redis_breaker_open": "Whether L2 is bypassed after failures.",
    "shield_shed_share": "Share of the requests without a stored answer that are refused because of overload.",
}
