"""etcd and kube-apiserver alone: what leases, apply and watches need, in seconds and on ports of their own.

`with bare_api(folder, binaries) as api` gives a server with RBAC, and kubeconfigs of a superuser or any other user.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from freeports import free_port

START_SECONDS = 40.0


@dataclass(slots=True)
class BareApi:
    """A running API server."""

    folder: Path
    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    """User -> bearer token."""
    command: list[str] = field(default_factory=list)
    server: subprocess.Popen[bytes] | None = None
    """kube-apiserver, as it runs now."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within the block the server answers nobody; connections to it stand."""
        assert self.server is not None
        self.server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.send_signal(signal.SIGCONT)

    @contextmanager
    def down(self, binaries: Path) -> Iterator[None]:
        """Within the block there is no server: it was killed, and is started again at the end."""
        assert self.server is not None
        self.server.kill()
        self.server.wait()
        try:
            yield
        finally:
            self.server = _run(self.folder, binaries, self.command)
            _await_ready(self, self.server)

    def kubeconfig(self, user: str = "admin") -> Path:
        """A kubeconfig of the user; other users than admin may do what a test's RBAC lets them."""
        authority = base64.b64encode((self.folder / "certs" / "apiserver.crt").read_bytes()).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bare",
            "clusters": [{"name": "bare", "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": user}}],
        }
        # A colon would part two paths.
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        path.write_text(json.dumps(document))
        return path

    def mount_account(self, folder: Path, token: str) -> None:
        """What the kubelet mounts into a pod, of an account with this token."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token").write_text(token)
        (folder / "ca.crt").write_bytes((self.folder / "certs" / "apiserver.crt").read_bytes())

    def call(
        self, method: str, path: str, body: object = None, content: str = "application/json", user: str = ""
    ) -> Any:
        """The decoded answer to a request of a superuser, who may act as another `user`; None for 404."""
        headers = {"Authorization": f"Bearer {self.tokens['admin']}", "Content-Type": content}
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**headers, "Impersonate-User": user} if user else headers,
        )
        try:
            with urllib.request.urlopen(request, context=_unverified(), timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {text}") from None

    def apply(self, path: str, body: dict[str, Any]) -> Any:
        """Server-side apply by a user who is not the operator."""
        return self.call("PATCH", f"{path}?fieldManager=test&force=true", body, "application/apply-patch+yaml")

    def merge(self, path: str, body: dict[str, Any]) -> Any:
        """A merge patch."""
        return self.call("PATCH", path, body, "application/merge-patch+json")


def own_address() -> str:
    """An address of this machine that is not its loopback, which neither probes nor alerts may go to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("192.0.2.1", 9))
        return str(out.getsockname()[0])


@contextmanager
def bare_api(folder: Path, binaries: Path, users: tuple[str, ...]) -> Iterator[BareApi]:
    """etcd and kube-apiserver run, with their state below `folder`, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "service-account.key").write_bytes(key)
    api = BareApi(folder, free_port())
    rows = []
    for user in ("admin", *users):
        api.tokens[user] = secrets.token_hex(16)
        rows.append(f'{api.tokens[user]},{user},{user},"{"system:masters" if user == "admin" else "shield-test"}"')
    (folder / "tokens.csv").write_text("\n".join(rows) + "\n")
    client, peer = free_port(), free_port()
    with ExitStack() as stack:
        stack.callback(_stop, _run(folder, binaries, _etcd(folder, client, peer)))
        api.command = _apiserver(folder, client, api.port)
        api.server = _run(folder, binaries, api.command)
        stack.callback(lambda: _stop(api.server) if api.server is not None else None)
        _await_ready(api, api.server)
        yield api


def _etcd(folder: Path, client: int, peer: int) -> list[str]:
    at = "http://127.0.0.1"
    return [
        "etcd",
        f"--data-dir={folder}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={at}:{client}",
        f"--advertise-client-urls={at}:{client}",
        f"--listen-peer-urls={at}:{peer}",
        f"--initial-advertise-peer-urls={at}:{peer}",
        f"--initial-cluster=default={at}:{peer}",
        "--log-level=error",
    ]


def _apiserver(folder: Path, etcd: int, port: int) -> list[str]:
    key = f"{folder}/service-account.key"
    return [
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder}/certs",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://bare.test",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount",
        "--profiling=false",
        "--v=0",
    ]


def _run(folder: Path, binaries: Path, command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GOMAXPROCS": "2"}
    with (folder / f"{command[0]}.log").open("ab") as out:
        return subprocess.Popen(
            [str(binaries / command[0]), *command[1:]], stdout=out, stderr=out, env=environment, cwd=folder
        )


def _stop(running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    try:
        running.wait(10)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _unverified() -> ssl.SSLContext:
    """The server's certificate is of its own making, and it listens on loopback alone."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _await_ready(api: BareApi, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    request = urllib.request.Request(f"{api.url}/readyz", headers={"Authorization": f"Bearer {api.tokens['admin']}"})
    problem: object = None
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(request, context=_unverified(), timeout=2) as answer:
                if answer.status == 200:
                    return
        except urllib.error.HTTPError as error:
            problem = error.code
            error.close()
        except OSError as error:
            problem = error
        time.sleep(0.1)
    log = (api.folder / "kube-apiserver.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"kube-apiserver did not become ready: {problem}\n{log}")
