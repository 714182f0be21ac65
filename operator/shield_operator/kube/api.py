"""Requests to the API server, as plain objects in and out, with errors that say what was refused.

Every write is checked against the lease at the last moment, after a connection was found and before the first byte:
see `fence`. Nothing here retries: the queue does.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import aiohttp
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient

from shield_operator.core.naming import MANAGED_BY
from shield_operator.kube.kinds import LEASE, Kind

Object = dict[str, Any]

TIMEOUT = aiohttp.ClientTimeout(total=10, connect=4)
"""Of a read. A write has less than what remains between a lease's deadline and its end."""
WRITE_TIMEOUT = aiohttp.ClientTimeout(total=4)


class ApiError(Exception):
    """The API server answered with an error. The message holds no object, so that no secret gets into a log."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Conflict(ApiError):
    """409: the object exists, or is not the one that was seen."""


class Denied(ApiError):
    """401 or 403."""


class Unreachable(Exception):
    """No answer in time."""


def fence(check: Callable[[], None]) -> aiohttp.TraceConfig:
    """A trace under which a request that changes anything but the leader's Lease, which alone is created and replaced,
    calls `check` just before its headers leave.

    What `check` raises ends the request unsent, wherever it was delayed until then.
    """
    trace = aiohttp.TraceConfig()

    async def before_headers(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, request: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        leading = request.method in ("POST", "PUT") and request.url.path.startswith(f"{LEASE.root}/")
        if request.method != "GET" and not leading:
            check()

    trace.on_request_headers_sent.append(before_headers)
    return trace


class Api:
    """One client of one API server. Every method raises ApiError or Unreachable; see there."""

    def __init__(self, client: DynamicClient) -> None:
        self._client = client

    async def read(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            return await self._request("get", kind.path(namespace, name))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def items(
        self, kind: Kind, namespace: str | None = None, selector: str | None = None, limit: int | None = None
    ) -> list[Object]:
        """All objects of a kind as they stand now (a consistent read); the first `limit` of them if that is given."""
        found: list[Object] = []
        token: str | None = None
        while True:
            page = await self._request(
                "get", kind.path(namespace), label_selector=selector, limit=limit or 500, _continue=token
            )
            for item in page["items"]:
                item.setdefault("kind", kind.kind)
                item.setdefault("apiVersion", kind.api_version)
                found.append(item)
            token = page["metadata"].get("continue")
            if not token or limit is not None:
                return found

    async def create(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Makes the object; Conflict where there is one of this name."""
        return await self._write("post", kind.path(body["metadata"].get("namespace")), body, field_manager=MANAGED_BY)

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Puts the object in place of the one with its resourceVersion; Conflict where that is gone."""
        metadata = body["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        return await self._write("put", path, body, field_manager=MANAGED_BY)

    async def apply(self, kind: Kind, body: Mapping[str, Any], subresource: str | None = None) -> Object:
        """Server-side apply: afterwards the object has these fields, and lacks those applied earlier and no more.

        With metadata.resourceVersion or uid it applies to that object alone, else Conflict.
        """
        metadata = body["metadata"]
        return await self._write(
            "patch",
            kind.path(metadata.get("namespace"), metadata["name"], subresource),
            body,
            content_type="application/apply-patch+yaml",
            field_manager=MANAGED_BY,
            force_conflicts="true",
        )

    async def merge(
        self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any], subresource: str | None = None
    ) -> Object:
        """JSON merge patch (RFC 7386). With metadata.resourceVersion it changes that version alone, else Conflict."""
        content = "application/merge-patch+json"
        return await self._write(
            "patch", kind.path(namespace, name, subresource), body, content_type=content, field_manager=MANAGED_BY
        )

    async def delete(self, kind: Kind, body: Mapping[str, Any]) -> bool:
        """Removes exactly the object that was seen; False where it changed or went meanwhile."""
        metadata = body["metadata"]
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        options = {"preconditions": preconditions, "propagationPolicy": "Background"}
        try:
            await self._write("delete", kind.path(metadata.get("namespace"), metadata["name"]), options)
        except ApiError as error:
            if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                return False
            raise
        return True

    async def _write(self, method: str, path: str, body: Mapping[str, Any], **params: Any) -> Object:
        return await self._request(method, path, body=body, _request_timeout=WRITE_TIMEOUT, **params)

    async def _request(self, method: str, path: str, **params: Any) -> Object:
        params.setdefault("_request_timeout", TIMEOUT)
        try:
            answer: Object = await self._client.request(method, path, serializer=lambda _, body: body, **params)
        except ApiException as error:
            raise _refusal(error, f"{method} {path}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from None
        return answer


def _refusal(error: ApiException, request: str) -> ApiError:
    try:
        message = str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        message = str(error.reason)
    kinds: dict[int, type[ApiError]] = {401: Denied, 403: Denied, 409: Conflict}
    return kinds.get(error.status, ApiError)(error.status, f"{request}: {message[:400]}")
