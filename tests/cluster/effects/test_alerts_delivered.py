"""From what probers report to what a receiver gets: operator and courier as processes, each with its rights there."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from alertspace import COURIER, Alarm
from bareapi import own_address
from checkspace import PLACES, Shop
from freeports import free_port
from operatorprocess import Running
from product.polling import poll

Start = Callable[[], Running]
StartCourier = Callable[[], subprocess.Popen[bytes]]
START, END = "ALERT_STATE_EVENT_START", "ALERT_STATE_EVENT_END"


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, and notes when."""

    taken: list[tuple[float, dict[str, Any]]]

    def told(self) -> list[tuple[str, str]]:
        """(check, event) in the order in which they came."""
        return [(body["data"]["health_check_name"], body["alert_event"]) for _, body in self.taken]


class Take(BaseHTTPRequestHandler):
    """One of them."""

    server: Receiver

    def do_POST(self) -> None:
        """Takes it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((time.monotonic(), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver((own_address(), 0), Take) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def alarm(shop: Shop) -> Alarm:
    """See Alarm."""
    return Alarm(shop)


@pytest.fixture
def start_courier(alarm: Alarm, tmp_path: Path) -> Iterator[StartCourier]:
    """Runs the pod of the courier's Deployment on this machine."""
    with ExitStack() as stack:

        def run() -> subprocess.Popen[bytes]:
            alarm.courier_runs()
            api, space = alarm.shop.api, alarm.shop.space
            path = f"/api/v1/namespaces/{space}/serviceaccounts/{COURIER}/token"
            token = api.call("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
            (tmp_path / "secrets").mkdir(exist_ok=True)
            (tmp_path / "token").write_text(token)
            (tmp_path / "ca.crt").write_bytes((api.folder / "certs" / "apiserver.crt").read_bytes())
            (container,) = alarm.found()["Deployment"]["spec"]["template"]["spec"]["containers"]
            command, *arguments = container["args"]
            assert command == COURIER
            options = ["--account", str(tmp_path), "--secrets", str(tmp_path / "secrets")]
            options += ["--health", f"127.0.0.1:{free_port()}"]
            server = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
            with (tmp_path / "courier.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "shield_courier.cli", *arguments, *options],
                    env={**os.environ, **server},
                    stdout=log,
                    stderr=log,
                )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            return process

        yield run


def report(shop: Shop, health: str, *names: str) -> None:
    """All data centres say so of these checks."""
    why = {"reason": "TCP connection failed", "detail": "refused"} if health == "Unhealthy" else {}
    for key in PLACES:
        shop.renew(key)
        for name in names:
            shop.report(key, health, name=name, **why)


def watched(shop: Shop, alarm: Alarm, receiver: Receiver, *names: str) -> None:
    """Healthy checks and an alert over them."""
    for name in names:
        shop.add(name)
    shop.probed()
    report(shop, "Healthy", *names)
    alarm.add(targets=[{"name": "hook", "webhook": {"url": f"http://{own_address()}:{receiver.server_address[1]}/in"}}])
    for name in names:
        poll("it is healthy", lambda name=name: shop.status(name).get("status") == "Healthy", 20)
    poll("it is watched", lambda: alarm.status().get("matched") == len(names), 20)


@pytest.mark.usefixtures("policy")
def test_a_failure_and_its_end_arrive_within_seconds(
    start: Start, shop: Shop, alarm: Alarm, receiver: Receiver, start_courier: StartCourier
) -> None:
    start()
    watched(shop, alarm, receiver, "origin")
    start_courier()
    poll("the alert is ready", lambda: alarm.condition() == ("True", "Watching"), 20)
    for health, count in (("Unhealthy", 1), ("Healthy", 2)):
        began = time.monotonic()
        report(shop, health, "origin")
        poll("it has arrived", lambda count=count: len(receiver.taken) == count, 20, 0.05)
        assert receiver.taken[-1][0] - began < 5
    assert receiver.told() == [("origin", START), ("origin", END)]
    (_, first), (_, second) = receiver.taken
    assert first["alert_correlation_id"] == second["alert_correlation_id"]
    poll("nothing waits", lambda: not alarm.queue(), 10)
    assert "lastError" not in alarm.status()["targets"][0]


@pytest.mark.usefixtures("policy")
def test_whatever_is_killed_each_failure_arrives_once(
    start: Start, shop: Shop, alarm: Alarm, receiver: Receiver, start_courier: StartCourier
) -> None:
    names = [f"check-{i}" for i in range(8)]
    first = start()
    watched(shop, alarm, receiver, *names)
    courier = start_courier()
    report(shop, "Unhealthy", *names[:4])
    first.signal(signal.SIGKILL)
    first.process.wait(10)
    courier.terminate()
    courier.wait(20)
    report(shop, "Unhealthy", *names)
    start()
    poll("all is told", lambda: alarm.status()["failing"] == len(names), 60)
    start_courier()
    poll("all have arrived", lambda: {check for check, _ in receiver.told()} == set(names), 30)
    poll("nothing waits", lambda: not alarm.queue(), 20)
    assert sorted(receiver.told()) == [(name, START) for name in names]
    assert len({body["data"]["notification_id"] for _, body in receiver.taken}) == len(names)
