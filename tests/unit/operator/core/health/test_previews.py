"""Checks that are made to be looked at once, and the statuses that those who follow checks are given."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shield_operator.core.health.planning import make_checks_plan


def preview(shop: Any, name: str = "preview-x7k2p", age: float = 0.0) -> None:
    """A check that is to be looked at once, made `age` seconds ago."""
    shop.check(name, 9)
    created = datetime.fromtimestamp(shop.now - age, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    shop.checks[name] = replace(shop.checks[name], preview=True, created=created)


def test_a_preview_that_nobody_takes_away_goes_after_two_minutes(probed: Any) -> None:
    preview(probed, age=119)
    plan = make_checks_plan(probed.world())
    assert plan.expired == ()
    assert 0 < plan.again_after <= 2
    preview(probed, age=121)
    assert make_checks_plan(probed.world()).expired == ("preview-x7k2p",)
    probed.nodes.clear()
    assert make_checks_plan(probed.world()).expired == ("preview-x7k2p",)


def test_a_check_of_another_name_stays_whatever_its_annotation_says(probed: Any) -> None:
    preview(probed, "important", age=1000)
    preview(probed, "preview-old", age=1000)
    probed.checks["preview-old"] = replace(probed.checks["preview-old"], preview=False)
    assert make_checks_plan(probed.world()).expired == ()


def test_the_status_of_every_check_is_at_hand_for_those_who_follow_them(probed: Any) -> None:
    probed.check("second", 1)
    plan = make_checks_plan(probed.world())
    assert set(plan.standing) == {check.uid for check in probed.checks.values()}
    assert plan.standing[probed.checks["second"].uid] == plan.statuses["second"]
    probed.nodes.clear()
    blind = make_checks_plan(probed.world())
    assert blind.standing[probed.checks["origin"].uid]["status"] == "Healthy"
