"""Following mounted files: the kubelet swaps a whole mount at once, and nothing tells the process."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from shield_proxy.process.state import StateHolder, read_mounted
from shield_proxy.wire.tls.hops import HopTls

log = logging.getLogger("shield.watch")


Signature = tuple[tuple[int, int, int] | None, ...]


def signature(paths: Iterable[Path]) -> Signature:
    """Changes whenever one of the files does, or the version of the mount that they are links into."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


async def watch(paths: list[Path], changed: Callable[[], bool], every: float, seen: Signature | None = None) -> None:
    """Calls `changed` within `every` seconds of a change, and again until it returns that it is content. `seen` is the
    signature from before the files were last read; without it they count as changed."""
    while True:
        await asyncio.sleep(every)
        now = signature(paths)
        if now != seen and changed():
            seen = now


def take_mounted(holder: StateHolder, directory: Path) -> bool:
    """Offers what is mounted to the holder; True: there is nothing to try again before the files change."""
    if (record := read_mounted(directory)) is not None:
        holder.offer(record, str(directory), confirms=False)
    return True


class Renewal:
    """Reloads certificates; what can't be used is logged once, and the former ones stay in use."""

    def __init__(self, tls: HopTls) -> None:
        self._tls = tls
        self._complaint: str | None = None

    def renew(self) -> bool:
        """New connections use the files of now; False when they can't be used."""
        try:
            self._tls.reload()
        except ValueError as error:
            if str(error) != self._complaint:
                log.error("certificates not renewed, the former ones stay in use: %s", error)
            self._complaint = str(error)
            return False
        self._complaint = None
        log.info("certificates renewed")
        return True
