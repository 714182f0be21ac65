"""How soon a fleet is looked at again."""

from shield_operator.core.pace import IDLE_SECONDS, LATE_SECONDS, PATIENCE_SECONDS, PENDING_SECONDS, SOON_SECONDS

HALF = int(PATIENCE_SECONDS) // 2


def test_a_settled_fleet_is_looked_at_seldom(served):
    assert served.run(5).again_after == IDLE_SECONDS


def test_a_change_is_followed_closely(served):
    served.change(hosts=["new.example.com"])
    assert served.step().again_after == SOON_SECONDS


def test_a_fleet_that_never_becomes_ready_is_looked_at_ever_more_seldom(cluster):
    cluster.stuck = {("lower", key) for key in ("eu/a", "eu/b", "us/a", "us/b")}
    assert cluster.step().again_after == SOON_SECONDS
    cluster.run(HALF)
    assert cluster.step().again_after == PENDING_SECONDS
    cluster.run(int(PATIENCE_SECONDS))
    assert cluster.step().again_after == LATE_SECONDS


def test_an_upper_tier_that_never_becomes_ready_is_waited_for_ever_more_seldom(served):
    served.stuck = {("upper", "us/a")}
    served.milliseconds = {"eu/a": 100.0, "eu/b": 90.0, "us/a": 5.0, "us/b": 80.0}
    served.run(HALF + 10)
    assert served.upper()["dataCenter"] == "us/a"
    assert served.order()[0] == "eu/a"
    assert served.step().again_after == SOON_SECONDS
    served.run(2 * int(PATIENCE_SECONDS))
    assert served.step().again_after == LATE_SECONDS
    served.stuck = set()
    served.run(10)
    assert served.order()[0] == "us/a"
    assert served.run(2).again_after == IDLE_SECONDS


def test_patience_begins_anew_with_every_change(cluster):
    cluster.stuck = {("lower", "us/b")}
    cluster.run(2 * int(PATIENCE_SECONDS))
    assert cluster.step().again_after == LATE_SECONDS
    cluster.change(hosts=["new.example.com"])
    assert cluster.step().again_after == SOON_SECONDS
    cluster.run(HALF)
    assert cluster.step().again_after == PENDING_SECONDS
