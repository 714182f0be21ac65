"""What is shown of a check: its status joined with the last samples that the probers left in their Leases. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shield_proxy.config.checks.contract import DATA_CENTER
from shield_proxy.config.checks.sample import Sample
from shield_proxy.config.checks.samples import SAMPLES, read_samples

STAGES = ("dnsMilliseconds", "tcpMilliseconds", "tlsMilliseconds", "firstByteMilliseconds", "totalMilliseconds")


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the status."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DataCentre:
    """What one data centre finds."""

    name: str
    region: str
    health: str
    """Its verdict; "" before it has one."""
    reason: str = ""
    detail: str = ""
    code: int | None = None
    address: str = ""
    since: str = ""
    """When its verdict last changed, RFC 3339."""
    waterfall: Mapping[str, float] | None = None
    """Of the probe that made the verdict, as in the status."""
    generation: int = 0
    """Of the check, that it probed by."""
    heard: bool | None = None
    """By the operator, whose clock alone counts; None: not known."""
    last: Sample | None = None
    """Its last probe, as far as its Lease tells."""


@dataclass(frozen=True, slots=True)
class CheckView:
    """All that is shown of a check."""

    namespace: str
    name: str
    id: str
    type: str
    address: str
    generation: int
    status: str
    failure_reason: str
    healthy: str
    """Regions, as 2/3."""
    round_trip: str
    created: str
    """RFC 3339, as all instants here; "" where it is not known."""
    modified: str
    """When the spec last changed."""
    last_change: str
    conditions: tuple[Condition, ...]
    regions: tuple[tuple[str, str], ...]
    """Name and verdict."""
    data_centres: tuple[DataCentre, ...]


def check_view(check: Mapping[str, Any], leases: Iterable[Mapping[str, Any]]) -> CheckView:
    """The view of a HealthCheck and of the Leases of its shard."""
    metadata, spec, status = _part(check, "metadata"), _part(check, "spec"), _part(check, "status")
    id_ = _text(status, "id") or _text(metadata, "uid").replace("-", "")
    by_name = {_annotation(lease, DATA_CENTER): lease for lease in leases}
    entries = {_text(entry, "dataCenter"): entry for entry in _parts(status, "probes")}
    assigned = [each for each in status.get("dataCenters") or () if isinstance(each, str)]
    silent = [each for each in status.get("silent") or () if each in assigned]
    names = sorted({*assigned, *entries})
    return CheckView(
        namespace=_text(metadata, "namespace"),
        name=_text(metadata, "name"),
        id=id_,
        type=_text(spec, "type"),
        address=_text(spec, "address"),
        generation=_whole(metadata.get("generation")) or 0,
        status=_text(status, "status"),
        failure_reason=_text(status, "failureReason"),
        healthy=_text(status, "healthy"),
        round_trip=_text(status, "roundTrip"),
        created=_text(metadata, "creationTimestamp"),
        modified=_text(status, "modified"),
        last_change=_text(status, "lastChange"),
        conditions=tuple(
            Condition(_text(each, "type"), _text(each, "status"), _text(each, "reason"), _text(each, "message"))
            for each in _parts(status, "conditions")
        ),
        regions=tuple((_text(each, "name"), _text(each, "health")) for each in _parts(status, "regions")),
        data_centres=tuple(
            _data_centre(name, entries.get(name, {}), by_name.get(name) if name in assigned else None, silent, id_)
            for name in names
        ),
    )


def instant(text: str) -> float | None:
    """Seconds since the epoch of RFC 3339; None where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


def _data_centre(
    name: str, entry: Mapping[str, Any], lease: Mapping[str, Any] | None, silent: Sequence[str], id_: str
) -> DataCentre:
    falls = {stage: float(value) for stage, value in _part(entry, "waterfall").items() if _is_number(value)}
    last = read_samples(_annotation(lease, SAMPLES)).get(id_) if lease is not None else None
    return DataCentre(
        name=name,
        region=_text(entry, "region") or name.partition("/")[0],
        health=_text(entry, "health"),
        reason=_text(entry, "reason"),
        detail=_text(entry, "detail"),
        code=_whole(entry.get("code")),
        address=_text(entry, "address"),
        since=_text(entry, "lastTransitionTime"),
        waterfall=falls or None,
        generation=_whole(entry.get("observedGeneration")) or 0,
        heard=False if name in silent else _begun(lease),
        last=last,
    )


def _begun(lease: Mapping[str, Any] | None) -> bool | None:
    """Whether somebody has ever held it. When it was renewed is not asked: that is by the clock of whoever wrote it."""
    return None if lease is None else bool(_text(_part(lease, "spec"), "holderIdentity"))


def _annotation(resource: Mapping[str, Any], name: str) -> str:
    return _text(_part(_part(resource, "metadata"), "annotations"), name)


def _part(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = source.get(key)
    return value if isinstance(value, Mapping) else {}


def _parts(source: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    value = source.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(source: Mapping[str, Any], key: str) -> str:
    value = source.get(key)
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
