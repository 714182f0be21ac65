"""A namespace of a bare API server with alerts, and couriers as processes with exactly their rights."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bareapi import BareApi, bare_api
from freeports import free_port
from operatorprocess import GROUPS, grant, install_definitions
from product.polling import poll

SPACE = "shop"
ALERTS = f"{GROUPS}/namespaces/{SPACE}/healthalerts"
RULES = [
    {"apiGroups": ["smartshield.io"], "resources": ["healthalerts"], "verbs": ["list", "watch"]},
    {"apiGroups": ["smartshield.io"], "resources": ["healthalerts/status"], "verbs": ["patch"]},
]
"""All that a courier may do: these tests fail where it needs more."""
CORRELATION = "0123456789abcdef" * 2


@contextmanager
def served(folder: Path, binaries: Path) -> Iterator[BareApi]:
    """An API server with the CRDs, and the user `courier`."""
    with bare_api(folder, binaries, users=("courier",)) as api:
        install_definitions(api)
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
        grant(api, SPACE, "courier", RULES)
        yield api


class Space:
    """The namespace, its alerts, the Secrets that a courier's pod would have."""

    def __init__(self, api: BareApi, folder: Path) -> None:
        self.api, self.folder = api, folder
        api.mount_account(folder, api.tokens["courier"])
        (folder / "secrets").mkdir()

    def put(self, secret: str, keys: Mapping[str, str]) -> None:
        """The kubelet has swapped in a Secret with these keys."""
        volume = self.folder / "secrets"
        (volume / secret).mkdir(exist_ok=True)
        for key, value in keys.items():
            (volume / secret / key).write_text(value)
        fresh = volume / "..new"
        fresh.symlink_to(f"..{datetime.now(UTC).timestamp()}")
        fresh.rename(volume / "..data")

    def make(self, name: str, *targets: dict[str, Any], **spec: Any) -> None:
        """An alert."""
        body = {
            "apiVersion": "smartshield.io/v1alpha1",
            "kind": "HealthAlert",
            "metadata": {"name": name},
            "spec": {"targets": targets, **spec},
        }
        self.api.call("POST", ALERTS, body)

    def queue(self, name: str, *ids: str, **fields: Any) -> None:
        """What is to be told, written as the operator does."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        one = {
            "event": "START",
            "correlationId": CORRELATION,
            "time": now,
            "changed": now,
            "check": "api",
            "checkId": "ab" * 16,
            "oldStatus": "Healthy",
            "newStatus": "Unhealthy",
            "reason": "HTTP timeout occurred",
            **fields,
        }
        body = {
            "apiVersion": "smartshield.io/v1alpha1",
            "kind": "HealthAlert",
            "metadata": {"name": name},
            "status": {"notifications": [{**one, "id": id_} for id_ in ids]},
        }
        query = "fieldManager=operator&force=true"
        self.api.call("PATCH", f"{ALERTS}/{name}/status?{query}", body, "application/apply-patch+yaml")

    def status(self, name: str) -> dict[str, dict[str, Any]]:
        """What the courier has written, by target."""
        status = self.api.call("GET", f"{ALERTS}/{name}").get("status", {})
        return {each["name"]: each for each in status.get("targets", [])}

    def settled(self, name: str, target: str) -> list[str]:
        """Ids that a target has done with."""
        return list(self.status(name).get(target, {}).get("settled", []))


class Courier:
    """One, as a process."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, out: Path, log: Path) -> None:
        self.process, self.port, self.out, self.log = process, port, out, log

    def told(self) -> list[dict[str, Any]]:
        """Its lines of attempts."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def said(self) -> str:
        """All it has written."""
        return self.out.read_text() + self.log.read_text()

    def get(self, path: str) -> tuple[int, str]:
        """What its health port answers; 0 where nobody does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def resident(self) -> int:
        """Bytes of memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> int:
        """As the kubelet does; the exit status."""
        self.process.terminate()
        return self.process.wait(15)


@contextmanager
def couriers(space: Space, environment: Mapping[str, str] | None = None) -> Iterator[Callable[[], Courier]]:
    """Starts couriers, which are ready then, and end with the block."""
    started: list[Courier] = []

    def start() -> Courier:
        port, number = free_port(), len(started)
        out, log = space.folder / f"out-{number}", space.folder / f"log-{number}"
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "shield_courier.cli", "run", "--namespace", SPACE),
                    *("--health", f"127.0.0.1:{port}", "--account", str(space.folder)),
                    *("--secrets", str(space.folder / "secrets")),
                ],
                env={
                    **os.environ,
                    "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                    "KUBERNETES_SERVICE_PORT": str(space.api.port),
                    **(environment or {}),
                },
                stdout=stdout,
                stderr=stderr,
            )
        courier = Courier(process, port, out, log)
        started.append(courier)
        poll("the courier is ready", lambda: courier.get("/readyz")[0] == 200, 20, 0.1)
        return courier

    try:
        yield start
    finally:
        for courier in started:
            if courier.process.poll() is None:
                courier.process.terminate()
                courier.process.wait(15)
