"""What webhooks and services are sent."""

import json
from dataclasses import replace
from typing import Any

import pytest
from courier.samples import CORRELATION, alert, notification

from shield_courier.core.posts import (
    Post,
    opsgenie_posts,
    pagerduty_posts,
    slack_body,
    teams_body,
    webhook_body,
)
from shield_proxy.config.alerts.alert import OpsgenieRegion
from shield_proxy.config.alerts.notification import Event

ALERT = alert()
START, END, TEST = (notification(event=event) for event in Event)
LONG = notification(message="x" * 1024, check="c" * 250, reason="r" * 80, failing_regions=("r" * 60,) * 60)


def of(body: bytes) -> Any:
    return json.loads(body)


def test_a_webhook_gets_what_receivers_of_cloudflares_notifications_know() -> None:
    assert of(webhook_body(ALERT, replace(START, expected_codes=("200", "3xx")))) == {
        "name": "On call",
        "text": "The origin of health check api is unhealthy. eu/a: expected 200, received 503",
        "data": {
            "notification_id": "n1",
            "policy_description": "Pages the shop",
            "health_check_id": "ab" * 16,
            "health_check_name": "api",
            "zone_name": "shop",
            "old_status": "Healthy",
            "new_status": "Unhealthy",
            "new_health_status": "unhealthy",
            "reason": "Response code mismatch error",
            "message": "eu/a: expected 200, received 503",
            "expected_codes": ["200", "3xx"],
            "received_code": 503,
            "origin_ip": "192.0.2.7",
            "failing_regions": ["eu", "us"],
            "status_change_time": "2026-09-21T14:13:15Z",
            "failure_start_time": "2026-09-21T14:13:15Z",
            "time_since_last_failure": 0,
            "test": False,
        },
        "ts": 1790000000,
        "account_id": "shop",
        "policy_id": "11111111222233334444555555555555",
        "policy_name": "on-call",
        "alert_type": "health_check_status_notification",
        "alert_correlation_id": CORRELATION,
        "alert_event": "ALERT_STATE_EVENT_START",
    }


def test_a_webhook_is_told_the_end_and_how_long_it_took() -> None:
    body = of(webhook_body(ALERT, END))
    assert body["alert_event"] == "ALERT_STATE_EVENT_END"
    assert body["data"]["time_since_last_failure"] == 600
    assert body["data"]["new_health_status"] == "healthy"


def test_of_a_check_without_codes_none_is_expected() -> None:
    data = of(webhook_body(ALERT, notification(code=None)))["data"]
    assert (data["expected_codes"], data["received_code"]) == ([], None)


def test_a_test_says_that_it_is_one() -> None:
    body = of(webhook_body(ALERT, TEST))
    assert body["data"]["test"] is True
    assert body["text"] == "This is a test of the alert On call: nothing has changed."


def test_slack_shows_text_as_it_is_and_all_facts() -> None:
    told = notification(message="<!channel> & <https://x|y>", expected_codes=("200",))
    body = of(slack_body(ALERT, told))
    assert body["text"].startswith("[Unhealthy] api in shop")
    blocks = body["attachments"][0]["blocks"]
    assert "&lt;!channel&gt; &amp; &lt;https://x|y&gt;" in blocks[0]["text"]["text"]
    assert "<" not in json.dumps(body)
    shown = [field["text"] for block in blocks[1:] for field in block["fields"]]
    assert {"*Code expected*\n200", "*Code received*\n503"} <= set(shown)
    assert len(shown) == 15
    assert all(len(block["fields"]) <= 10 for block in blocks[1:])


def test_teams_gets_a_card_in_which_nothing_becomes_a_link() -> None:
    body = of(teams_body(ALERT, notification(message="[here](https://x)")))
    card = body["attachments"][0]
    assert (body["type"], card["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert {"title": "Address probed", "value": "192.0.2.7"} in card["content"]["body"][2]["facts"]
    assert "](" not in json.dumps(body, ensure_ascii=False)


def test_pagerduty_is_told_the_end_of_the_same_incident() -> None:
    (start,), (end,) = pagerduty_posts(ALERT, START, "KEY"), pagerduty_posts(ALERT, END, "KEY")
    trigger = of(start.body)
    assert start.url == "https://events.pagerduty.com/v2/enqueue"
    assert (trigger["event_action"], trigger["dedup_key"]) == ("trigger", CORRELATION)
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["payload"]["custom_details"]["Code received"] == "503"
    assert of(end.body) == {"routing_key": "KEY", "event_action": "resolve", "dedup_key": CORRELATION}


def test_opsgenie_closes_the_alert_of_the_same_alias() -> None:
    (start,), (end,) = (opsgenie_posts(ALERT, each, "KEY", OpsgenieRegion.US) for each in (START, END))
    assert of(start.body)["alias"] == CORRELATION
    assert start.fields == (("Authorization", "GenieKey KEY"),)
    assert end.url == f"https://api.opsgenie.com/v2/alerts/{CORRELATION}/close?identifierType=alias"
    assert opsgenie_posts(ALERT, START, "KEY", OpsgenieRegion.EU)[0].url.startswith("https://api.eu.opsgenie.com/")


def test_a_test_opens_and_closes() -> None:
    assert [of(post.body)["event_action"] for post in pagerduty_posts(ALERT, TEST, "KEY")] == ["trigger", "resolve"]
    first, second = opsgenie_posts(ALERT, TEST, "KEY", OpsgenieRegion.US)
    assert (of(first.body)["priority"], second.url.endswith("/close?identifierType=alias")) == ("P5", True)


def test_services_get_no_more_than_they_take() -> None:
    assert len(of(opsgenie_posts(ALERT, LONG, "K", OpsgenieRegion.US)[0].body)["message"]) == 130
    assert len(of(pagerduty_posts(ALERT, LONG, "K")[0].body)["payload"]["summary"]) <= 1024
    slack = of(slack_body(ALERT, LONG))["attachments"][0]["blocks"]
    assert all(len(field["text"]) <= 2000 for block in slack[1:] for field in block["fields"])
    assert len(slack[0]["text"]["text"]) <= 3000
    assert len(teams_body(ALERT, LONG)) < 28_000


@pytest.mark.parametrize("event", Event)
def test_a_request_shows_nothing_of_what_it_holds(event: Event) -> None:
    posts = [
        *pagerduty_posts(ALERT, notification(event=event), "s3cret"),
        *opsgenie_posts(ALERT, notification(event=event), "s3cret", OpsgenieRegion.US),
        Post("https://x/s3cret", b"s3cret", (("a", "s3cret"),)),
    ]
    assert "s3cret" not in repr(posts)
