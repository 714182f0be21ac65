"""Previews: what is made of a file, and what comes out."""

from typing import Any

import pytest
from givenviews import NOW, check, entry

from shield_kubectl.shown.previewing import (
    Outcome,
    check_of,
    outcome,
    preview_document,
    preview_of,
    preview_text,
    waited,
)
from shield_kubectl.shown.style import Style
from shield_kubectl.shown.view import check_view
from shield_proxy.config.reading import InvalidField

GIVEN = {"kind": "HealthCheck", "metadata": {"namespace": "shop"}, "spec": {"address": "a.example"}}


def after(*probes: dict[str, Any], **status: Any) -> Outcome:
    return outcome(check_view(check(*probes, **status), []))


def test_a_preview_has_the_files_spec_and_nothing_that_selects_it() -> None:
    spec, namespace = check_of([None, GIVEN])
    assert namespace == "shop"
    made = preview_of({**spec, "suspended": True, "consecutiveFails": 5}, "preview-1")
    assert made["metadata"] == {"name": "preview-1", "annotations": {"smartshield.io/preview": "true"}}
    assert made["spec"] == {
        "address": "a.example",
        "interval": 3600,
        "suspended": False,
        "consecutiveFails": 1,
        "consecutiveSuccesses": 1,
    }


def test_a_preview_is_as_wrong_as_its_file() -> None:
    made = preview_of({"address": "a.example", "interval": 10, "timeout": 10}, "preview-1")
    assert made["spec"]["interval"] == 10


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        ([], "must hold one HealthCheck, not 0"),
        ([GIVEN, GIVEN], "not 2 documents"),
        (["text"], "must be an object"),
        ([{**GIVEN, "kind": "HealthAlert"}], "kind: must be HealthCheck"),
        ([{**GIVEN, "spec": 7}], "spec: must be an object"),
        ([{**GIVEN, "metadata": {"namespace": 7}}], "metadata.namespace"),
    ],
)
def test_a_file_that_is_no_check_is_refused(documents: list[Any], problem: str) -> None:
    with pytest.raises(InvalidField, match=problem):
        check_of(documents)


def test_all_data_centres_are_waited_for() -> None:
    some = after(entry("eu/a", "Healthy"))
    assert (some.complete, some.missing, some.exit_code) == (False, ("us/b",), 2)
    both = after(entry("eu/a", "Healthy"), entry("us/b", "Healthy"))
    assert (both.complete, both.exit_code, waited(both, 60)) == (True, 0, both)


def test_one_data_centre_that_finds_it_unhealthy_is_enough_to_fail() -> None:
    found = after(entry("eu/a", "Healthy"), entry("us/b", "Unhealthy", reason="TCP Timeout"))
    assert found.exit_code == 1
    assert waited(after(entry("us/b", "Unhealthy")), 60).exit_code == 1


def test_what_nobody_took_up_is_an_error() -> None:
    found = waited(after(centres=()), 60)
    assert (found.exit_code, preview_text(found, Style(), NOW)) == (2, "")
    assert found.why == "the operator has not taken it up within 60 s: is it running?"
    assert waited(after(), 60).why == "nothing was heard within 60 s from eu/a, us/b"


def test_what_nobody_will_ever_probe_is_not_waited_for() -> None:
    refused = {"type": "Ready", "status": "False", "reason": "ProbersRefused", "message": "quota"}
    assert after(conditions=[refused]).why == "quota"
    failing = after(conditions=[{**refused, "reason": "ProbersFailing", "message": "eu/a: ErrImagePull"}])
    assert failing.why == ""
    assert waited(failing, 60).why == "nothing was heard within 60 s from eu/a, us/b (eu/a: ErrImagePull)"


def ready(reason: str, message: str) -> list[dict[str, Any]]:
    return [{"type": "Ready", "status": "False", "reason": reason, "message": message}]


def test_what_is_wrong_with_the_check_itself_is_told_at_once() -> None:
    wrong = after(conditions=ready("InvalidSpec", "spec.address: is malformed"))
    assert (wrong.why, wrong.exit_code) == ("spec.address: is malformed", 2)
    nowhere = after(centres=(), conditions=ready("UnknownRegion", "spec.checkRegions[0]: no node is in it"))
    assert (nowhere.why, nowhere.exit_code) == ("spec.checkRegions[0]: no node is in it", 2)
    assert waited(nowhere, 60) == nowhere


def test_a_region_too_many_leaves_the_others_to_be_waited_for_and_is_told() -> None:
    unknown = ready("UnknownRegion", "no node is in mars")
    some = after(entry("eu/a", "Healthy"), conditions=unknown)
    assert (some.why, some.complete) == ("", False)
    every = after(entry("eu/a", "Healthy"), entry("us/b", "Healthy"), conditions=unknown)
    assert (every.why, every.exit_code) == ("no node is in mars", 0)


def test_the_result_is_told_to_people_and_programs() -> None:
    found = after(entry("eu/a", "Healthy", waterfall={"totalMilliseconds": 7.0}), entry("us/b", "Unhealthy"))
    assert preview_text(found, Style(), NOW).endswith("Unhealthy: healthy in 1 of 2 data centres; nothing was kept\n")
    document = preview_document(waited(after(entry("eu/a", "Healthy")), 60))
    assert (document["health"], document["missing"]) == ("Unknown", ["us/b"])
    assert document["message"] == "nothing was heard within 60 s from us/b"
