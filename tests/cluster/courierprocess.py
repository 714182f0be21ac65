"""A real courier beside a bare API server, with the rights that the operator gave it, and a receiver of webhooks."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from alertspace import COURIER, Alarm
from bareapi import own_address
from freeports import free_port
from podprocess import container, mount_account
from webserver import Request, serving

StartCourier = Callable[[], subprocess.Popen[bytes]]


class Hook(ThreadingHTTPServer):
    """Takes webhooks, and notes when."""

    taken: list[tuple[float, dict[str, Any]]]

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{own_address()}:{self.server_address[1]}/in"

    def told(self) -> list[tuple[str, str]]:
        """(check, event) in the order in which they came."""
        return [(body["data"]["health_check_name"], body["alert_event"]) for _, body in self.taken]


class Take(Request):
    """One of them."""

    server: Hook

    def do_POST(self) -> None:
        """Takes it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append((time.monotonic(), body))
        self.answer(200)


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook((own_address(), 0), Take)
    made.taken = []
    with serving(made):
        yield made


@pytest.fixture
def start_courier(alarm: Alarm, tmp_path: Path) -> Iterator[StartCourier]:
    """Runs the pod of the courier's Deployment on this machine."""
    with ExitStack() as stack:

        def run() -> subprocess.Popen[bytes]:
            alarm.courier_runs()
            api, folder = alarm.shop.api, tmp_path / COURIER
            mount_account(api, alarm.shop.space, COURIER, folder)
            (folder / "secrets").mkdir(exist_ok=True)
            (pod,) = alarm.found()["Deployment"]["spec"]["template"]["spec"]["containers"]
            command, *arguments = pod["args"]
            assert command == COURIER
            ours = ["--account", str(folder), "--secrets", str(folder / "secrets")]
            ours += ["--health", f"127.0.0.1:{free_port()}"]
            made = container(api, "shield_courier.cli", [*arguments, *ours], folder / "log", {})
            return stack.enter_context(made)

        yield run
