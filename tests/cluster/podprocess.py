"""The container of a pod on this machine, beside a bare API server, with the rights of the pod's ServiceAccount."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bareapi import BareApi


def mount_account(api: BareApi, space: str, name: str, folder: Path) -> None:
    """What the kubelet mounts into a pod that runs as the ServiceAccount."""
    path = f"/api/v1/namespaces/{space}/serviceaccounts/{name}/token"
    made = api.call("POST", path, {"spec": {"expirationSeconds": 3600}})
    api.mount_account(folder, made["status"]["token"])


@contextmanager
def container(
    api: BareApi, module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The module with the pod's arguments and environment, until the block ends; what it prints is added to the log."""
    with log.open("ab") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={
                **os.environ,
                **environment,
                "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": str(api.port),
            },
            stdout=out,
            stderr=out,
        )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)
