"""Services for people on call, reached by the names of their hosts: who trusts the machine's authorities alone finds a
server of the test there."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from courier.place import Place
from courier.receiver import Receiver, receiving
from courier.samples import CORRELATION, alert, notification, target

from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_proxy.config.alerts.alert import (
    Means,
    Opsgenie,
    OpsgenieRegion,
    PagerDuty,
    PagerDutyRegion,
    SecretKey,
    Slack,
    Teams,
)
from shield_proxy.config.alerts.notification import Event

KEY = SecretKey("service", "key")
SLACK = "https://hooks.slack.com/services/T000/B000/xyz"
TEAMS = (
    "https://prod-1.westeurope.logic.azure.com:443/workflows/abc/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2fmanual&sig=x%2By~z"
)
HOSTS = (
    "hooks.slack.com",
    "prod-1.westeurope.logic.azure.com",
    "events.pagerduty.com",
    "events.eu.pagerduty.com",
    "api.opsgenie.com",
    "api.eu.opsgenie.com",
)


@pytest_asyncio.fixture
async def receiver(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """All of the hosts are here, and the test's authority is the machine's, by OpenSSL's own means."""
    (tmp_path / "machine.pem").write_text(place.authority.pem)
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(tmp_path / "machine.pem"))
    monkeypatch.setitem(os.environ, "SSL_CERT_DIR", str(tmp_path / "none"))
    receiver = Receiver(status=202)
    async with receiving(receiver, place.server_tls(*HOSTS)) as port:
        place.ports |= dict.fromkeys(HOSTS, port)
        yield receiver


async def deliver(place: Place, means: Means, secret: str, event: Event = Event.START) -> Outcome:
    place.put("service", {"key": f"{secret}\n"})
    return await place.sender.deliver(alert(), target(means), notification(event=event))


async def test_slack_gets_a_message(place: Place, receiver: Receiver) -> None:
    assert await deliver(place, Slack(KEY), SLACK) == Delivered()
    (got,) = receiver.received
    assert got.url == "hooks.slack.com/services/T000/B000/xyz"
    assert got.body["text"].startswith("[Unhealthy] api in shop")


async def test_teams_gets_a_card_at_the_very_url_of_the_workflow(place: Place, receiver: Receiver) -> None:
    assert await deliver(place, Teams(KEY), TEAMS) == Delivered()
    (got,) = receiver.received
    assert got.url.replace(":443", "") == TEAMS.removeprefix("https://").replace(":443", "")
    assert got.body["attachments"][0]["content"]["type"] == "AdaptiveCard"


@pytest.mark.parametrize(("region", "host"), [("US", "events.pagerduty.com"), ("EU", "events.eu.pagerduty.com")])
async def test_pagerduty_opens_and_resolves_one_incident(
    place: Place, receiver: Receiver, region: str, host: str
) -> None:
    for event in (Event.START, Event.END):
        assert await deliver(place, PagerDuty(KEY, PagerDutyRegion(region)), "R" * 32, event) == Delivered()
    start, end = receiver.received
    assert start.url == end.url == f"{host}/v2/enqueue"
    assert [each.body["event_action"] for each in (start, end)] == ["trigger", "resolve"]
    assert {each.body["dedup_key"] for each in (start, end)} == {CORRELATION}
    assert {each.body["routing_key"] for each in (start, end)} == {"R" * 32}


@pytest.mark.parametrize(("region", "host"), [("US", "api.opsgenie.com"), ("EU", "api.eu.opsgenie.com")])
async def test_opsgenie_opens_and_closes_one_alert(place: Place, receiver: Receiver, region: str, host: str) -> None:
    for event in (Event.START, Event.END):
        assert await deliver(place, Opsgenie(KEY, OpsgenieRegion(region)), "the-key", event) == Delivered()
    start, end = receiver.received
    assert (start.url, start.body["alias"]) == (f"{host}/v2/alerts", CORRELATION)
    assert end.url == f"{host}/v2/alerts/{CORRELATION}/close?identifierType=alias"
    assert {each.fields["Authorization"] for each in (start, end)} == {"GenieKey the-key"}


async def test_a_test_opens_and_closes(place: Place, receiver: Receiver) -> None:
    assert await deliver(place, PagerDuty(KEY), "R" * 32, Event.TEST) == Delivered()
    assert [each.body["event_action"] for each in receiver.received] == ["trigger", "resolve"]


@pytest.mark.parametrize(
    ("means", "secret", "body", "words"),
    [
        (Slack(KEY), SLACK, b"channel_is_archived", ": channel_is_archived"),
        (Teams(KEY), TEAMS, b'{"error":{"code":"WorkflowTriggerIsNotEnabled"}}', ": WorkflowTriggerIsNotEnabled"),
        (PagerDuty(KEY), "R" * 32, b'{"errors":["Length of \'routing_key\' is incorrect"]}', ": Length of"),
        (PagerDuty(KEY), "R" * 32, b'{"message":"no key ' + b"R" * 32 + b'"}', ""),
        (Opsgenie(KEY), "the-key", b'{"message":"You are not authorized"}', ": You are not authorized"),
        (Opsgenie(KEY), "the-key", b'{"message":"no such key: the-key"}', ""),
    ],
)
async def test_a_service_that_refuses_says_why_but_no_secret(
    place: Place, receiver: Receiver, means: Means, secret: str, body: bytes, words: str
) -> None:
    receiver.status, receiver.body = 403, body
    outcome = await deliver(place, means, secret)
    assert isinstance(outcome, Failed)
    assert outcome.permanent
    assert outcome.message.startswith(f"the answer was 403 Forbidden{words}")
    assert words or outcome.message == "the answer was 403 Forbidden"


@pytest.mark.parametrize("means", [Slack(KEY), Teams(KEY)])
async def test_an_url_that_is_a_secret_is_never_sent_in_plain_text(
    place: Place, receiver: Receiver, means: Means
) -> None:
    outcome = await deliver(place, means, "http://hooks.slack.com/services/xyz")
    assert outcome == Failed("key key of Secret service must be a URL of https")
    assert receiver.received == []


async def test_a_missing_secret_is_named(place: Place, receiver: Receiver) -> None:
    outcome = await place.sender.deliver(alert(), target(PagerDuty(SecretKey("on-call", "key"))), notification())
    assert outcome == Failed("key key of Secret on-call does not exist, or has not arrived yet")
