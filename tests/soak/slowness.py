"""Ordinary clients beside a thousand slow ones of slowhttptest, and ten thousand idle connections."""

import asyncio
import resource
import shutil
from pathlib import Path

from world.processes import Tiers
from world.site import Site
from world.slow import Times, ordinary, slow_clients

MODES = {
    "header": ["-H", "-i", "5", "-x", "24"],
    "body": ["-B", "-i", "5", "-s", "8192", "-x", "10", "-t", "POST"],
    "read": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
}
COUNT = 1000
SETTLING = 12
"""Seconds until slowhttptest has opened its connections, 150 a second, and the tiers theirs."""


async def measure(directory: Path, idle: int) -> list[str]:
    """Faults found; prints figures."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    site = Site()
    await site.start()
    tiers = Tiers(directory, site.port)
    await asyncio.to_thread(tiers.start)
    try:
        alone = await ordinary(tiers.port, 8)
        _say("nobody", alone)
        await _idle(tiers, idle)  # first: memory that others have left would be taken anew
        faults = []
        for mode in MODES:
            times = await _beside(tiers, mode)
            _say(f"{COUNT} slow ({mode})", times)
            if times.failed:
                faults.append(f"{times.failed} of {times.count} requests failed beside slow clients ({mode})")
        return faults
    finally:
        await asyncio.to_thread(tiers.stop)
        await site.stop()


async def _beside(tiers: Tiers, mode: str) -> Times:
    program = shutil.which("slowhttptest")
    if program is None:
        raise SystemExit("slowhttptest is not installed (Debian: apt-get install slowhttptest)")
    path = "/stream" if mode == "read" else "/echo"
    options = [*MODES[mode], "-c", str(COUNT), "-r", "150", "-l", "40", "-p", "5"]
    options += ["-u", f"http://127.0.0.1:{tiers.port}{path}"]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(program, *options, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        await asyncio.sleep(SETTLING)
        open_now = (await asyncio.to_thread(tiers.connections))[0]
        times = await ordinary(tiers.port, 8)
        print(f"  {open_now} connections of clients were open")
        return times
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _say(beside: str, times: Times) -> None:
    print(
        f"  beside {beside}: {times.count} requests, {times.failed} failed, median {times.median * 1000:.1f} ms,"
        f" p99 {times.p99 * 1000:.1f} ms, longest {times.longest * 1000:.0f} ms",
        flush=True,
    )


async def _idle(tiers: Tiers, count: int) -> None:
    before = tiers.lower.rss()
    async with slow_clients(tiers, "idle", count):
        grown = tiers.lower.rss() - before
        _say(f"{count} idle", await ordinary(tiers.port, 4))
    print(f"  {count} idle connections: {grown / count / 1024:.2f} KiB of resident memory each")
