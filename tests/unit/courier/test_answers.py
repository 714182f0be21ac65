"""What answers mean, and what is told of them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_courier.core.answers import answered, asked_pause, mail_refused
from shield_courier.core.outcomes import Delivered, Failed
from shield_proxy.config.alerts.alert import Means, Opsgenie, PagerDuty, SecretKey, Slack, Teams, Webhook

KEY = SecretKey("s", "k")
HOOK = Webhook("https://hook.example")


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert answered(HOOK, status, 0.0, b"") == Delivered()


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (301, 308, 400, 401, 404, 410, 413)),
        *((status, False) for status in (199, 408, 425, 429, 500, 502, 503, 599)),
    ],
)
def test_what_may_pass_is_told_from_what_hardly_will(status: int, permanent: bool) -> None:
    outcome = answered(HOOK, status, 0.0, b"")
    assert isinstance(outcome, Failed)
    assert outcome.permanent is permanent
    assert str(status) in outcome.message


NOON = datetime(2026, 10, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("7", "", 7),
        ("", "", 0),
        ("soon", "", 0),
        ("-1", "", 0),
        ("9" * 40, "", 999_999_999),
        ("Wed, 21 Oct 2026 12:01:30 GMT", "", 90),
        ("Wed, 21 Oct 2026 12:01:30 GMT", "Wed, 21 Oct 2026 12:01:00 GMT", 30),
        ("Wednesday, 21-Oct-26 12:01:30 GMT", "no date", 90),
        ("Wed Oct 21 12:01:30 2026", "", 90),
        ("Wed, 21 Oct 2026 11:59:00 GMT", "", 0),
        ("Wed, 21 Oct 99999 11:59:00 GMT", "", 0),
    ],
)
def test_who_asks_to_wait_is_heard(text: str, date: str, seconds: float) -> None:
    assert asked_pause(text, date, NOON) == seconds
    assert answered(HOOK, 429, seconds, b"") == Failed("the answer was 429 Too Many Requests", False, seconds)


@given(st.text(), st.text())
def test_any_field_asks_for_a_pause_that_can_be_kept(text: str, date: str) -> None:
    assert asked_pause(text, date, NOON) >= 0


@pytest.mark.parametrize(
    ("means", "body", "words"),
    [
        (Slack(KEY), b"invalid_payload", "invalid_payload"),
        (Slack(KEY), b"T0000/B0000/XXXX", ""),
        (Slack(KEY), b"<html>", ""),
        (
            Teams(KEY),
            b'{"error": {"code": "WorkflowTriggerIsNotEnabled", "message": "x"}}',
            "Workflow",
        ),
        (Teams(KEY), b'{"error": "sig=abc"}', ""),
        (
            PagerDuty(KEY),
            b'{"status":"invalid event","message":"Event object is invalid","errors":["no key"]}',
            "no key",
        ),
        (PagerDuty(KEY), b'{"message":"Event object is invalid"}', "Event object is invalid"),
        (PagerDuty(KEY), b"[" * 4000, ""),
        (Opsgenie(KEY), b'{"message":"Could not authenticate","took":0.1}', "Could not authenticate"),
        (HOOK, b"who is there", ""),
    ],
)
def test_services_say_why_and_others_are_not_quoted(means: Means, body: bytes, words: str) -> None:
    outcome = answered(means, 400, 0.0, body)
    assert isinstance(outcome, Failed)
    assert outcome.message.startswith(f"the answer was 400 Bad Request: {words}" if words else "the answer was 400 Bad")
    assert words or outcome.message == "the answer was 400 Bad Request"


def test_a_service_that_repeats_the_key_is_not_quoted() -> None:
    outcome = answered(PagerDuty(KEY), 400, 0.0, b'{"message":"unknown key s3cret"}', "s3cret")
    assert outcome == Failed("the answer was 400 Bad Request", True)


def test_mail_servers_say_why_but_never_a_secret() -> None:
    assert mail_refused(550, "5.1.1 nobody\nof that name") == Failed(
        "the mail server answered 550: 5.1.1 nobody of that name", True
    )
    assert mail_refused(451, "greylisted") == Failed("the mail server answered 451: greylisted", False)
    assert mail_refused(550, "no s3cret", ("s3cret",)) == Failed("the mail server answered 550", True)


@given(st.binary(max_size=300), st.sampled_from([Slack(KEY), Teams(KEY), PagerDuty(KEY), Opsgenie(KEY), HOOK]))
def test_of_any_answer_little_is_told_in_one_line(body: bytes, means: Means) -> None:
    outcome = answered(means, 400, 0.0, body)
    assert isinstance(outcome, Failed)
    assert len(outcome.message) < 250
    assert outcome.message.isprintable()
