"""Real probers beside a bare API server, with the rights that the operator gave them, and an origin for them."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from checkspace import Shop
from podprocess import container, mount_account
from webserver import Request, serving


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
            (pod,) = template["containers"]
            account = template["serviceAccountName"]
            folder = tmp_path / account
            mount_account(shop.api, shop.space, account, folder)
            environment = {item["name"]: item["value"] for item in pod["env"] if "value" in item}
            environment["POD_NAME"] = f"run-{data_center.replace('/', '-')}"
            command, *arguments = pod["args"]
            assert command == "shield-proxy"
            ours = ["--account", str(folder), "--health", "none"]
            log = tmp_path / f"{account}.log"
            return stack.enter_context(container(shop.api, "shield_proxy.cli", [*arguments, *ours], log, environment))

        yield run
