"""Tests of alerts: what became of them, by what operator and courier write."""

from typing import Any

from shield_kubectl.shown.style import Style
from shield_kubectl.shown.trial import (
    Result,
    Trial,
    barred,
    begun,
    ready_of,
    seen,
    trial_document,
    trial_text,
    unsettled,
)

TOKEN, ID = "t0k3n", "test-t0k3n"
SPEC = {"targets": [{"name": "ops", "email": {}}, {"name": "hook", "webhook": {}}]}
QUEUED = [{"id": ID, "event": "TEST", "correlationId": "0", "time": "2026-01-01T00:00:00Z"}]


def after(*statuses: dict[str, Any]) -> Trial:
    trial = begun({"spec": SPEC}, TOKEN)
    for status in statuses:
        trial = seen(trial, {"spec": SPEC, "status": status}, TOKEN)
    return trial


def delivery(id_: str = ID) -> dict[str, Any]:
    return {"lastDelivery": {"time": "2026-01-01T00:00:01Z", "notification": id_, "event": "TEST"}}


def error(id_: str = ID, attempts: int = 1) -> dict[str, Any]:
    told = {"time": "2026-01-01T00:00:01Z", "notification": id_, "message": "550 no", "attempts": attempts}
    return {"lastError": told}


def status(ops: dict[str, Any], hook: dict[str, Any], queue: object = QUEUED, **more: Any) -> dict[str, Any]:
    return {
        "lastTest": TOKEN,
        "notifications": queue,
        "targets": [{"name": "ops", **ops}, {"name": "hook", **hook}],
        **more,
    }


def test_a_test_is_settled_once_every_target_is() -> None:
    assert not after({}).queued
    started = after(status({}, {}))
    assert (started.queued, started.settled) == (True, False)
    half = after(status({"settled": [ID], **delivery()}, {}))
    assert [each.result for each in half.arrivals] == [Result.DELIVERED, Result.PENDING]
    done = after(status({"settled": [ID], **delivery()}, {"settled": [ID], **delivery()}))
    assert (done.settled, done.exit_code) == (True, 0)


def test_what_is_given_up_has_failed() -> None:
    trial = after(status(delivery(), {"settled": [ID], **error(attempts=3)}))
    assert (trial.settled, trial.exit_code) == (True, 1)
    assert trial_text(trial, Style()) == (
        "TARGET   MEANS     OUTCOME     ERROR\n"
        "ops      email     Delivered   -\n"
        "hook     webhook   Failed      550 no (attempt 3)\n"
    )


def test_what_is_tried_again_is_pending_with_its_error() -> None:
    trial = after(status(delivery(), error()))
    assert [(each.result, each.error) for each in trial.arrivals][1] == (Result.PENDING, "550 no")
    assert trial.exit_code == 1
    assert "it is tried on" in unsettled(trial, {}, 60)


def test_a_target_that_goes_on_failing_is_not_waited_for() -> None:
    assert not after(status(delivery(), error(attempts=2))).told
    failing = after(status(delivery(), error(attempts=3)))
    assert (failing.told, failing.settled, failing.exit_code) == (True, False, 1)
    assert unsettled(failing, {}, 60) == "not everybody has it; it is tried on, and given up in the end"
    assert not after(status({}, error(attempts=9))).told


def test_errors_and_deliveries_of_other_notifications_say_nothing() -> None:
    trial = after(status(delivery("other"), error("other")))
    assert [each.result for each in trial.arrivals] == [Result.PENDING, Result.PENDING]


def test_what_was_seen_stays_when_later_news_overwrite_it() -> None:
    trial = after(status(delivery(), error()), status(delivery("later"), {**delivery("later")}, queue=[]))
    assert [each.result for each in trial.arrivals] == [Result.DELIVERED, Result.FAILED]


def test_a_test_that_left_the_queue_without_an_error_was_delivered() -> None:
    assert after(status(delivery("later"), delivery("later"), queue=[])).exit_code == 0


def test_why_nothing_comes_is_told() -> None:
    assert "is it running?" in unsettled(after({}), {}, 60)
    ready = ready_of(alert("CourierStarting", "the courier is not there"))
    assert "(the courier is not there)" in unsettled(after(status({}, {})), ready, 60)
    assert unsettled(after(status(delivery(), delivery())), {}, 60) == ""


def alert(reason: str, message: str, generation: int = 2) -> dict[str, Any]:
    """Of generation 2, with what the operator says of a generation."""
    ready = {"type": "Ready", "status": "False", "reason": reason, "message": message, "observedGeneration": generation}
    return {"metadata": {"generation": 2}, "spec": SPEC, "status": {"conditions": [{"type": "Other"}, ready]}}


def test_an_alert_whose_tests_are_not_taken_up_is_told_from_one_that_may_be_tested() -> None:
    assert barred(alert("InvalidSpec", "spec.maintenance[0]: no")) == "spec.maintenance[0]: no"
    assert barred(alert("TooManyTargets", "nothing is told")) == "nothing is told"
    assert barred(alert("CourierStarting", "not ready")) == ""
    assert barred({"spec": SPEC}) == ""


def test_what_was_wrong_before_an_edit_bars_no_test() -> None:
    assert barred(alert("InvalidSpec", "spec.maintenance[0]: no", generation=1)) == ""


def test_the_document_names_outcomes_by_target() -> None:
    document = trial_document(after(status(delivery(), {"settled": [ID], **error()})), "shop", "ops")
    assert (document["kind"], document["delivered"]) == ("AlertTestReport", False)
    assert document["targets"] == [
        {"name": "ops", "means": "email", "outcome": "Delivered"},
        {"name": "hook", "means": "webhook", "outcome": "Failed", "error": "550 no", "attempts": 1},
    ]
