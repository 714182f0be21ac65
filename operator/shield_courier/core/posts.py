"""A notification as requests of HTTP: a webhook's, and those of services for people on call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from shield_courier.core.alerts import Alert
from shield_courier.core.trying import seconds_of
from shield_courier.core.words import PRODUCT, duration, facts, sentence, subject
from shield_proxy.config.alerts.alert import OpsgenieRegion, PagerDutyRegion
from shield_proxy.config.alerts.notification import Event, Notification

ALERT_TYPE = "health_check_status_notification"
PAGERDUTY_URL = {
    PagerDutyRegion.US: "https://events.pagerduty.com/v2/enqueue",
    PagerDutyRegion.EU: "https://events.eu.pagerduty.com/v2/enqueue",
}
OPSGENIE_URL = {
    OpsgenieRegion.US: "https://api.opsgenie.com/v2/alerts",
    OpsgenieRegion.EU: "https://api.eu.opsgenie.com/v2/alerts",
}
RED, GREEN, GREY = "#c0392b", "#1e8449", "#566573"
COLOURS = {Event.START: (RED, "attention"), Event.END: (GREEN, "good"), Event.TEST: (GREY, "default")}
MOST_SUMMARY = 1024
"""Characters of a summary at PagerDuty; Slack and Teams take more."""
MOST_MESSAGE = 130
"""At Opsgenie."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Post:
    """A request to send. It may hold secrets, so nothing of it is shown."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secret: str = field(default="", repr=False)
    """What an answer may repeat and nobody must be told."""


def webhook_body(alert: Alert, notification: Notification) -> bytes:
    """The body that receivers of Cloudflare's health check notifications know."""
    test = notification.event is Event.TEST
    facts_of_check: dict[str, Any] = {
        "notification_id": notification.id,
        "policy_description": alert.description,
        "health_check_id": notification.check_id,
        "health_check_name": notification.check,
        "zone_name": alert.namespace,
        "old_status": notification.old_status,
        "new_status": notification.new_status,
        "new_health_status": notification.new_status.lower(),
        "reason": notification.reason,
        "message": notification.message,
        "expected_codes": list(notification.expected_codes),
        "received_code": notification.code,
        "origin_ip": notification.address,
        "failing_regions": list(notification.failing_regions),
        "status_change_time": notification.changed,
        "failure_start_time": notification.since,
        "time_since_last_failure": duration(notification),
        "test": test,
    }
    return _json(
        {
            "name": alert.title,
            "text": sentence(alert, notification),
            "data": facts_of_check,
            "ts": int(seconds_of(notification.time, 0.0)),
            "account_id": alert.namespace,
            "policy_id": alert.uid.replace("-", ""),
            "policy_name": alert.name,
            "alert_type": ALERT_TYPE,
            "alert_correlation_id": notification.correlation_id,
            "alert_event": "ALERT_STATE_EVENT_END" if notification.event is Event.END else "ALERT_STATE_EVENT_START",
        }
    )


def slack_body(alert: Alert, notification: Notification) -> bytes:
    """A message of an incoming webhook: one block of text and the facts in two columns, beside a coloured bar."""
    pairs = [f"*{_mrkdwn(label)}*\n{_mrkdwn(value)[:1900]}" for label, value in facts(alert, notification)]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": _mrkdwn(sentence(alert, notification))[:2900]}}
    ]
    # Slack takes ten fields of a section.
    blocks.extend(
        {"type": "section", "fields": [{"type": "mrkdwn", "text": pair} for pair in pairs[i : i + 10]]}
        for i in range(0, len(pairs), 10)
    )
    colour = COLOURS[notification.event][0]
    return _json(
        {
            "text": _mrkdwn(subject(alert, notification)),
            "attachments": [{"color": colour, "fallback": subject(alert, notification), "blocks": blocks}],
        }
    )


def teams_body(alert: Alert, notification: Notification) -> bytes:
    """An adaptive card, as the workflow "post to a channel when a webhook request is received" takes it."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            {
                "type": "TextBlock",
                "text": _plain(subject(alert, notification)),
                "weight": "Bolder",
                "size": "Medium",
                "color": COLOURS[notification.event][1],
                "wrap": True,
            },
            {"type": "TextBlock", "text": _plain(sentence(alert, notification)), "wrap": True},
            {
                "type": "FactSet",
                "facts": [{"title": label, "value": _plain(value)} for label, value in facts(alert, notification)],
            },
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return _json({"type": "message", "attachments": [attachment]})


def pagerduty_posts(
    alert: Alert, notification: Notification, routing_key: str, region: PagerDutyRegion = PagerDutyRegion.US
) -> tuple[Post, ...]:
    """Events of version 2: START triggers, END resolves what has the same key, TEST does both."""
    key = {"routing_key": routing_key, "dedup_key": notification.correlation_id[:255]}
    trigger: dict[str, Any] = {
        **key,
        "event_action": "trigger",
        "client": PRODUCT,
        "payload": {
            "summary": subject(alert, notification)[:MOST_SUMMARY],
            "source": notification.address or notification.check or alert.name,
            "severity": "info" if notification.event is Event.TEST else "critical",
            "timestamp": notification.changed,
            "component": notification.check or alert.name,
            "group": alert.namespace,
            "class": notification.reason or "test",
            "custom_details": dict(facts(alert, notification)),
        },
    }
    resolve: dict[str, Any] = {**key, "event_action": "resolve"}
    return tuple(
        Post(PAGERDUTY_URL[region], _json(body), secret=routing_key) for body in _of(notification, trigger, resolve)
    )


def opsgenie_posts(alert: Alert, notification: Notification, api_key: str, region: OpsgenieRegion) -> tuple[Post, ...]:
    """START makes an alert, END closes the one of the same alias, TEST does both."""
    url, alias = OPSGENIE_URL[region], notification.correlation_id[:512]
    fields = (("Authorization", f"GenieKey {api_key}"),)
    text = subject(alert, notification)
    opened = {
        "message": text if len(text) <= MOST_MESSAGE else f"{text[: MOST_MESSAGE - 1]}…",
        "alias": alias,
        "description": sentence(alert, notification),
        "details": dict(facts(alert, notification)),
        "entity": (notification.check or alert.name)[:512],
        "source": f"{PRODUCT} {alert.namespace}"[:100],
        "tags": [tag[:50] for tag in (alert.namespace, notification.check) if tag],
        "priority": "P5" if notification.event is Event.TEST else "P1",
    }
    closed = {"source": f"{PRODUCT} {alert.namespace}"[:100], "note": sentence(alert, notification)}
    return _of(
        notification,
        Post(url, _json(opened), fields, api_key),
        Post(f"{url}/{quote(alias, safe='')}/close?identifierType=alias", _json(closed), fields, api_key),
    )


def _of(notification: Notification, start: T, end: T) -> tuple[T, ...]:
    return {Event.START: (start,), Event.END: (end,), Event.TEST: (start, end)}[notification.event]


def _mrkdwn(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Cards read Markdown; a space of no width keeps what looks like a link from being one."""
    return text.replace("](", "]\u200b(")


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
