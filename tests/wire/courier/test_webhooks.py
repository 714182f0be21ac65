"""Webhooks: what arrives, who is trusted, and how servers that misbehave are told of."""

import asyncio
import ssl
import time
from dataclasses import replace

import pytest
from courier.mailserver import rude_server, saying
from courier.place import Place
from courier.receiver import Receiver, receiving
from courier.samples import alert, notification, target

from shield_courier.core.outcomes import Delivered, Failed, Outcome
from shield_proxy.config.alerts.alert import SecretKey, Webhook

AUTHORITY = SecretKey("ca", "ca.crt")


async def deliver(place: Place, means: Webhook) -> Outcome:
    return await place.sender.deliver(alert(), target(means), notification())


def hook(port: int, path: str = "/", authority: SecretKey | None = AUTHORITY) -> Webhook:
    return Webhook(f"https://127.0.0.1:{port}{path}", authority=authority)


async def test_a_webhook_arrives_with_its_secret(place: Place) -> None:
    place.put("hook", {"secret": "s3cret\n"})
    receiver = Receiver(status=204)
    async with receiving(receiver, place.server_tls()) as port:
        means = replace(hook(port, "/in?a=b"), secret=SecretKey("hook", "secret"), header="X-Auth")
        assert await deliver(place, means) == Delivered()
    (got,) = receiver.received
    assert (got.method, got.url) == ("POST", f"127.0.0.1:{port}/in?a=b")
    assert (got.fields["X-Auth"], got.fields["Content-Type"]) == ("s3cret", "application/json")
    assert got.body["data"]["health_check_name"] == "api"


async def test_the_url_may_be_a_secret_and_is_read_anew(place: Place) -> None:
    receiver = Receiver()
    means = Webhook(SecretKey("hook", "url"), authority=AUTHORITY)
    async with receiving(receiver, place.server_tls()) as port:
        for path in ("one", "two"):
            place.put("hook", {"url": f"https://127.0.0.1:{port}/{path}\n"})
            assert await deliver(place, means) == Delivered()
    assert [each.url.rpartition("/")[2] for each in receiver.received] == ["one", "two"]


async def test_a_webhook_in_plain_text_arrives(place: Place) -> None:
    receiver = Receiver()
    async with receiving(receiver, None) as port:
        assert await deliver(place, Webhook(f"http://127.0.0.1:{port}/")) == Delivered()
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("names", "expired", "authority", "problem"),
    [
        (("other.example",), False, AUTHORITY, "TLS: the certificate is for other names"),
        (("127.0.0.1",), True, AUTHORITY, "TLS: the certificate is not trusted: certificate has expired"),
        (
            ("127.0.0.1",),
            False,
            None,
            "TLS: the certificate is not trusted: unable to get local issuer certificate",
        ),
    ],
)
async def test_a_server_that_can_not_show_who_it_is_gets_nothing(
    place: Place, names: tuple[str, ...], expired: bool, authority: SecretKey | None, problem: str
) -> None:
    receiver = Receiver()
    async with receiving(receiver, place.server_tls(*names, expired=expired)) as port:
        assert await deliver(place, hook(port, authority=authority)) == Failed(problem)
    assert receiver.received == []


async def test_redirects_are_not_followed(place: Place) -> None:
    receiver = Receiver(status=307, fields={"Location": "/elsewhere"})
    async with receiving(receiver, place.server_tls()) as port:
        outcome = await deliver(place, hook(port))
    assert outcome == Failed("the answer was 307 Temporary Redirect; redirects are not followed", True)
    assert len(receiver.received) == 1


async def test_who_is_busy_says_when_to_come_again(place: Place) -> None:
    async with receiving(Receiver(status=503, fields={"Retry-After": "17"}), place.server_tls()) as port:
        assert await deliver(place, hook(port)) == Failed("the answer was 503 Service Unavailable", False, 17.0)
    fields = {"Retry-After": "Wed, 21 Oct 2026 12:01:30 GMT", "Date": "Wed, 21 Oct 2026 12:01:00 GMT"}
    async with receiving(Receiver(status=429, fields=fields), place.server_tls()) as port:
        assert await deliver(place, hook(port)) == Failed("the answer was 429 Too Many Requests", False, 30.0)


async def test_nothing_of_an_answer_or_an_url_is_told(place: Place) -> None:
    place.put("hook", {"url": "", "secret": "s3cret"})
    receiver = Receiver(status=400, body=b"you sent s3cret", fields={"X-Echo": "s3cret"})
    async with receiving(receiver, place.server_tls()) as port:
        place.put("hook", {"url": f"https://127.0.0.1:{port}/s3cret?token=s3cret"})
        means = Webhook(SecretKey("hook", "url"), SecretKey("hook", "secret"), authority=AUTHORITY)
        told = [await deliver(place, means)]
    told.append(await deliver(place, means))  # nobody listens any more
    place.put("hook", {"url": "https://s3cret.invalid/s3cret"})
    told.append(await deliver(place, means))
    place.put("hook", {"url": "https://s3cret.example:99999/"})
    told.append(await deliver(place, means))
    place.put("hook", {"url": "https://user:s3cret@host.example/"})
    told.append(await deliver(place, means))
    assert "s3cret" not in repr(told)
    assert [each.message for each in told if isinstance(each, Failed)] == [
        "the answer was 400 Bad Request",
        "connection refused",
        "the host's name does not resolve",
        "key url of Secret hook must be a URL of http or https, with a host, of at most 2048 ASCII letters",
        "key url of Secret hook must not hold a password: name the secret's header, or take the URL from a Secret",
    ]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"SSH-2.0-x\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000, "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000, "the answer is malformed"),
    ],
)
async def test_a_malformed_answer_is_no_answer(place: Place, said: bytes, problem: str) -> None:
    async with rude_server(saying(b"", said), place.server_tls()) as port:
        assert await deliver(place, hook(port)) == Failed(problem)


async def test_an_endless_answer_is_not_waited_for(place: Place) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()
            await asyncio.sleep(0)

    began = time.monotonic()
    async with rude_server(say, place.server_tls()) as port:
        assert await deliver(place, hook(port)) == Failed("the answer was 400 Bad Request", True)
    assert time.monotonic() - began < 5


async def test_an_answer_that_stops_in_its_body_is_an_answer(place: Place) -> None:
    async with rude_server(saying(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), place.server_tls()) as port:
        assert await deliver(place, hook(port)) == Delivered()


async def test_a_server_that_ends_the_connection_is_told_of(place: Place) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with rude_server(say, place.server_tls()) as port:
        outcome = await deliver(place, hook(port))
    assert outcome in (Failed("the connection ended without an answer"), Failed("connection reset by peer"))


async def test_plain_text_on_a_port_of_tls_is_told_of(place: Place) -> None:
    async with rude_server(saying(b"", b"HTTP/1.1 400 No\r\n\r\n")) as port:
        assert await deliver(place, hook(port)) == Failed("TLS: wrong version number")


async def test_a_server_that_wants_a_certificate_is_told_of(place: Place) -> None:
    tls = place.server_tls()
    tls.verify_mode = ssl.CERT_REQUIRED
    async with receiving(Receiver(), tls) as port:
        outcome = await deliver(place, hook(port))
    # The alert comes after the handshake, beside the end of the connection.
    lost = ("connection reset by peer", "broken pipe", "the connection ended without an answer")
    assert outcome in [Failed(text) for text in ("TLS: tlsv13 alert certificate required", *lost)]


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_server_that_hangs_is_left_in_time(place: Place, encrypted: bool) -> None:
    place.sender = replace(place.sender, post_seconds=0.4)
    began = time.monotonic()
    async with rude_server(saying(b""), place.server_tls() if encrypted else None) as port:
        assert await deliver(place, hook(port)) == Failed("no answer in time")
    assert time.monotonic() - began < 5
