"""Where a data centre stands with a check: counters, and what it reports of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.sample import Sample, Waterfall, in_milliseconds
from shield_proxy.health.counters import Counters, count
from shield_proxy.health.running.lease import Remembered

NOT_MEASURED = Waterfall()


@dataclass(frozen=True, slots=True)
class Place:
    """Where this run probes from."""

    region: str
    zone: str

    @property
    def data_centre(self) -> str:
        """As the entry is keyed."""
        return f"{self.region}/{self.zone}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a data centre reports: its verdict, and the probe that decided it."""

    verdict: Health
    reason: str
    detail: str
    generation: int
    """Of the HealthCheck, that was probed."""
    since: str
    """When the verdict became this one, as Kubernetes' Time."""
    code: int | None = None
    address: str | None = None
    waterfall: Waterfall = NOT_MEASURED

    def news_after(self, before: "Entry | None") -> bool:
        """Whether it tells what the one before it did not; what merely differs from probe to probe is no news."""
        return before is None or (self.verdict, self.reason, self.generation) != (
            before.verdict,
            before.reason,
            before.generation,
        )

    @property
    def _connected(self) -> bool:
        """Whether the time of TCP is a round trip, and not how long it took until nobody could be reached."""
        return not self.reason or self.waterfall.tls is not None or self.waterfall.first_byte is not None

    def document(self, place: Place) -> dict[str, Any]:
        """The entry of `status.probes`."""
        stages = in_milliseconds(self.waterfall)
        told = {
            "dataCenter": place.data_centre,
            "region": place.region,
            "health": self.verdict.value,
            "reason": self.reason,
            "detail": self.detail,
            "code": self.code,
            "address": self.address,
            "roundTripMilliseconds": stages.get("tcpMilliseconds") if self._connected else None,
            "waterfall": stages or None,
            "lastTransitionTime": self.since,
            "observedGeneration": self.generation,
        }
        return {name: value for name, value in told.items() if value not in (None, "")}


def read_entry(resource: Mapping[str, Any], data_centre: str) -> Entry | None:
    """What the data centre has reported in a HealthCheck, as far as it decides what is news."""
    probes = (resource.get("status") or {}).get("probes") or []
    told = next((each for each in probes if each.get("dataCenter") == data_centre), None)
    if told is None or told.get("health") not in tuple(Health):
        return None
    return Entry(
        verdict=Health(told["health"]),
        reason=told.get("reason") or "",
        detail=told.get("detail") or "",
        generation=told.get("observedGeneration") or 0,
        since=told.get("lastTransitionTime") or "",
        code=told.get("code"),
        address=told.get("address"),
    )


def remembered_of(entry: Entry | None) -> Remembered | None:
    """What is known of a check that no run before has counted, or whose counters are lost: its verdict goes on from
    what was reported, and counts begin anew."""
    return Remembered(Counters(entry.verdict), entry.generation) if entry is not None else None


def counted(before: Remembered | None, sample: Sample, generation: int, fails: int, successes: int) -> Remembered:
    """The counters after one more sample. Of another generation of the check the verdict is kept until there is a new
    one; what led to it counts no more."""
    if before is None:
        counters = Counters()
    elif before.generation != generation:
        counters = Counters(before.counters.verdict)
    else:
        counters = before.counters
    return Remembered(count(counters, sample.healthy, fails, successes), generation)


def reported(before: Entry | None, now: Remembered, sample: Sample) -> Entry | None:
    """The entry after a sample that was counted; None while nothing is known."""
    verdict = now.counters.verdict
    if verdict is Health.UNKNOWN:
        return None
    decided = sample.healthy == (verdict is Health.HEALTHY)
    if before is not None and before.verdict is verdict and not decided:
        return replace(before, generation=now.generation)
    unchanged = before is not None and before.verdict is verdict
    return Entry(
        verdict=verdict,
        reason=sample.reason or "" if verdict is Health.UNHEALTHY else "",
        detail=sample.detail if verdict is Health.UNHEALTHY else "",
        generation=now.generation,
        since=before.since if unchanged and before is not None else _time(sample.at),
        code=sample.code,
        address=sample.address,
        waterfall=sample.waterfall,
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
