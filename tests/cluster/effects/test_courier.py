"""Couriers, as processes, against a real API server: what arrives, what stands in status, outages, ends."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from courier.mailserver import Mailbox, mail_server, rude_server, saying
from courier.receiver import Receiver, receiving
from world.certificates import Authority

from bareapi import BareApi, own_address
from courierspace import ALERTS, Courier, Space, couriers, served
from localcluster.artifacts import binaries
from runspace import until

Start = Callable[[], Awaitable[Courier]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareApi]:
    """See `served`."""
    with served(tmp_path_factory.mktemp("api"), binaries.kc()) as api:
        yield api


@pytest.fixture
def space(server: BareApi, tmp_path: Path) -> Iterator[Space]:
    """See Space; there are no alerts."""
    made = Space(server, tmp_path)
    yield made
    server.call("DELETE", ALERTS)


@pytest.fixture
def start(space: Space) -> Iterator[Start]:
    """Starts couriers."""
    with couriers(space, {"SHIELD_LOG_LEVEL": "debug"}) as begin:
        yield lambda: asyncio.to_thread(begin)


class Receivers:
    """Receivers of webhooks, and mail servers, of one authority, that end with the test."""

    def __init__(self, stack: AsyncExitStack, space: Space) -> None:
        self._stack, self._authority = stack, Authority()
        space.put("ca", {"ca.crt": self._authority.pem})
        leaf = self._authority.issue(space.folder / "leaf", own_address())
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(leaf / "tls.crt", leaf / "tls.key")

    async def hook(self, receiver: Receiver, name: str = "hook", **webhook: Any) -> dict[str, Any]:
        """A target that the receiver gets."""
        port = await self._stack.enter_async_context(receiving(receiver, self.tls, reached()))
        return target(port, name, **webhook)

    async def silent(self, name: str) -> dict[str, Any]:
        """A target that takes connections and never answers."""
        return target(await self._stack.enter_async_context(rude_server(saying(b""), self.tls, own_address())), name)

    async def mail(self, mailbox: Mailbox) -> dict[str, Any]:
        """A target that the mailbox gets, too."""
        port = await self._stack.enter_async_context(mail_server(mailbox, self.tls, auth=True, sock=reached()))
        server = {"host": own_address(), "port": port, "credentials": {"secretName": "smtp"}}
        server["authority"] = {"secretName": "ca"}
        return {"name": "mail", "email": {"to": ["a@example.com"], "from": "s@example.org", "server": server}}


def reached() -> socket.socket:
    """It listens where couriers may go to."""
    return socket.create_server((own_address(), 0))


def target(port: int, name: str = "hook", **webhook: Any) -> dict[str, Any]:
    url = {} if "urlFrom" in webhook else {"url": f"https://{own_address()}:{port}/in"}
    return {"name": name, "webhook": {**url, "authority": {"secretName": "ca"}, **webhook}}


@pytest_asyncio.fixture
async def receivers(space: Space) -> AsyncIterator[Receivers]:
    """See Receivers."""
    async with AsyncExitStack() as stack:
        yield Receivers(stack, space)


async def test_what_is_queued_is_delivered_and_told(space: Space, start: Start, receivers: Receivers) -> None:
    space.put("smtp", {"username": "user", "password": "pass"})
    space.put("hook", {"secret": "s3cret-of-the-hook"})
    receiver, mailbox = Receiver(), Mailbox()
    hook = await receivers.hook(receiver, secret={"secretName": "hook"})
    space.make("on-call", hook, await receivers.mail(mailbox), displayName="On call")
    courier = await start()
    assert courier.get("/livez") == (200, "ok\n")
    began = time.monotonic()
    space.queue("on-call", "n1", "n2")
    await until("settled", lambda: [space.settled("on-call", name) for name in ("hook", "mail")] == [["n1", "n2"]] * 2)
    assert time.monotonic() - began < 5
    assert [got.body["data"]["notification_id"] for got in receiver.received] == ["n1", "n2"]
    assert receiver.received[0].fields["Shield-Webhook-Auth"] == "s3cret-of-the-hook"
    assert [mail["Subject"] for mail in mailbox.mails] == ["[Unhealthy] api in shop: HTTP timeout occurred"] * 2
    status = space.status("on-call")
    assert status["hook"]["lastDelivery"]["notification"] == "n2"
    assert (status["mail"]["lastDelivery"]["check"], "lastError" in status["mail"]) == ("api", False)
    managed = space.api.call("GET", f"{ALERTS}/on-call")["metadata"]["managedFields"]
    assert "shield-courier" in [each["manager"] for each in managed]
    told = [(line["target"], line["notification"], line["outcome"]) for line in courier.told()]
    assert sorted(told) == [(to, n, "delivered") for to in ("hook", "mail") for n in ("n1", "n2")]
    metrics = courier.get("/metrics")[1]
    assert 'shield_courier_deliveries_total{kind="email",outcome="delivered"} 2\n' in metrics
    assert "shield_courier_delivery_delay_seconds_count 4\n" in metrics
    assert "shield_courier_waiting 0\n" in metrics
    assert courier.resident() < 60 << 20
    assert await asyncio.to_thread(courier.stop) == 0
    assert "s3cret-of-the-hook" not in courier.said()


async def test_a_target_that_hangs_holds_up_no_other(space: Space, start: Start, receivers: Receivers) -> None:
    receiver = Receiver()
    silent = [await receivers.silent(f"silent-{i}") for i in range(9)]
    space.make("on-call", *silent, await receivers.hook(receiver))
    courier = await start()
    for i in range(1, 4):
        space.queue("on-call", *(f"n{n}" for n in range(i)))
        await until("arrived", lambda i=i: len(receiver.received) == i)  # type: ignore[misc]
    assert courier.get("/livez")[0] == 200
    assert "shield_courier_waiting 27\n" in courier.get("/metrics")[1]


async def test_an_error_is_told_until_it_is_mended(space: Space, start: Start, receivers: Receivers) -> None:
    receiver = Receiver(status=503, body=b"sorry")
    space.make("on-call", await receivers.hook(receiver))
    await start()
    space.queue("on-call", "n1")
    await until("told", lambda: "lastError" in space.status("on-call").get("hook", {}))
    error = space.status("on-call")["hook"]["lastError"]
    assert error["message"] == "the answer was 503 Service Unavailable"
    assert error["notification"] == "n1"
    receiver.status = 200
    await until("delivered", lambda: space.settled("on-call", "hook") == ["n1"])
    assert "lastError" not in space.status("on-call")["hook"]
    assert len({got.body["data"]["notification_id"] for got in receiver.received}) == 1


async def test_a_secret_that_arrives_late_is_used_at_once(space: Space, start: Start, receivers: Receivers) -> None:
    receiver = Receiver()
    hook = await receivers.hook(receiver, urlFrom={"secretName": "late"})
    port = (await receivers.hook(receiver))["webhook"]["url"]
    space.make("on-call", hook)
    courier = await start()
    space.queue("on-call", "n1")
    missing = "key url of Secret late does not exist, or has not arrived yet"
    # By then the pause would be of several seconds.
    await until("told", lambda: space.status("on-call").get("hook", {}).get("lastError", {}).get("attempts", 0) >= 4)
    assert space.status("on-call")["hook"]["lastError"]["message"] == missing
    space.put("late", {"url": f"{port}/s3cret-path\n"})
    await until("delivered", lambda: receiver.received, 3)
    await until("written", lambda: space.settled("on-call", "hook") == ["n1"])
    assert "s3cret-path" not in courier.said() + str(space.api.call("GET", f"{ALERTS}/on-call"))


async def test_a_courier_that_is_started_again_repeats_nothing(
    space: Space, start: Start, receivers: Receivers
) -> None:
    receiver = Receiver()
    space.make("on-call", await receivers.hook(receiver))
    first = await start()
    space.queue("on-call", "n1")
    await until("written", lambda: space.settled("on-call", "hook") == ["n1"])
    first.process.kill()
    first.process.wait()
    await start()
    space.queue("on-call", "n1", "n2")
    await until("written", lambda: space.settled("on-call", "hook") == ["n1", "n2"])
    assert [got.body["data"]["notification_id"] for got in receiver.received] == ["n1", "n2"]
    space.queue("on-call", "n2")
    await until("what is not queued is dropped", lambda: space.settled("on-call", "hook") == ["n2"])


async def test_what_was_delivered_but_not_written_is_repeated_under_the_same_id(
    space: Space, start: Start, receivers: Receivers
) -> None:
    space.put("smtp", {"username": "user", "password": "pass"})
    mailbox = Mailbox(data_reply="451 later")
    space.make("on-call", await receivers.mail(mailbox))
    courier = await start()
    space.queue("on-call", "n1")
    await until("tried", lambda: courier.told())
    with space.api.down(binaries.kc()):
        mailbox.data_reply = "250 OK"
        await until("delivered", lambda: mailbox.mails)
        courier.process.kill()
        courier.process.wait()
    await start()
    await until("written", lambda: space.settled("on-call", "mail") == ["n1"])
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]


async def test_what_is_known_is_delivered_without_the_api_and_written_later(
    space: Space, start: Start, receivers: Receivers
) -> None:
    receiver = Receiver(status=500)
    space.make("on-call", await receivers.hook(receiver))
    courier = await start()
    space.queue("on-call", "n1")
    await until("tried", lambda: receiver.received)
    with space.api.down(binaries.kc()):
        receiver.status = 200
        await until("delivered", lambda: courier.told()[-1]["outcome"] == "delivered")
        assert courier.get("/readyz")[0] == courier.get("/livez")[0] == 200
    await until("written", lambda: space.settled("on-call", "hook") == ["n1"], 40)
    space.queue("on-call", "n1", "n2")
    await until("followed again", lambda: space.settled("on-call", "hook") == ["n1", "n2"], 40)


async def test_a_target_that_is_changed_is_tried_at_once_and_one_that_goes_is_forgotten(
    space: Space, start: Start, receivers: Receivers
) -> None:
    receiver = Receiver()
    good = await receivers.hook(receiver)
    space.make("on-call", target(1, "hook"), await receivers.silent("other"))
    await start()
    space.queue("on-call", "n1")
    await until("told", lambda: space.status("on-call").get("hook", {}).get("lastError", {}).get("attempts", 0) >= 4)
    assert space.status("on-call")["hook"]["lastError"]["message"] == "connection refused"
    space.api.merge(f"{ALERTS}/on-call", {"spec": {"targets": [good]}})
    await until("delivered", lambda: receiver.received, 3)
    await until("written", lambda: list(space.status("on-call")) == ["hook"])


async def test_what_somebody_else_has_written_into_the_status_is_mended(
    space: Space, start: Start, receivers: Receivers
) -> None:
    receiver = Receiver()
    space.make("on-call", await receivers.hook(receiver))
    await start()
    space.queue("on-call", "n1")
    await until("written", lambda: space.settled("on-call", "hook") == ["n1"])
    # For ten seconds after a write, what is heard may be older than it.
    await asyncio.sleep(10)
    space.api.merge(f"{ALERTS}/on-call/status", {"status": {"targets": []}})
    await until("mended", lambda: space.settled("on-call", "hook") == ["n1"])
    assert len(receiver.received) == 1


async def test_an_alert_that_is_deleted_ends_its_deliveries(space: Space, start: Start, receivers: Receivers) -> None:
    receiver = Receiver(status=500)
    space.make("on-call", await receivers.hook(receiver))
    courier = await start()
    space.queue("on-call", "n1")
    await until("tried", lambda: receiver.received)
    space.api.call("DELETE", f"{ALERTS}/on-call")
    await until("forgotten", lambda: "shield_courier_targets 0\n" in courier.get("/metrics")[1])
    assert "Traceback" not in courier.said()


async def test_at_its_end_a_courier_finishes_what_is_under_way(
    space: Space, start: Start, receivers: Receivers
) -> None:
    asked = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await asyncio.sleep(2)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with rude_server(slow, receivers.tls, own_address()) as port:
        space.make("on-call", target(port), await receivers.silent("silent"))
        courier = await start()
        space.queue("on-call", "n1")
        async with asyncio.timeout(10):
            await asked.wait()
        began = time.monotonic()
        assert await asyncio.to_thread(courier.stop) == 0
    assert time.monotonic() - began < 13
    assert space.settled("on-call", "hook") == ["n1"]
    assert "Traceback" not in courier.said()
