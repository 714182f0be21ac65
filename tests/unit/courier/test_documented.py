"""The samples in docs/alerts.md are what is sent."""

import json
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, cast

from courier.samples import NOON, alert, email, notification

from shield_courier.core.mail import mail
from shield_courier.core.posts import webhook_body

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "alerts.md").read_text("utf-8")
ALERT = alert(
    name="shop-down",
    title="The shop is down",
    uid="5f0c3d2e-1b0a-4978-8695-a4b3c2d1e0ff",
    description="Runbook at https://wiki.example.com/shop",
)
CAUSE = "eu/a: {}; unhealthy in 2 of 3 regions"
"""As the condition Healthy of a check says it."""
FAILED = {"check": "shop-origin", "address": "203.0.113.7", "expected_codes": ("200",)}


def block(opening: str) -> str:
    """What stands between the fence with these words after it and the next."""
    found = re.search(rf"^```{opening}(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found, opening
    return found[1]


def test_a_webhook_is_sent_the_sample() -> None:
    at = "2026-05-01T02:00:00Z"
    refused: dict[str, Any] = {
        "check_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "correlation_id": "9b2e61f0c3d44a5e8f7a6b5c4d3e2f10",
        "reason": "TCP connection failed",
        "message": CAUSE.format("TCP connection failed: connection refused"),
        "code": None,
    }
    told = notification("4d1c0b7a9e2f5a31", time=at, changed=at, since=at, **FAILED, **refused)
    assert json.loads(block("json\n")) == json.loads(webhook_body(ALERT, told))


def test_a_mail_is_the_sample() -> None:
    message = CAUSE.format("Response code mismatch error: expected 200; received 503")
    told = notification(check_id="0f3b6c8e2a914d7f8c5e1b0a9d6f4e21", message=message, **FAILED)
    sent = cast(EmailMessage, message_from_bytes(mail(ALERT, "team", email(), told, NOON), policy=SMTP))
    head, _, text = block("\n(?=Subject: )").partition("\n\n")
    assert head.splitlines()[0] == f"Subject: {sent['Subject']}"
    assert text.splitlines() == [line.rstrip() for line in sent.get_content().splitlines()]
