"""The objects that health checks are run with."""

from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.health.objects import job


def one(shop: Any, kind: str, data_center: str = "eu/a") -> Any:
    label = naming.data_center_label(data_center)
    return next(b for b in shop.found(kind) if b["metadata"]["labels"].get(naming.LABEL_DATA_CENTER) == label)


def pod(shop: Any) -> Any:
    return one(shop, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_a_run_has_no_privilege_and_is_in_its_data_centre(probed: Any) -> None:
    spec = pod(probed)
    assert spec["nodeSelector"] == {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "a"}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["serviceAccountName"] == naming.prober_account("eu/a")
    (container,) = spec["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"] == "128Mi"


def test_only_the_run_itself_mounts_a_token(probed: Any) -> None:
    assert pod(probed)["automountServiceAccountToken"] is True
    assert all(account["automountServiceAccountToken"] is False for account in probed.found("ServiceAccount"))


def test_a_run_ends_before_a_third_would_begin(probed: Any) -> None:
    spec = one(probed, "CronJob")["spec"]
    assert 600 < spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 1200
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 1)
    assert spec["concurrencyPolicy"] == "Allow"


@pytest.mark.parametrize("minutes", [5, 10, 60])
def test_runs_begin_in_turns_spread_over_the_minutes(namespace: Any, minutes: int) -> None:
    shop = namespace(minutes=minutes)
    for i in range(20):
        shop.add(f"eu/zone-{i}")
        shop.check(f"check-{i}", i + 1, checkRegions=["eu"])
    shop.step()
    schedules = [body["spec"]["schedule"] for body in shop.found("CronJob")]
    offsets = {int(schedule.partition("-")[0]) for schedule in schedules}
    assert all(schedule.endswith(f"-59/{minutes} * * * *") for schedule in schedules)
    assert max(offsets) < minutes
    assert len(offsets) > 3


def test_a_prober_may_read_checks_report_for_itself_and_renew_its_leases_alone(probed: Any) -> None:
    rules = {rule["resources"][0]: rule for rule in one(probed, "Role")["rules"]}
    assert rules["healthchecks"]["verbs"] == ["list", "watch"]
    assert rules["healthchecks/status"]["verbs"] == ["patch"]
    assert (rules["healthchecks/probes"]["resourceNames"], rules["healthchecks/probes"]["verbs"]) == (
        ["eu/a"],
        ["report"],
    )
    assert rules["leases"]["resourceNames"] == [naming.prober("eu/a", 0)]
    assert set(rules) == {"healthchecks", "healthchecks/status", "healthchecks/probes", "leases"}
    binding = one(probed, "RoleBinding")
    assert binding["roleRef"]["name"] == one(probed, "Role")["metadata"]["name"]
    assert binding["subjects"][0]["name"] == naming.prober_account("eu/a")


def test_an_account_begins_as_the_admission_policy_knows_it(probed: Any) -> None:
    assert all(each["metadata"]["name"].startswith("shield-prober-") for each in probed.found("ServiceAccount"))
    long = naming.prober_account("r" * 63 + "/" + "z" * 63)
    assert long.startswith("shield-prober-")
    assert len(long) <= 52


def test_a_cron_job_goes_with_its_last_check_and_all_else_with_the_last_cron_job(probed: Any) -> None:
    probed.check("second", 1, checkRegions=["eu"])
    probed.run(2)
    owners = one(probed, "CronJob")["metadata"]["ownerReferences"]
    assert [(owner["kind"], owner["name"]) for owner in owners] == [
        ("HealthCheck", "origin"),
        ("HealthCheck", "second"),
    ]
    assert [o["name"] for o in one(probed, "CronJob", "us/a")["metadata"]["ownerReferences"]] == ["origin"]
    for kind in ("ServiceAccount", "Role", "RoleBinding", "Lease"):
        (owner,) = one(probed, kind)["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("CronJob", naming.prober("eu/a", 0))
    (policy,) = probed.found("NetworkPolicy")
    assert len(policy["metadata"]["ownerReferences"]) == 4


def test_of_a_prober_only_the_figures_can_be_asked_for(probed: Any) -> None:
    (policy,) = probed.found("NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert policy["spec"]["ingress"] == [{"ports": [{"port": 8081, "protocol": "TCP"}]}]
    labels = one(probed, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_a_job_that_begins_at_once_is_one_of_the_cron_jobs_own(probed: Any) -> None:
    body = one(probed, "CronJob")
    name = body["metadata"]["name"]
    stands = {**body, "metadata": {**body["metadata"], "uid": "u"}}
    made = job(stands, probed.now)
    assert made["spec"] == body["spec"]["jobTemplate"]["spec"]
    assert made["metadata"]["ownerReferences"][0] == {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": name,
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": False,
    }
    assert len(made["metadata"]["name"]) <= 63
    assert job(stands, 60 * (probed.now // 60) + 59)["metadata"]["name"] == made["metadata"]["name"]
    assert job(stands, probed.now + 60)["metadata"]["name"] != made["metadata"]["name"]


def test_a_template_holds_nothing_of_checks(probed: Any) -> None:
    before = one(probed, "CronJob")["spec"]
    probed.checks.clear()
    probed.check("other", 7, address="other.example.com", type="TCP")
    probed.step()
    assert one(probed, "CronJob")["spec"] == before


def test_networks_that_no_probe_may_go_to_are_told_to_the_prober(probed: Any) -> None:
    environment = {item["name"]: item.get("value") for item in pod(probed)["containers"][0]["env"]}
    assert environment["SHIELD_INTERNAL_NETWORKS"] == "10.96.0.0/12"
    assert "POD_NAME" in environment
