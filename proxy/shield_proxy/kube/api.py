"""Requests to the Kubernetes API: read, list, create, patch, apply, watch."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from shield_proxy.config.version import VERSION
from shield_proxy.kube.account import Account
from shield_proxy.kube.errors import NotThere, TooLarge, Unreachable, refusal
from shield_proxy.kube.line import Line
from shield_proxy.wire.http.message import ResponseHead
from shield_proxy.wire.http.serialise import field_lines, request_bytes

SECONDS = 5.0
"""That a request may take."""
PAGE = 50
"""Objects of a page of a list, at most."""
MOST_IDLE, IDLE_SECONDS = 2, 20.0
"""Connections that are kept for further requests, and for how long."""
JSON, MERGE, APPLY = "application/json", "application/merge-patch+json", "application/apply-patch+yaml"
_MOST_RETRY_AFTER = 60


@dataclass(frozen=True, slots=True)
class Collection:
    """The objects of a kind in a namespace, or those of them that a field selector takes."""

    prefix: str
    """Such as /apis/coordination.k8s.io/v1."""
    namespace: str
    plural: str
    selector: str = ""

    @property
    def path(self) -> str:
        """Of the collection's URL."""
        return f"{self.prefix}/namespaces/{quote(self.namespace)}/{self.plural}"

    def at(self, name: str, subresource: str = "") -> str:
        """The path of one of its objects."""
        return f"{self.path}/{quote(name)}" + (f"/{subresource}" if subresource else "")


@dataclass(slots=True)
class _Idle:
    line: Line
    since: float


@dataclass(slots=True)
class Api:
    """The API as one account sees it. ApiError where it refuses, Unreachable where it doesn't answer in time."""

    account: Account
    agent: str = "shield-proxy"
    """What the server's log calls this process."""
    _idle: list[_Idle] = field(default_factory=list)

    def close(self) -> None:
        """Ends what connections are kept."""
        while self._idle:
            self._idle.pop().line.close()

    async def read(self, path: str) -> dict[str, Any] | None:
        """The object; None where there is none."""
        try:
            return await self.request("GET", path)
        except NotThere:
            return None

    async def create(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it was created. Conflict where it is there already."""
        return await self.request("POST", path, document, JSON)

    async def merge(self, path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """The object with the merge patch in it. Conflict where the patch names a resourceVersion that is not its."""
        return await self.request("PATCH", path, patch, MERGE)

    async def apply(
        self, path: str, document: Mapping[str, Any], manager: str, seconds: float = SECONDS
    ) -> dict[str, Any]:
        """The object with these fields, which the field manager owns from then on, and of its own no others."""
        query = urlencode({"fieldManager": manager, "force": "true"})
        return await self.request("PATCH", f"{path}?{query}", document, APPLY, seconds)

    async def list(self, collection: Collection, take: Callable[[Mapping[str, Any]], None]) -> str:
        """Gives each object there is to `take`, page by page; the version of the list. Expired where it took too
        long."""
        more, version, limit = "", "", PAGE
        while True:
            query = {"limit": str(limit), "continue": more, "fieldSelector": collection.selector}
            try:
                page = await self.request("GET", _with_query(collection.path, query), seconds=4 * SECONDS)
            except TooLarge:
                if limit == 1:
                    raise
                limit = max(1, limit // 4)  # objects of hundreds of kilobytes each
                continue
            for each in page.get("items") or []:
                take(each)
            metadata = page.get("metadata") or {}
            version = str(metadata.get("resourceVersion") or version)
            more = metadata.get("continue") or ""
            if not more:
                return version

    async def watch(
        self, collection: Collection, version: str, seconds: int, take: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Gives each event after the version to `take`, until the server ends the watch after so many seconds.
        Unreachable where it doesn't."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
            "fieldSelector": collection.selector,
        }
        line: Line | None = None
        try:
            async with asyncio.timeout(seconds + SECONDS) as deadline:
                begin = deadline.when()
                deadline.reschedule(asyncio.get_running_loop().time() + SECONDS)
                line = await self._open()
                head = await self._send(line, "GET", _with_query(collection.path, query), b"", "")
                if head.status != 200:
                    raise refusal(head.status, await line.document(), _retry_after(head))
                deadline.reschedule(begin)
                while (event := await line.event()) is not None:
                    take(event)
        except TimeoutError as error:
            raise Unreachable("the watch did not begin or end in time") from error
        except OSError as error:
            raise Unreachable(str(error)) from error
        finally:
            if line is not None:
                line.close()

    async def request(
        self,
        method: str,
        path: str,
        document: Mapping[str, Any] | None = None,
        kind: str = "",
        seconds: float = SECONDS,
    ) -> dict[str, Any]:
        """The object that is answered."""
        body = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
        try:
            async with asyncio.timeout(seconds):
                return await self._request(method, path, body, kind)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {seconds:g} s") from error
        except OSError as error:
            raise Unreachable(str(error)) from error

    async def _request(self, method: str, path: str, body: bytes, kind: str) -> dict[str, Any]:
        line = self._take_idle()
        if line is not None:
            try:
                return await self._converse(line, method, path, body, kind)
            except (ConnectionResetError, BrokenPipeError):
                pass  # the server had closed it; whatever is written here may be written twice
        return await self._converse(await self._open(), method, path, body, kind)

    async def _converse(self, line: Line, method: str, path: str, body: bytes, kind: str) -> dict[str, Any]:
        try:
            head = await self._send(line, method, path, body, kind)
            answer = await line.document()
        except BaseException:
            line.close()
            raise
        self._keep(line)
        if not 200 <= head.status < 300:
            raise refusal(head.status, answer, _retry_after(head))
        if not isinstance(answer, dict):
            raise Unreachable("the answer is no JSON object")
        return answer

    async def _open(self) -> Line:
        return await Line.open(self.account.host, self.account.port, self.account.trust())

    async def _send(self, line: Line, method: str, path: str, body: bytes, kind: str) -> ResponseHead:
        host = f"[{self.account.host}]" if ":" in self.account.host else self.account.host
        fields = [
            ("Host", f"{host}:{self.account.port}"),
            ("Authorization", f"Bearer {self.account.token()}"),
            ("User-Agent", f"{self.agent}/{VERSION}"),
            ("Accept", JSON),
        ]
        if body:
            fields += [("Content-Type", kind), ("Content-Length", str(len(body)))]
        lines = field_lines((name.encode("ascii"), value.encode("ascii")) for name, value in fields)
        verb = method.encode("ascii")
        return await line.ask(request_bytes(verb, path.encode("ascii"), lines) + body, verb)

    def _take_idle(self) -> Line | None:
        while self._idle:
            kept = self._idle.pop()
            if time.monotonic() - kept.since < IDLE_SECONDS:
                return kept.line
            kept.line.close()
        return None

    def _keep(self, line: Line) -> None:
        if line.reusable and len(self._idle) < MOST_IDLE:
            self._idle.append(_Idle(line, time.monotonic()))
        else:
            line.close()


def _with_query(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"


def _retry_after(head: ResponseHead) -> float | None:
    text = head.index.get(b"retry-after", b"")
    return float(min(int(text), _MOST_RETRY_AFTER)) if text.isdigit() else None
