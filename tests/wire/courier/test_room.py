"""Alerts with more targets than a courier serves: the oldest are served, whatever came first."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from courier.place import Place
from courier.receiver import Receiver, receiving
from kube.saidserver import SaidServer, answer, request
from world.fleet import until

from shield_courier.running.courier import Courier
from shield_proxy.config.alerts.contract import MOST_TARGETS


class Namespace:
    """Alerts that are listed, and then change."""

    def __init__(self, *alerts: dict[str, Any]) -> None:
        self.alerts = list(alerts)
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line = (await request(reader)).split("\r\n")[0]
            if "watch=true" in line:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    event = json.dumps(await self.events.get()).encode() + b"\n"
                    writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            page = {"metadata": {"resourceVersion": "5"}, "items": self.alerts}
            writer.write(answer(json.dumps(page if line.startswith("GET") else {}).encode()))


def alert(name: str, created: str, port: int, targets: int) -> dict[str, Any]:
    """With a test that waits for each of its targets."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    queued = {"id": f"test-{name}", "event": "TEST", "correlationId": "c", "time": now}
    hook = {"url": f"http://127.0.0.1:{port}/{name}"}
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": created},
        "spec": {"targets": [{"name": f"t{i}", "webhook": hook} for i in range(targets)]},
        "status": {"notifications": [queued] if targets == 1 else []},
    }


def names(receiver: Receiver) -> list[str]:
    return sorted(each.url.rpartition("/")[2] for each in receiver.received)


async def test_the_youngest_alerts_have_to_wait_until_older_ones_go(place: Place, tmp_path: Path) -> None:
    receiver = Receiver()
    async with receiving(receiver, None) as port:
        full = [alert(f"old-{i}", "2026-01-02T00:00:00Z", port, 10) for i in range(MOST_TARGETS // 10)]
        late, first = alert("late", "2026-01-03T00:00:00Z", port, 1), alert("z-first", "2026-01-01T00:00:00Z", port, 1)
        shop = Namespace(late, *full[:-1], first)
        (tmp_path / "api").mkdir()
        async with SaidServer(shop.say, tmp_path / "api") as api:
            courier = Courier("shop", api, place.sender, lambda _: None)
            running = asyncio.create_task(courier.run())
            await until(lambda: names(receiver) == ["late", "z-first"])
            assert courier.standstill().targets == MOST_TARGETS - 8

            shop.events.put_nowait({"type": "ADDED", "object": full[-1]})
            await until(lambda: courier.standstill().alerts == len(full))
            assert courier.standstill().targets == MOST_TARGETS - 9

            shop.events.put_nowait({"type": "DELETED", "object": first})
            await until(lambda: courier.standstill().targets == MOST_TARGETS)
            later = alert("later", "2026-01-04T00:00:00Z", port, 1)
            shop.events.put_nowait({"type": "ADDED", "object": later})
            shop.events.put_nowait({"type": "DELETED", "object": full[0]})
            await until(lambda: "later" in names(receiver))
            courier.end()
            await asyncio.wait_for(running, 20)
