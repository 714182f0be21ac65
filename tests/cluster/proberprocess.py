"""Real probers beside a bare API server, with the rights that the operator gave them, and an origin for them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from checkspace import Shop
from webserver import Request, serving

ACCOUNTS = "/api/v1/namespaces/{}/serviceaccounts/{}/token"


class Origin(ThreadingHTTPServer):
    """Answers with its status."""

    status = 200
    asked = 0

    def answer(self) -> int:
        """The status; requests are counted."""
        self.asked += 1
        return self.status


class Asked(Request):
    """One request."""

    server: Origin

    def do_GET(self) -> None:
        """Answers it."""
        self.answer(self.server.answer())


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving(Origin(("0.0.0.0", 0), Asked)) as server:
        yield server


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
