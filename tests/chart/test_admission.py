"""The admission policies know probers, couriers and the operator by the names of their accounts."""

from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.health.objects import REPORT
from shield_operator.core.health.planning import PREVIEW_PREFIX
from shield_proxy.config.alerts.contract import COURIER, PLURAL
from shield_proxy.config.checks.contract import PREVIEW

Object = dict[str, Any]


def policy(objects: list[Object], name: str, release: str = "edge-smart-shield") -> Object:
    """The spec of a policy, which is bound, and denies."""
    found = {(o["kind"], o["metadata"]["name"]): o["spec"] for o in objects if "spec" in o}
    binding = found["ValidatingAdmissionPolicyBinding", f"{release}-{name}"]
    assert (binding["policyName"], binding["validationActions"]) == (f"{release}-{name}", ["Deny"])
    spec: Object = found["ValidatingAdmissionPolicy", f"{release}-{name}"]
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


@pytest.mark.parametrize(("chart", "release"), [("defaults", "edge-smart-shield"), ("flipped", "the-shield")])
def test_the_operator_is_known_by_the_account_of_its_pods(
    request: pytest.FixtureRequest, chart: str, release: str
) -> None:
    """Whatever that is called, and whoever made it."""
    objects = request.getfixturevalue(chart)
    (account,) = [o["spec"]["template"]["spec"]["serviceAccountName"] for o in objects if o["kind"] == "Deployment"]
    (condition,) = policy(objects, "operator", release)["matchConditions"]
    user = f"'system:serviceaccount:shield-system:{account}'"
    assert condition["expression"] == f"request.userInfo.username == {user}"


def test_a_preview_is_known_by_its_name_and_its_mark(defaults: list[Object]) -> None:
    """The same by which the operator knows it."""
    spec = policy(defaults, "operator")
    (rule,) = spec["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["healthchecks"], ["DELETE"])
    (validation,) = spec["validations"]
    assert f"metadata.name.startsWith('{PREVIEW_PREFIX}') &&" in validation["expression"]
    assert f"metadata.annotations['{PREVIEW}'] == 'true'" in validation["expression"]
