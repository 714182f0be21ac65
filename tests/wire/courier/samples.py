"""An alert, its targets and what is told, for tests."""

from typing import Any

from shield_courier.core.alerts import Alert
from shield_proxy.config.alerts.alert import Email, MailServer, Means, SecretKey, Security, Target
from shield_proxy.config.alerts.notification import Event, Notification

NOON = 1_790_000_000.0
"""2026-09-21T14:13:20Z."""
CORRELATION = "0123456789abcdef" * 2


def notification(id_: str = "n1", event: Event = Event.START, **fields: Any) -> Notification:
    """Of a check that became unhealthy, unless it says otherwise."""
    start = event is Event.START
    of_check: dict[str, Any] = {
        "check": "api",
        "check_id": "ab" * 16,
        "old_status": "Healthy" if start else "Unhealthy",
        "new_status": "Unhealthy" if start else "Healthy",
        "reason": "Response code mismatch error",
        "message": "eu/a: expected 200, received 503",
        "failing_regions": ("eu", "us") if start else (),
        "address": "192.0.2.7",
        "code": 503 if start else 200,
        "since": "2026-09-21T14:13:15Z" if start else "2026-09-21T14:03:15Z",
    }
    common = {"time": "2026-09-21T14:13:20Z", "changed": "2026-09-21T14:13:15Z", "correlation_id": CORRELATION}
    return Notification(**{"id": id_, "event": event, **common, **({} if event is Event.TEST else of_check), **fields})


def alert(*targets: Target, queue: tuple[Notification, ...] = (), **fields: Any) -> Alert:
    """Of the namespace shop."""
    known = {"name": "on-call", "namespace": "shop", "uid": "11111111-2222-3333-4444-555555555555", "title": "On call"}
    known["description"] = "Pages the shop"
    return Alert(**{**known, "targets": targets, "queue": queue, "statuses": (), **fields})


def target(means: Means, name: str = "there") -> Target:
    return Target(name, means)


def email(port: int = 587, security: Security = Security.START_TLS, *, host: str = "127.0.0.1", **fields: Any) -> Email:
    """To two people, by a server of the test's authority; credentials=True: with them."""
    keys = {"username": SecretKey("smtp", "username"), "password": SecretKey("smtp", "password")}
    credentials = keys if fields.pop("credentials", False) else {}
    to = fields.pop("to", ("a@example.com", "b@example.com"))
    server = MailServer(host, port, security, **credentials, authority=SecretKey("ca", "ca.crt"))
    return Email(to, "shield@example.org", server)
