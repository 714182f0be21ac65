"""What a target's answer means. Only what can't hold a secret is told of it."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_proxy.config.alerts.alert import Means, Opsgenie, PagerDuty, Slack, Teams

PASSING = frozenset((408, 425, 429))
"""Of 4xx, those that ask to come again."""
MOST_WORDS = 200
"""Characters that are told of an answer."""
MOST_DIGITS = 9
"""Of a pause; whoever asks for more is heard as far as this."""
_WORD = re.compile(r"[a-z]+(_[a-z]+){0,7}")
_CODE = re.compile(r"[A-Za-z]{3,60}")


def answered(means: Means, status: int, retry_after: float, body: bytes, secret: str = "") -> Outcome:
    """What a response to a POST means. Words that hold the secret are not told."""
    if 200 <= status < 300:
        return Delivered()
    words = reply_words(means, body)
    if secret and secret in words:
        words = ""
    message = f"the answer was {status}{_phrase(status)}" + (f": {words}" if words else "")
    if 300 <= status < 400:
        message += "; redirects are not followed"
    return Failed(message, permanent=300 <= status < 500 and status not in PASSING, retry_after=retry_after)


def asked_pause(retry_after: str, date: str, now: datetime) -> float:
    """Seconds that a Retry-After field asks for (RFC 9110, 10.2.3): so many, or until a date, which is held against the
    response's own Date, since clocks differ. 0 where it asks for none, or can't be read."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:MOST_DIGITS])
    until = _instant(retry_after)
    return max(0.0, (until - (_instant(date) or now)).total_seconds()) if until is not None else 0.0


def _instant(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def reply_words(means: Means, body: bytes) -> str:
    """What the services say of what they don't take. Nothing of any other receiver's answer is told: it may repeat what
    it was sent."""
    text = body.decode("utf-8", "replace").strip()
    match means:
        case Slack():
            return text if len(text) <= 60 and _WORD.fullmatch(text) else ""
        case Teams():
            error = _mapping(_mapping(_decoded(text)).get("error"))
            code = error.get("code")
            return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
        case PagerDuty():
            document = _mapping(_decoded(text))
            errors = document.get("errors")
            said = [each for each in errors if isinstance(each, str)] if isinstance(errors, list) else []
            return _short("; ".join(said) or document.get("message"))
        case Opsgenie():
            return _short(_mapping(_decoded(text)).get("message"))
        case _:
            return ""


def mail_refused(code: int, reply: str, secrets: Iterable[str] = (), *, told: bool = True) -> Failed:
    """What a mail server's refusal means; `told`: with its words."""
    words = _short(reply) if told else ""
    if any(secret and secret in words for secret in secrets):
        words = ""
    return Failed(f"the mail server answered {code}" + (f": {words}" if words else ""), permanent=500 <= code < 600)


def _short(text: object) -> str:
    if not isinstance(text, str):
        return ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MOST_WORDS]


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
