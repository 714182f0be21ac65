"""What a pod tells the operator, as values and JSON objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_proxy.config.reading import Reader


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a pod holds and what it can read."""

    schema: int
    """The newest schema this pod reads."""
    generation: int
    """Of the fleet state in use; 0 before the first."""
    lease: int
    version: str
    confirmed: bool
    """The operator or a peer has confirmed the generation since the pod started."""
    draining: bool = False

    def to_json(self) -> dict[str, Any]:
        """The JSON object of it."""
        return {
            "schema": self.schema,
            "generation": self.generation,
            "lease": self.lease,
            "version": self.version,
            "confirmed": self.confirmed,
            "draining": self.draining,
        }


def read_acknowledgement(document: object) -> Acknowledgement:
    """The acknowledgement in a JSON object, or InvalidField."""
    top = Reader(document)
    return Acknowledgement(
        schema=top.number("schema"),
        generation=top.number("generation"),
        lease=top.number("lease"),
        version=top.text("version"),
        confirmed=top.flag("confirmed"),
        draining=top.flag("draining", False),
    )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One pod's view of one backend: the lowest TCP connect time of its latest samples."""

    zone: str
    """UID."""
    backend: str
    connect_seconds: float | None
    """None: no sample in the window succeeded."""
    samples: int
    """Successful ones in the window."""
    age_seconds: float
    """Since the last attempt."""
    error: str | None = None
    """Why the last attempt failed: unresolved, refused, timeout, unreachable, tls."""

    def to_json(self) -> dict[str, Any]:
        """The JSON object of it."""
        return {
            "zone": self.zone,
            "backend": self.backend,
            "connectSeconds": self.connect_seconds,
            "samples": self.samples,
            "ageSeconds": self.age_seconds,
            "error": self.error,
        }


def _seconds(source: Mapping[str, Any], key: str) -> float | None:
    value = source.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _measurement(item: Reader) -> Measurement:
    return Measurement(
        zone=item.text("zone"),
        backend=item.text("backend"),
        connect_seconds=_seconds(item.source, "connectSeconds"),
        samples=item.number("samples"),
        age_seconds=_seconds(item.source, "ageSeconds") or 0.0,
        error=item.text("error") if item.has("error") else None,
    )


def latency_report(measurements: tuple[Measurement, ...]) -> dict[str, Any]:
    """The JSON object a pod answers LATENCY_PATH with."""
    return {"measurements": [m.to_json() for m in measurements]}


def read_latency_report(document: object) -> tuple[Measurement, ...]:
    """The measurements in a latency report, or InvalidField."""
    return Reader(document).items("measurements", _measurement)
