"""Which checks are a run's, and how they are read."""

from typing import Any

import pytest
from givenchecks import PLACE, resource

from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.running.assigned import read_assigned
from shield_proxy.health.running.standing import Place


def test_a_check_of_the_data_centre_and_shard_is_the_runs() -> None:
    made = read_assigned(resource(interval=10), PLACE, 0)
    assert made is not None
    assert (made.name, made.interval, made.suspended, made.problem) == ("shop", 10, False, "")
    assert made.id == "0f8fad5bd9cb469fa16570867728950e"
    assert made.created == 1699999200


@pytest.mark.parametrize(
    ("place", "shard", "metadata", "status"),
    [
        (Place("eu", "b"), 0, {}, {}),
        (PLACE, 1, {}, {}),
        (PLACE, 0, {"deletionTimestamp": "2023-11-14T22:00:00Z"}, {}),
        (PLACE, 0, {}, {"dataCenters": []}),
        (PLACE, 0, {}, {"shard": None}),
    ],
)
def test_others_are_not(place: Place, shard: int, metadata: dict[str, Any], status: dict[str, Any]) -> None:
    made = resource()
    made["metadata"] |= metadata
    made["status"] |= status
    assert read_assigned(made, place, shard) is None


def test_one_that_the_operator_has_not_seen_yet_is_nobodys() -> None:
    made = resource()
    del made["status"]
    assert read_assigned(made, PLACE, 0) is None


def test_one_that_cannot_be_read_is_the_runs_with_its_problem() -> None:
    made = read_assigned(resource(timeout=90), PLACE, 0)
    assert made is not None
    assert made.check is None
    assert made.problem.startswith("spec.timeout: ")
    assert (made.interval, made.thresholds, made.suspended) == (60, (1, 1), False)


def test_the_data_centres_own_entry_is_read() -> None:
    made = resource()
    made["status"]["probes"] = [
        {"dataCenter": "us/b", "health": "Healthy"},
        {"dataCenter": "eu/a", "health": "Unhealthy", "reason": "TCP Timeout", "observedGeneration": 3},
    ]
    read = read_assigned(made, PLACE, 0)
    assert read is not None
    assert read.entry is not None
    assert (read.entry.verdict, read.entry.reason, read.entry.generation) == (
        Health.UNHEALTHY,
        Reason.TCP_TIMEOUT,
        3,
    )
