"""A few calls of the Kubernetes API over the standard library, for the cluster tool itself."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import layout

APPLY = "application/apply-patch+yaml"
TIMEOUT = 30.0
WATCH = 300


class ApiError(Exception):
    """The API server refused or could not be reached; `status` is 0 in the second case."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}" if status else message)
        self.status = status


class KubeApi:
    """Calls with one client certificate; each on a connection of its own, closed at its end."""

    def __init__(self, pki: Path, leaf: str, host: str = layout.CONTROL_ADDRESS, port: int = layout.API_PORT) -> None:
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / f"{leaf}.crt", pki / f"{leaf}.key")
        self._host, self._port = host, port

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The decoded answer; ApiError for every status of 400 and above and for a server that can't be reached."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=TIMEOUT)
        try:
            headers = {"Content-Type": content_type, "Accept": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        except OSError as error:
            raise ApiError(0, f"{error}") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise ApiError(response.status, _message(text))
        return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def watch(self, path: str, version: str) -> Iterator[dict[str, Any]]:
        """Events after a resource version, until the server ends the watch (minutes) or ApiError."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=WATCH + TIMEOUT)
        try:
            connection.request("GET", f"{path}?watch=1&resourceVersion={version}&timeoutSeconds={WATCH}")
            response = connection.getresponse()
            if response.status >= 400:
                raise ApiError(response.status, _message(response.read()))
            while line := response.readline():
                yield json.loads(line)
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, f"{error}") from None
        finally:
            connection.close()

    def delete(self, path: str, grace_seconds: int | None = None) -> None:
        """The object is gone or going; it is no error if it was not there."""
        try:
            self.call("DELETE", path, None if grace_seconds is None else {"gracePeriodSeconds": grace_seconds})
        except ApiError as error:
            if error.status != 404:
                raise

    def apply(self, manifest: dict[str, Any]) -> None:
        """The object is as the manifest says (server-side apply)."""
        self.call("PATCH", f"{path_of(manifest)}?fieldManager=local-cluster&force=true", manifest, APPLY)


PLURALS = {"StorageClass": "storageclasses"}
CLUSTER_SCOPED = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass", "Node"}
)


def path_of(manifest: dict[str, Any]) -> str:
    """The API path of a manifest's object, for the kinds this tool makes."""
    version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = PLURALS.get(kind, kind.lower() + "s")
    space = "" if kind in CLUSTER_SCOPED else f"/namespaces/{metadata['namespace']}"
    return f"{root}{space}/{plural}/{metadata['name']}"


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:500].decode(errors="replace")
