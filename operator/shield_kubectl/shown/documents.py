"""The same as documents for programs: JSON or YAML, with names that stay. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from shield_kubectl.shown.view import CheckView, DataCentre
from shield_proxy.config.checks.sample import Sample, in_milliseconds, sample_fields

API_VERSION = "kubectl.smartshield.io/v1"
"""Fields of a version are never renamed or removed."""


def check_document(view: CheckView) -> dict[str, Any]:
    """A CheckReport. What is not known is left out."""
    return _told(
        {
            "apiVersion": API_VERSION,
            "kind": "CheckReport",
            "namespace": view.namespace,
            "name": view.name,
            "id": view.id,
            "type": view.type,
            "address": view.address,
            "status": view.status or "Unknown",
            "failureReason": view.failure_reason,
            "healthyRegions": view.healthy,
            "roundTrip": view.round_trip,
            "created": view.created,
            "modified": view.modified,
            "lastChange": view.last_change,
            "conditions": [
                {"type": each.type, "status": each.status, "reason": each.reason, "message": each.message}
                for each in view.conditions
            ],
            "regions": [{"name": name, "health": health} for name, health in view.regions],
            "dataCenters": [data_centre_document(each) for each in view.data_centres],
        }
    )


def data_centre_document(each: DataCentre) -> dict[str, Any]:
    """One of `dataCenters`: the verdict, and the last probe where it is known."""
    return _told(
        {
            "name": each.name,
            "region": each.region,
            "health": each.health or "Unknown",
            "heard": each.heard,
            "reason": each.reason,
            "detail": each.detail,
            "code": each.code,
            "address": each.address,
            "since": each.since,
            "waterfall": each.waterfall,
            "lastProbe": _sample(each.last) if each.last is not None else None,
        }
    )


def as_json(document: Mapping[str, Any]) -> str:
    """Indented, as kubectl does it."""
    return json.dumps(document, indent=4, ensure_ascii=False) + "\n"


def _sample(sample: Sample) -> dict[str, Any]:
    return _told({**sample_fields(sample), "waterfall": in_milliseconds(sample.waterfall)})


def _told(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, "")}
