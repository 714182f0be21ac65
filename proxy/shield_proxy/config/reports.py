"""What a pod tells the operator, as values and JSON objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_proxy.config.reading import Reader

MOST_PROBLEMS = 64
"""Of one pod in one report; which it leaves out beyond that does not change while nothing happens."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What a zone's spec names and this pod can't use, though it serves the rest of the zone."""

    zone: str
    """UID."""
    reason: str
    """SecretMissing, CertificateInvalid or CertificateExpired."""
    message: str
    """For people: names the Secret and what is wrong with it. Nothing in it moves by itself."""

    def to_json(self) -> dict[str, Any]:
        """The JSON object of it."""
        return {"zone": self.zone, "reason": self.reason, "message": self.message}


def _problem(item: Reader) -> Problem:
    return Problem(item.text("zone"), item.text("reason"), item.text("message"))


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
    problems: tuple[Problem, ...] = ()
    """Sorted."""
    digest: str = ""
    """Of the record in use (record.Envelope); empty before the first, and from versions that do not tell it."""

    def to_json(self) -> dict[str, Any]:
        """The JSON object of it; without problems it does not speak of them."""
        out: dict[str, Any] = {
            "schema": self.schema,
            "generation": self.generation,
            "lease": self.lease,
            "version": self.version,
            "confirmed": self.confirmed,
            "draining": self.draining,
        }
        if self.problems:
            out["problems"] = [problem.to_json() for problem in self.problems[:MOST_PROBLEMS]]
        if self.digest:
            out["digest"] = self.digest
        return out


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
        problems=top.items("problems", _problem)[:MOST_PROBLEMS],
        digest=top.text("digest", ""),
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
