"""Keeps every node's packet filter in step with the cluster's NetworkPolicies, pods and namespaces."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from . import kubeapi, layout, policies
from .shell import CommandFailed, run

SETTLE_SECONDS = 0.2
AGAIN_SECONDS = 1.0
PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}


class Followed:
    """The objects of one API path, kept current by a thread that ends with the process."""

    def __init__(self, api: kubeapi.KubeApi, path: str, changed: Callable[[], None]) -> None:
        self._api, self._path, self._changed = api, path, changed
        self._objects: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._follow, daemon=True, name=path).start()

    def objects(self) -> list[dict[str, Any]]:
        """The objects as last heard of, in a stable order."""
        with self._lock:
            return [self._objects[uid] for uid in sorted(self._objects)]

    def _follow(self) -> None:
        while True:
            try:
                listed = self._api.get(self._path)
                with self._lock:
                    self._objects = {one["metadata"]["uid"]: one for one in listed["items"]}
                self._changed()
                for event in self._api.watch(self._path, listed["metadata"]["resourceVersion"]):
                    if not self._take(event):
                        break
            except kubeapi.ApiError:
                time.sleep(AGAIN_SECONDS)  # the API server is away for a moment; the rules stay as they are

    def _take(self, event: dict[str, Any]) -> bool:
        """Whether the event could be taken; after an error the list is read again."""
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return False
        uid = event["object"]["metadata"]["uid"]
        with self._lock:
            if event["type"] == "DELETED":
                self._objects.pop(uid, None)
            else:
                self._objects[uid] = event["object"]
        self._changed()
        return True


async def run_enforcement(api: kubeapi.KubeApi) -> None:
    """Every node enforces the policies, a moment after they, pods or namespaces change; until cancelled."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        loop.call_soon_threadsafe(changed.set)

    followed = {name: Followed(api, path, tell) for name, path in PATHS.items()}
    while True:
        await changed.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        changed.clear()
        world = policies.World(*(followed[name].objects() for name in ("pods", "namespaces", "policies")))
        try:
            await asyncio.to_thread(apply, world)
        except CommandFailed as error:
            print(f"policies could not be enforced: {error}", flush=True)


def apply(world: policies.World) -> None:
    """Each node's rules are those of `world`."""
    for node in layout.NODES:
        enter = ("nsenter", f"--net=/run/netns/{node.name}")
        run(*enter, "iptables-restore", "--noflush", stdin=policies.rules(world, node.name))
        first = (
            f"iptables -t mangle -C FORWARD -j {policies.MAIN} 2>&- || iptables -t mangle -I FORWARD -j {policies.MAIN}"
        )
        run(*enter, "sh", "-c", first)
