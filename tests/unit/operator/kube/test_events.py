"""Which Events are published: equal ones seldom, and few for each object."""

import datetime

from shield_operator.core.plan import Happening
from shield_operator.kube.api import ApiError, Denied, Unreachable
from shield_operator.kube.events import (
    AGAIN_SECONDS,
    MOST_PER_OBJECT,
    MOST_REMEMBERED,
    Memory,
    Telling,
    event_body,
    refused_for_its_end,
)

NOW = datetime.datetime(2026, 5, 1, 12, 30, tzinfo=datetime.UTC)


def happening(message: str = "no host", uid: str = "u1") -> Happening:
    return Happening("SmartShieldZone", "shop", uid, "Warning", "HostTaken", message)


def test_an_equal_event_is_published_once_in_ten_minutes_and_then_counted() -> None:
    memory = Memory()
    told = [memory.choose([happening()], now) for now in (0.0, 1.0, AGAIN_SECONDS - 1, AGAIN_SECONDS)]
    assert told == [[Telling(happening(), 1)], [], [], [Telling(happening(), 2)]]


def test_different_messages_are_different_events() -> None:
    assert len(Memory().choose([happening("a"), happening("b"), happening("a")], 0.0)) == 2


def test_one_object_can_not_fill_the_namespace_with_events() -> None:
    memory = Memory()
    many = [happening(f"message {i}") for i in range(200)]
    assert len(memory.choose(many, 0.0)) == MOST_PER_OBJECT
    assert len(memory.choose([happening(uid="u2")], 0.0)) == 1


def test_an_event_names_its_object_by_the_version_that_the_object_has() -> None:
    def version(kind: str) -> object:
        it = Happening(kind, "shop", "u1", "Warning", "Because", "of it")
        return event_body("shop", Telling(it, 1), "op", NOW)["involvedObject"]["apiVersion"]

    assert version("CronJob") == "batch/v1"
    assert version("HealthCheck") == version("SmartShieldZone") == "smartshield.io/v1alpha1"


def test_what_is_remembered_is_bounded() -> None:
    memory = Memory()
    for i in range(MOST_REMEMBERED + 50):
        memory.choose([happening(uid=f"u{i}")], float(i) * AGAIN_SECONDS)
    assert len(memory._told) == MOST_REMEMBERED


def test_a_namespace_that_ends_is_known_by_what_the_api_server_says_of_it() -> None:
    unable = "unable to create new content in namespace shop because it is being terminated"
    ending = f'post /events: events "x" is forbidden: {unable}'
    assert refused_for_its_end(Denied(403, ending))
    assert refused_for_its_end(ApiError(404, 'post /events: namespaces "shop" not found'))
    assert not refused_for_its_end(Denied(403, 'events is forbidden: User "operator" cannot create resource "events"'))
    assert not refused_for_its_end(Unreachable("no answer in time"))


def test_equal_happenings_have_the_same_name_in_the_cluster() -> None:
    first, again = (event_body("shop", Telling(happening(), count), "op", NOW) for count in (1, 2))
    other = event_body("shop", Telling(happening("else"), 1), "op", NOW)
    assert first["metadata"] == again["metadata"] != other["metadata"]
    assert (again["count"], again["lastTimestamp"]) == (2, "2026-05-01T12:30:00Z")
