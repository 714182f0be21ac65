"""A real courier beside a bare API server, with the rights that the operator gave it, and a receiver of webhooks."""

import json
import os
import subprocess
import sys
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
            api, space, folder = alarm.shop.api, alarm.shop.space, tmp_path / COURIER
            path = f"/api/v1/namespaces/{space}/serviceaccounts/{COURIER}/token"
            token = api.call("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
            (folder / "secrets").mkdir(parents=True, exist_ok=True)
            (folder / "token").write_text(token)
            (folder / "ca.crt").write_bytes((api.folder / "certs" / "apiserver.crt").read_bytes())
            (container,) = alarm.found()["Deployment"]["spec"]["template"]["spec"]["containers"]
            command, *arguments = container["args"]
            assert command == COURIER
            options = ["--account", str(folder), "--secrets", str(folder / "secrets")]
            options += ["--health", f"127.0.0.1:{free_port()}"]
            server = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
            with (folder / "log").open("ab") as log:
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
