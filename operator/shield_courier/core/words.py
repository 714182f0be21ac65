"""A notification in words: the same ones in every message."""

from shield_courier.core.alerts import Alert, one_line
from shield_courier.core.trying import seconds_of
from shield_proxy.config.alerts.notification import Event, Notification

PRODUCT = "Smart Shield"
MOST_SUBJECT = 200
"""Characters."""


def subject(alert: Alert, notification: Notification) -> str:
    """One line that says what happened, to which check."""
    check = f"{notification.check} in {alert.namespace}"
    match notification.event:
        case Event.TEST:
            text = f"[Test] {alert.title}: this is how an alert arrives"
        case Event.START:
            text = f"[Unhealthy] {check}" + (f": {notification.reason}" if notification.reason else "")
        case Event.END:
            lasted = duration(notification)
            text = f"[Healthy] {check}" + (f" after {in_words(lasted)}" if lasted else "")
    text = one_line(text)
    return text if len(text) <= MOST_SUBJECT else f"{text[: MOST_SUBJECT - 1]}…"


def sentence(alert: Alert, notification: Notification) -> str:
    """What happened, in a sentence or two."""
    match notification.event:
        case Event.TEST:
            return f"This is a test of the alert {alert.title}: nothing has changed."
        case Event.START:
            text = f"The origin of health check {notification.check} is unhealthy."
            return f"{text} {notification.message}" if notification.message else text
        case Event.END:
            text = f"The origin of health check {notification.check} is healthy again"
            # What the check says of itself then is in how many regions it is healthy.
            return f"{text}: {notification.message}." if notification.message else f"{text}."


def facts(alert: Alert, notification: Notification) -> list[tuple[str, str]]:
    """What is known, as labels and values; what is not known is left out."""
    if notification.event is Event.TEST:
        known = [("Alert", alert.title), ("What it is for", alert.description), ("Namespace", alert.namespace)]
        return [(label, value) for label, value in (*known, ("Time", notification.time)) if value]
    lasted = duration(notification)
    ended = notification.event is Event.END
    known = [
        ("Status", notification.new_status),
        ("Before", notification.old_status),
        ("Changed", notification.changed),
        ("Reason of the failure" if ended else "Reason", notification.reason),
        ("Regions" if ended else "Expected and received", notification.message),
        ("Code expected", ", ".join(notification.expected_codes)),
        ("Code received", "" if notification.code is None else str(notification.code)),
        ("Failing regions", ", ".join(notification.failing_regions)),
        ("Address probed", notification.address),
        ("Unhealthy since", notification.since),
        ("Unhealthy for", in_words(lasted) if ended and lasted else ""),
        ("Health check", notification.check),
        ("Health check id", notification.check_id),
        ("Namespace", alert.namespace),
        ("Alert", alert.title),
        ("What it is for", alert.description),
    ]
    return [(label, value) for label, value in known if value]


def duration(notification: Notification) -> int:
    """Seconds from the beginning of the failure to the change; 0 where they are not known."""
    changed = seconds_of(notification.changed, 0.0)
    since = seconds_of(notification.since, changed) if notification.since else changed
    return max(0, int(changed - since))


def in_words(seconds: int) -> str:
    """Such as 2 h 5 min: the two largest units."""
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
