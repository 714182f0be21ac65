"""`kubectl smartshield alert test` on a real API server, with the operator and a courier at work."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bareapi import own_address
from checkspace import Shop
from freeports import free_port
from operatorprocess import GROUPS, Running
from person import Person
from product.polling import poll

Start = Callable[[], Running]
COURIER = "shield-courier"
TOKENS = "/api/v1/namespaces/{}/serviceaccounts/shield-courier/token"


class Hook(ThreadingHTTPServer):
    """Takes webhooks."""

    taken: list[dict[str, Any]]
    status = 200


class Take(BaseHTTPRequestHandler):
    """One of them."""

    server: Hook

    def do_POST(self) -> None:
        """Answers with the server's status."""
        self.server.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook((own_address(), 0), Take) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def courier(shop: Shop, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Runs the namespace's courier, once the operator has given it its rights."""
    with ExitStack() as stack:

        def run() -> None:
            rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop.space}/rolebindings/{COURIER}"
            poll("it has its rights", lambda: shop.api.call("GET", rights), 30)
            made = shop.api.call("POST", TOKENS.format(shop.space), {"spec": {"expirationSeconds": 3600}})
            folder = tmp_path / "courier"
            (folder / "secrets").mkdir(parents=True)
            (folder / "token").write_text(made["status"]["token"])
            (folder / "ca.crt").write_bytes((shop.api.folder / "certs" / "apiserver.crt").read_bytes())
            server = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(shop.api.port)}
            options = ["--account", str(folder), "--secrets", str(folder / "secrets")]
            options += ["--health", f"127.0.0.1:{free_port()}", "--namespace", shop.space]
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "shield_courier.cli", "run", *options],
                    env={**os.environ, **server},
                    stdout=log,
                    stderr=log,
                )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)

        yield run


def add(shop: Shop, *targets: dict[str, Any]) -> None:
    body = {
        "apiVersion": "smartshield.io/v1alpha1",
        "kind": "HealthAlert",
        "metadata": {"name": "down", "namespace": shop.space},
        "spec": {"targets": targets},
    }
    shop.api.call("POST", f"{GROUPS}/namespaces/{shop.space}/healthalerts", body)


def webhook(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "webhook": {"url": f"http://{own_address()}:{port}/in"}}


@pytest.mark.usefixtures("policy")
def test_an_alert_is_tested_and_each_target_told_apart(
    start: Start, shop: Shop, person: Person, hook: Hook, courier: Callable[[], None]
) -> None:
    start()
    add(shop, webhook("ops", hook.server_address[1]))
    courier()
    here = ("-n", shop.space)
    shown = person.says("alert", "test", "down", *here)
    assert "ops      webhook   Delivered   -" in shown
    (taken,) = hook.taken
    assert "test" in taken["text"].lower()

    with socket.socket() as nobody:
        nobody.bind((own_address(), 0))
        spec = {"targets": [webhook("ops", hook.server_address[1]), webhook("gone", nobody.getsockname()[1])]}
        shop.api.merge(f"{GROUPS}/namespaces/{shop.space}/healthalerts/down", {"spec": spec})
        told = json.loads(person.says("alert", "test", "down", *here, "-o", "json", status=1).partition("\nnot")[0])
    assert (told["kind"], told["delivered"]) == ("AlertTestReport", False)
    outcomes = {each["name"]: each for each in told["targets"]}
    assert outcomes["ops"]["outcome"] == "Delivered"
    assert "refused" in outcomes["gone"]["error"].lower()
    assert len(hook.taken) == 2


def test_a_test_that_nobody_takes_up_is_told_as_that(shop: Shop, person: Person) -> None:
    add(shop, webhook("ops", 9))
    shown = person.says("alert", "test", "down", "-n", shop.space, "--timeout=2", status=1)
    assert "Pending" in shown
    assert "the operator has not taken the test up within 2 s: is it running?" in shown


def test_an_alert_that_is_not_there_and_a_missing_right_are_told(shop: Shop, person: Person) -> None:
    shown = person.says("alert", "test", "down", "-n", shop.space, status=2)
    missing = f"error: there is no HealthAlert down in namespace {shop.space}."
    assert shown == f"{missing} See: kubectl get healthalerts -n {shop.space}\n"
    shown = person.says("alert", "test", "down", "-n", shop.space, "--as=bob", status=2)
    assert shown.startswith(f"error: bob has no right to get healthalerts in {shop.space}.")
