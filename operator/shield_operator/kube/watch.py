"""kopf, for watching only: it tells of every change of the watched kinds and writes nothing to any object.

It runs in a thread with an event loop of its own: where it ends, it cancels every task of its loop that it did not
find there at its start, and it would take over the process' signals.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import kopf
from kubernetes.aio.client import Configuration

from shield_operator.kube.connection import kopf_login
from shield_operator.kube.kinds import CHILD_SELECTOR, WATCHED, Kind

Seen = Callable[[Kind, str | None, Mapping[str, Any]], None]
"""Called in the loop of `watch` with kind, ADDED, MODIFIED, DELETED or None (listed), and the object."""

FIRST_PAUSE, MOST_PAUSE = 1.0, 30.0
STOP_SECONDS = 8.0
IDENTITY: Any = "shield-operator"
"""Among kopf's peers, of which there are none; left to itself, kopf asks for the user's name, which a pod has not."""
log = logging.getLogger(__name__)


class _NoProgress(kopf.ProgressStorage):
    """Remembers nothing: there are no handlers with progress."""

    def fetch(self, **_: Any) -> None:
        """Nothing."""

    def store(self, **_: Any) -> None:
        """Stores nothing."""

    def purge(self, **_: Any) -> None:
        """Purges nothing."""

    def touch(self, **_: Any) -> None:
        """Touches nothing."""

    def clear(self, *, essence: Any) -> Any:
        """The essence as it is."""
        return essence


class _NoDiff(kopf.DiffBaseStorage):
    """Keeps no last-seen state, and spares its computation."""

    def build(self, **_: Any) -> Any:
        """No essence."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Nothing."""

    def store(self, **_: Any) -> None:
        """Stores nothing."""


def watch_settings() -> kopf.OperatorSettings:
    """Settings under which kopf posts nothing, stores nothing, peers with nobody and gives up no stream silently."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = 90
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = (1, 2, 5)
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.diffbase_storage = _NoDiff()
    for kind in WATCHED:
        if kind.child:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = CHILD_SELECTOR
    return settings


def watch_registry(configuration: Configuration, seen: Seen) -> kopf.OperatorRegistry:
    """Handlers of events alone, and the operator's own login."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await kopf_login(configuration)

    def register(kind: Kind) -> None:
        async def event(event: Mapping[str, Any], **_: Any) -> None:
            seen(kind, event["type"], event["object"])

        kopf.on.event(kind.group, kind.version, kind.plural, id=kind.plural, registry=registry)(event)

    for kind in WATCHED:
        register(kind)
    return registry


async def watch(configuration: Configuration, seen: Seen, ready: Callable[[], Any]) -> None:
    """Watches for ever; after an error it awaits `ready` (what to watch is there and allowed) and begins again."""
    pause = FIRST_PAUSE
    loop = asyncio.get_running_loop()
    while True:
        await ready()
        began = loop.time()
        error = await _one_watch(configuration, seen)
        pause = FIRST_PAUSE if loop.time() - began > MOST_PAUSE else min(MOST_PAUSE, 2 * pause)
        log.error("the watches ended and begin again in %.0f s: %s", pause, error)
        await asyncio.sleep(pause)


async def _one_watch(configuration: Configuration, seen: Seen) -> BaseException | None:
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    ended: asyncio.Future[BaseException | None] = loop.create_future()

    def tell(kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        if not stop.is_set():
            loop.call_soon_threadsafe(seen, kind, event, body)

    def tell_end(error: BaseException | None) -> None:
        if not ended.done():
            ended.set_result(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            asyncio.run(
                kopf.operator(
                    registry=watch_registry(configuration, tell),
                    settings=watch_settings(),
                    identity=IDENTITY,
                    clusterwide=True,
                    stop_flag=stop,
                )
            )
        except BaseException as problem:  # noqa: BLE001 - a thread's top: whatever ended it is told to its owner
            error = problem
        loop.call_soon_threadsafe(tell_end, error)

    threading.Thread(target=run, name="watches", daemon=True).start()
    try:
        return await asyncio.shield(ended)
    finally:
        stop.set()
        if not ended.done():
            await asyncio.wait([ended], timeout=STOP_SECONDS)
