"""What an API server makes of a custom resource that is not stored."""

from typing import Any

from bareapi import BareApi
from operatorprocess import GROUPS

PLURALS = {
    "SmartShieldZone": "smartshieldzones",
    "ShieldFleet": "shieldfleets",
    "HealthCheck": "healthchecks",
    "HealthAlert": "healthalerts",
}


def dry(api: BareApi, plural: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The object as it would be stored, with its defaults; AssertionError with the server's words."""
    kind = next(kind for kind, of_kind in PLURALS.items() if of_kind == plural)
    body = {"apiVersion": "smartshield.io/v1alpha1", "kind": kind, "metadata": {"name": "one"}, "spec": spec}
    path = f"{GROUPS}/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"
    stored: dict[str, Any] = api.call("POST", path, body)
    return stored
