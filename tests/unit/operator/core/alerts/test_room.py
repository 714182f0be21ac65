"""More targets than a courier serves: the youngest alerts are left out, say so, and tell what still holds later."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shield_proxy.config.alerts.contract import MOST_TARGETS
from shield_proxy.config.alerts.places import Place

TEN = [{"name": f"t{i}", "webhook": {"urlFrom": {"secretName": f"hooks-{i}"}}} for i in range(10)]


def add(street: Any, new_alert: Any, name: str, created: str, targets: list[Any], **spec: Any) -> None:
    """One more alert, made at that time."""
    made = new_alert(name, targets=targets, **spec)
    street.alerts[name] = replace(made, place=replace(made.place, created=created))
    street.version += 1


@pytest.fixture
def crowd(street: Any, new_alert: Any) -> Any:
    """With `down`, which is as old as they come, room for nobody is left; `late` has none."""
    for i in range(MOST_TARGETS // 10 - 1):
        add(street, new_alert, f"old-{i:03}", "2026-01-01T00:00:00Z", TEN)
    add(
        street, new_alert, "late", "2026-02-01T00:00:00Z", [{"name": "a", "slack": {"urlFrom": {"secretName": "chat"}}}]
    )
    street.alerts["down"] = replace(street.alerts["down"], place=Place("2025-01-01T00:00:00Z", "down", "uid-down", 10))
    street.step()
    return street


def test_an_alert_without_room_names_the_bound_and_what_to_do(crowd: Any) -> None:
    assert crowd.condition(name="late") == ("False", "TooManyTargets")
    message = crowd.full_condition(name="late")["message"]
    assert f"more than {MOST_TARGETS} targets" in message
    assert "Delete alerts or targets" in message
    assert ("late", "TooManyTargets") in crowd.happenings
    others = {crowd.condition(name=name) for name in crowd.alerts if name != "late"}
    assert others == {("True", "Watching")}


def test_it_tells_nothing_and_mounts_nothing(crowd: Any) -> None:
    crowd.ask_for_test("t", "late")
    crowd.verdicts["origin"] = "Unhealthy"
    crowd.now += 1
    crowd.step()
    assert crowd.queue("late") == ()
    assert crowd.told("late") == []
    assert crowd.told() == crowd.told("old-000") == ["origin"]
    (deployment,) = [body for body in crowd.plan().objects if body["kind"] == "Deployment"]
    mounted = json.dumps(deployment["spec"])
    assert ("hooks-9" in mounted, "chat" in mounted) == (True, False)


def delete(street: Any) -> None:
    del street.alerts["old-007"]


def take_a_target(street: Any) -> None:
    old = street.alerts["old-007"]
    spec, place = replace(old.spec, targets=old.spec.targets[1:]), replace(old.place, targets=9)
    street.alerts["old-007"] = replace(old, spec=spec, place=place)


@pytest.mark.parametrize("make_room", [delete, take_a_target])
def test_when_there_is_room_it_tells_what_still_holds(crowd: Any, make_room: Callable[[Any], None]) -> None:
    crowd.ask_for_test("t", "late")
    crowd.verdicts.update(origin="Unhealthy", database="Unhealthy")
    crowd.now += 1
    crowd.step()
    crowd.verdicts["database"] = "Healthy"
    make_room(crowd)
    crowd.step()
    assert crowd.condition(name="late") == ("True", "Watching")
    assert [(each.check, str(each.event)) for each in crowd.queue("late")] == [("", "TEST"), ("origin", "START")]


def test_one_that_is_about_to_go_has_its_place_while_the_courier_sees_it(crowd: Any) -> None:
    crowd.alerts["old-007"] = replace(crowd.alerts["old-007"], deleting=True)
    crowd.step()
    assert crowd.condition(name="late") == ("False", "TooManyTargets")


def test_a_spec_that_can_t_be_honoured_is_told_first_and_has_its_place(crowd: Any, new_alert: Any) -> None:
    add(crowd, new_alert, "wrong", "2026-03-01T00:00:00Z", TEN, trigger="Never")
    crowd.step()
    assert crowd.condition(name="wrong") == ("False", "InvalidSpec")
    assert crowd.alerts["wrong"].place.targets == 10
