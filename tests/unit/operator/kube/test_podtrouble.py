"""What a pod's status says of why it does not begin, or how it failed."""

from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.kube.kinds import POD
from shield_operator.kube.podtrouble import MOST, trouble_of
from shield_operator.kube.probers import prober_pod_of
from shield_operator.kube.views import matters, trim


def container(**state: Any) -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [{"name": "prober", "state": state}]}


UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    ],
}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, ""),
        ({"phase": "Pending"}, ""),
        (container(waiting={"reason": "ContainerCreating"}), ""),
        (container(running={"startedAt": "x"}), ""),
        (container(terminated={"exitCode": 0, "reason": "Completed"}), ""),
        (container(waiting={"reason": "ErrImagePull", "message": "not  found"}), "ErrImagePull: not found"),
        (
            container(waiting={"reason": "ImagePullBackOff", "message": 'Back-off "x": ErrImagePull: not found'}),
            "ErrImagePull: not found",
        ),
        (container(waiting={"reason": "ImagePullBackOff", "message": 'Back-off "x"'}), 'ErrImagePull: Back-off "x"'),
        (container(waiting={"reason": "CrashLoopBackOff"}), "CrashLoopBackOff"),
        (container(terminated={"exitCode": 137, "reason": "OOMKilled"}), "OOMKilled: exit code 137"),
        (
            container(terminated={"exitCode": 2, "reason": "Error", "message": "log\nshield-proxy: X: is not set\n"}),
            "Error: exit code 2: shield-proxy: X: is not set",
        ),
        (UNSCHEDULABLE, "Unschedulable: 0/3 nodes are available"),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted: low on memory"),
        (
            {"initContainerStatuses": [{"state": {"waiting": {"reason": "RunContainerError", "message": "no"}}}]},
            "RunContainerError: no",
        ),
    ],
)
def test_the_trouble_of_a_pod_is_a_word_and_what_was_said(status: dict[str, Any], said: str) -> None:
    assert trouble_of(status) == said


def test_what_is_said_is_bounded() -> None:
    assert len(trouble_of(container(waiting={"reason": "ErrImagePull", "message": "x" * 9999}))) < MOST + 30


def body(status: dict[str, Any], version: str, component: str = naming.PROBER) -> dict[str, Any]:
    labels = {**naming.prober_labels("eu/a", 0), naming.LABEL_COMPONENT: component}
    return {
        "metadata": {"name": "p", "namespace": "shop", "resourceVersion": version, "labels": labels},
        "status": status,
    }


def test_of_a_probers_pod_trouble_is_remembered_and_news_of_the_same_is_none() -> None:
    well = trim(POD, body({"phase": "Pending"}, "1"))
    pulling = trim(POD, body(container(waiting={"reason": "ErrImagePull", "message": "no"}), "2"))
    waiting = trim(POD, body(container(waiting={"reason": "ImagePullBackOff", "message": "b: ErrImagePull: no"}), "3"))
    found = prober_pod_of(pulling)
    assert found is not None
    assert found.trouble == "ErrImagePull: no"
    assert matters(POD, well, pulling)
    assert not matters(POD, pulling, waiting)


def test_of_other_pods_it_is_not() -> None:
    assert "trouble" not in trim(POD, body(container(waiting={"reason": "ErrImagePull"}), "1", "lower"))["status"]


def test_of_a_couriers_pod_nothing_of_its_log_is_remembered() -> None:
    ended = {"exitCode": 1, "reason": "Error", "message": "Traceback\nValueError: https://hooks.example.com/secret"}
    for component, said in ((naming.COURIER, ""), (naming.PROBER, ": ValueError: https://hooks.example.com/secret")):
        status = trim(POD, body(container(terminated=ended), "1", component))["status"]
        assert status["trouble"] == f"Error: exit code 1{said}"
