"""The operator and real probers together, each with its rights in a cluster: from a check to its verdict."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from checkspace import PLACES, Shop
from operatorprocess import Running
from product.polling import poll

Start = Callable[[], Running]
ACCOUNTS = "/api/v1/namespaces/{}/serviceaccounts/{}/token"


class Origin(ThreadingHTTPServer):
    """Answers with its status."""

    status = 200

    def answer(self) -> int:
        """The status."""
        return self.status


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Origin

    def do_GET(self) -> None:
        """Answers it."""
        self.send_response(self.server.answer())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def own_address() -> str:
    """An address of this machine that is not its loopback, which no probe may go to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("192.0.2.1", 9))
        return str(out.getsockname()[0])


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin(("0.0.0.0", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def probers(shop: Shop, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Runs the pod of a data centre's Job on this machine."""
    with ExitStack() as stack:

        def run(data_center: str) -> subprocess.Popen[bytes]:
            template = shop.of("CronJob", data_center)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            (container,) = template["containers"]
            request = {"spec": {"expirationSeconds": 3600}}
            account = template["serviceAccountName"]
            made = shop.api.call("POST", ACCOUNTS.format(shop.space, account), request)
            folder = tmp_path / account
            folder.mkdir(exist_ok=True)
            (folder / "token").write_text(made["status"]["token"])
            (folder / "ca.crt").write_bytes((shop.api.folder / "certs" / "apiserver.crt").read_bytes())
            environment = {
                **os.environ,
                **{item["name"]: item["value"] for item in container["env"] if "value" in item},
                "POD_NAME": f"run-{data_center.replace('/', '-')}",
                "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": str(shop.api.port),
            }
            command, *arguments = container["args"]
            assert command == "shield-proxy"
            ours = ["--account", str(folder), "--health", "none"]
            with (tmp_path / f"{account}.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "shield_proxy.cli", *arguments, *ours],
                    env=environment,
                    stdout=log,
                    stderr=log,
                )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            return process

        yield run


@pytest.mark.usefixtures("policy")
def test_from_a_check_to_its_verdict_and_back(
    start: Start, shop: Shop, origin: Origin, probers: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    start()
    address, config = own_address(), {"port": origin.server_address[1]}
    shop.add(address=address, interval=5, timeout=2, httpConfig=config)
    poll("runs are to begin", lambda: len(shop.found("Job")) == 2, 30)
    running = {key: probers(key) for key in PLACES}
    poll("it is run", lambda: shop.condition("Ready") == ("True", "Probing"), 40)
    poll("it is healthy", lambda: shop.condition("Healthy") == ("True", "Healthy"), 20)
    poll("everywhere", lambda: (shop.status()["healthy"], len(shop.status()["probes"])) == ("2/2", 2), 20)
    assert shop.status()["roundTrip"].endswith("ms")
    origin.status = 503
    poll("it is unhealthy", lambda: shop.condition("Healthy") == ("False", "ResponseCodeMismatchError"), 20)
    poll("everybody tells", lambda: {entry["code"] for entry in shop.status()["probes"]} == {503}, 20)
    origin.status = 200
    poll("it is healthy again", lambda: shop.condition("Healthy") == ("True", "Healthy"), 20)
    shop.add("inside", address="127.0.0.1", interval=5, timeout=2, httpConfig=config)
    poll("a second check is noticed", lambda: shop.condition("Healthy", "inside") == ("False", "DNSInternal"), 30)
    running["us/b"].terminate()
    poll("a silent data centre is told", lambda: shop.condition("Ready")[0] == "False", 60, 2)
    assert shop.condition("Healthy") == ("True", "Healthy")
    assert running["eu/a"].poll() is None
