"""A notification as a mail (RFC 5322)."""

import hashlib
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from shield_courier.core.alerts import Alert
from shield_courier.core.words import PRODUCT, facts, sentence, subject
from shield_proxy.config.alerts.alert import Email
from shield_proxy.config.alerts.notification import Notification

_ASCII = SMTP.clone(cte_type="7bit")


def mail(alert: Alert, target: str, means: Email, notification: Notification, now: float) -> bytes:
    """The mail of a target, ready to be handed in. Repeats of it have the same Message-ID; mails about one failure
    refer to one thread, and those of other alerts or targets to their own, so that no mailbox drops one as known."""
    message = EmailMessage(_ASCII)
    message["Subject"] = subject(alert, notification)
    local, _, domain = means.sender.rpartition("@")
    message["From"] = Address(f"{PRODUCT} alerts", local, domain)
    message["To"] = ", ".join(means.to)
    message["Date"] = datetime.fromtimestamp(now, UTC)
    own = hashlib.sha256(f"{alert.uid}/{target}".encode()).hexdigest()[:12]
    thread = f"<{_atom(notification.correlation_id)}.{own}@{domain}>"
    message["Message-ID"] = f"<{_atom(notification.id)}.{own}.{notification.event.lower()}@{domain}>"
    message["In-Reply-To"] = thread
    message["References"] = thread
    # Nobody's absence is to answer it (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Shield-Alert"] = f"{alert.namespace}/{alert.name}"
    message.set_content(_text(alert, notification))
    return message.as_bytes()


def _text(alert: Alert, notification: Notification) -> str:
    known = facts(alert, notification)
    width = max(len(label) for label, _ in known) + 2
    lines = [f"{label + ':':<{width}}{value}" for label, value in known]
    return "\n".join(
        [sentence(alert, notification), "", *lines, "", "-- ", f"{PRODUCT}, HealthAlert {alert.namespace}/{alert.name}"]
    )


def _atom(text: str) -> str:
    """What may stand in a Message-ID, whatever the API holds."""
    if text and len(text) <= 80 and text.isascii() and text.replace("-", "").isalnum():
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:32]
