"""What a mail says, and what its fields are."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

from courier.samples import NOON, alert, email, notification

from shield_courier.core.alerts import Alert
from shield_courier.core.mail import mail
from shield_proxy.config.alerts.notification import Event, Notification


def read(told: Notification, of: Alert | None = None, target: str = "team") -> EmailMessage:
    content = mail(of or alert(), target, email(), told, NOON)
    content.decode("ascii")
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    return cast(EmailMessage, message_from_bytes(content, policy=SMTP))


def test_it_says_when_what_why_and_which_code_was_expected_and_which_came() -> None:
    message = read(notification(expected_codes=("200", "3xx")))
    assert message["Subject"] == "[Unhealthy] api in shop: Response code mismatch error"
    text = message.get_content()
    for line in (
        "The origin of health check api is unhealthy. eu/a: expected 200, received 503",
        "Status:                Unhealthy",
        "Before:                Healthy",
        "Changed:               2026-09-21T14:13:15Z",
        "Reason:                Response code mismatch error",
        "Expected and received: eu/a: expected 200, received 503",
        "Code expected:         200, 3xx",
        "Code received:         503",
        "Failing regions:       eu, us",
        "Address probed:        192.0.2.7",
        "Unhealthy since:       2026-09-21T14:13:15Z",
        "Health check:          api",
        "What it is for:        Pages the shop",
        f"Health check id:       {'ab' * 16}",
    ):
        assert line in text.splitlines(), text


def test_it_says_that_it_is_over_and_how_long_it_took() -> None:
    message = read(notification(event=Event.END, message="healthy in 2 of 2 regions"))
    assert message["Subject"] == "[Healthy] api in shop after 10 min"
    text = message.get_content()
    assert text.startswith("The origin of health check api is healthy again: healthy in 2 of 2 regions.")
    for line in ("Regions:               healthy in 2 of 2 regions", "Unhealthy for:         10 min"):
        assert line in text.splitlines(), text
    assert "Expected and received" not in text


def test_it_goes_to_all_from_the_sender_and_wants_no_automatic_answer() -> None:
    message = read(notification())
    assert message["To"] == "a@example.com, b@example.com"
    assert message["From"] == "Smart Shield alerts <shield@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.timestamp() == NOON


def test_repeats_are_the_same_message_and_a_failure_is_one_thread() -> None:
    start, again, end = read(notification()), read(notification()), read(notification("n2", Event.END))
    assert start["Message-ID"] == again["Message-ID"] != end["Message-ID"]
    assert start["References"] == end["References"] == end["In-Reply-To"]


def test_other_alerts_and_targets_have_messages_of_their_own() -> None:
    ids = {
        read(notification())["Message-ID"],
        read(notification(), target="other")["Message-ID"],
        read(notification(), alert(uid="another"))["Message-ID"],
    }
    assert len(ids) == 3


def test_nothing_in_a_notification_can_add_a_field_or_break_one() -> None:
    told = notification("x>\r\nBcc: evil@example.com", reason="a\r\nBcc: evil@example.com", correlation_id="é <")
    message = read(told, alert(title="Ops\tÜber"))
    assert message["Bcc"] is None
    assert message["Message-ID"].startswith("<")


def test_text_of_any_language_arrives() -> None:
    assert "größer ✓" in read(notification(message="größer ✓" + "y" * 2000)).get_content()
