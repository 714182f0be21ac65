"""The admission policies know probers and couriers by the names that the operator gives their accounts."""

from typing import Any

from shield_operator.core import naming
from shield_operator.core.health.objects import REPORT
from shield_proxy.config.alerts.contract import COURIER, PLURAL

Object = dict[str, Any]


def policy(objects: list[Object], name: str) -> Object:
    """The spec of a policy, which is bound, and denies."""
    found = {(o["kind"], o["metadata"]["name"]): o["spec"] for o in objects if "spec" in o}
    binding = found["ValidatingAdmissionPolicyBinding", f"edge-smart-shield-{name}"]
    assert (binding["policyName"], binding["validationActions"]) == (f"edge-smart-shield-{name}", ["Deny"])
    spec: Object = found["ValidatingAdmissionPolicy", f"edge-smart-shield-{name}"]
    assert spec["failurePolicy"] == "Fail"
    return spec


def test_a_prober_is_known_by_how_its_account_begins(defaults: list[Object]) -> None:
    """And is asked for the right that its Role gives."""
    spec = policy(defaults, "probers")
    assert naming.prober_account("eu/a").startswith("shield-prober-")
    assert ":shield-prober-'" in spec["matchConditions"][0]["expression"]
    assert f"check('{REPORT}')" in spec["validations"][1]["expression"]


def test_a_courier_is_known_by_its_account(defaults: list[Object]) -> None:
    """In whatever namespace."""
    spec = policy(defaults, "couriers")
    assert f"request.namespace + ':{COURIER}'" in spec["matchConditions"][0]["expression"]
    (rule,) = spec["matchConstraints"]["resourceRules"]
    assert rule["resources"] == [f"{PLURAL}/status"]
