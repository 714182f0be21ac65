"""What waits to be delivered: when it leaves, how much of it there is, and what is told when there is room again."""

from dataclasses import replace
from typing import Any

from shield_operator.core.alerts.planning import make_alerts_plan
from shield_proxy.config.alerts.contract import KEEP_SECONDS, MOST_NOTIFICATIONS

BOTH = [("origin", "START"), ("origin", "END")]


def test_a_notification_leaves_when_every_target_has_it(street: Any, hook: Any, mail: Any) -> None:
    street.edit(targets=[hook, mail])
    street.broken = {"mail"}
    street.fail()
    street.step()
    street.courier()
    street.step()
    assert (street.heard("hook"), street.heard("mail")) == ([("origin", "START")], [])
    assert len(street.queue()) == 1
    street.broken = set()
    street.settle()
    assert street.heard("mail") == [("origin", "START")]
    assert street.queue() == ()


def test_after_a_day_a_notification_is_given_up_and_that_is_told(street: Any) -> None:
    street.broken = {"hook"}
    street.fail()
    street.step()
    street.now += KEEP_SECONDS - 2
    street.step()
    assert len(street.queue()) == 1
    street.now += 2
    street.step()
    assert street.queue() == ()
    assert street.told() == ["origin"]
    assert ("down", "NotDelivered") in street.happenings


def lost(street: Any) -> list[str]:
    """What was said of notifications that were not delivered."""
    told = zip(street.happenings, street.messages, strict=True)
    return [message for (_, reason), message in told if reason == "NotDelivered"]


def test_what_was_given_up_for_a_target_is_told_once_when_it_leaves(street: Any, hook: Any, mail: Any) -> None:
    street.edit(targets=[hook, mail])
    street.refusing, street.broken = {"hook"}, {"mail"}
    street.fail()
    street.step()
    (start,) = street.queue()
    for _ in range(3):
        street.courier()
        street.step()
    assert lost(street) == []
    street.broken = set()
    street.settle()
    assert street.heard("mail") == [("origin", "START")]
    assert lost(street) == [f"START of origin ({start.id}) was not taken by hook"]


def test_after_a_day_it_is_told_whoever_gives_up_first(street: Any, hook: Any, mail: Any) -> None:
    street.edit(targets=[hook, mail])
    street.broken = {"hook", "mail"}
    street.fail()
    street.step()
    (start,) = street.queue()
    street.now += KEEP_SECONDS - 2
    street.refusing = {"hook", "mail"}
    street.courier()
    street.now += 2
    street.settle()
    assert lost(street) == [f"START of origin ({start.id}) was not taken by hook, mail"]


def test_what_makes_room_is_told_of_those_too_for_whom_it_was_given_up(new_street: Any, hook: Any, mail: Any) -> None:
    street = new_street()
    chat = {"name": "chat", "slack": {"urlFrom": {"secretName": "chat"}}}
    street.edit(targets=[hook, mail, chat])
    street.check("origin")
    street.step()
    street.refusing, street.broken = {"hook"}, {"mail"}
    for number in range(MOST_NOTIFICATIONS + 1):
        street.verdicts["origin"] = ("Unhealthy", "Healthy")[number % 2]
        street.step(20)
        street.courier()
    assert len(lost(street)) == 1
    assert lost(street)[0].endswith("was not taken by hook, mail")


def test_while_nothing_is_taken_the_queue_is_bounded_and_what_holds_afterwards_is_told(new_street: Any) -> None:
    street = new_street()
    names = [f"check-{i:03}" for i in range(120)]
    for name in names:
        street.check(name)
    street.step()
    street.broken = {"hook"}
    street.fail(*names)
    for _ in range(5):
        street.step()
        street.courier()
    assert len(street.queue()) == MOST_NOTIFICATIONS
    assert street.condition() == ("False", "QueueFull")
    street.mend(*names[100:])
    street.broken = set()
    street.settle()
    assert sorted(street.heard()) == [(name, "START") for name in names[:100]]
    assert street.told() == names[:100]
    assert street.condition() == ("True", "Watching")


def test_a_target_that_takes_nothing_does_not_keep_news_from_the_others(new_street: Any, hook: Any, mail: Any) -> None:
    street = new_street()
    street.edit(targets=[hook, mail])
    street.check("origin")
    street.step()
    street.broken = {"mail"}
    for _ in range(2 * MOST_NOTIFICATIONS):
        street.fail()
        street.step(20)
        street.courier()
        street.mend()
        street.step(20)
        street.courier()
    assert street.heard("hook") == BOTH * (2 * MOST_NOTIFICATIONS)
    assert len(street.queue()) <= MOST_NOTIFICATIONS
    assert ("down", "NotDelivered") in street.happenings
    street.broken = set()
    street.settle()
    assert street.heard("mail") == BOTH * (MOST_NOTIFICATIONS // 2)


def test_flapping_fills_no_status_while_nobody_delivers(street: Any) -> None:
    for i in range(600):
        street.verdicts["origin"] = ("Unhealthy", "Healthy")[i % 2]
        street.step()
    assert street.most_queued == MOST_NOTIFICATIONS
    street.settle()
    events = [event for _, event in street.heard()]
    assert events == ["START", "END"] * (len(events) // 2)


class Spoken(dict[str, Any]):
    """A status that counts how often a notification was made of it."""

    words = 0

    def get(self, key: str, default: Any = None) -> Any:
        type(self).words += key == "probes"
        return super().get(key, default)


def test_of_a_thousand_failures_at_once_only_those_that_have_room_are_put_into_words(new_street: Any) -> None:
    street = new_street()
    for number in range(1000):
        street.check(f"origin-{number:03}")
    street.step()
    street.fail(*street.checks)
    world = street.world()
    counted = [replace(each, check=replace(each.check, status=Spoken(each.check.status))) for each in world.checks]
    plan = make_alerts_plan(replace(world, checks=tuple(counted)))
    assert len(plan.statuses["down"]["notifications"]) == MOST_NOTIFICATIONS
    assert Spoken.words == MOST_NOTIFICATIONS
