"""Memory, descriptors and tasks of processes over time, and whether they grow."""

import asyncio
import time

from world.processes import Tier, Tiers

EVERY = 5.0
WARM = 0.3
"""Part of the time that caches and allocators take to fill."""
SLOPE = 150.0
"""KiB a minute that the lower's memory may grow by, once warm; over 30 minutes that is less than 4 MiB."""
LEFT = 10
"""Descriptors and tasks that may be there after the load which were not before it."""


class Samples:
    """Of the lower, which is never restarted; of the others the most memory."""

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers
        self._began = time.monotonic()
        self._memory: list[tuple[float, float]] = []
        self._most: dict[str, int] = {}
        self._first = _figures(tiers.lower)
        self._seen = self._first

    async def watch(self, until: float) -> None:
        """Takes samples until then."""
        while time.monotonic() < until:
            await asyncio.sleep(EVERY)
            self._seen = await asyncio.to_thread(_figures, self._tiers.lower)
            self._memory.append(((time.monotonic() - self._began) / 60, self._seen["memory"] / 1024))
            for tier in self._tiers.all:
                if tier.process is not None and tier.process.poll() is None:
                    self._most[tier.name] = max(self._most.get(tier.name, 0), tier.rss("VmHWM"))

    async def verdict(self) -> list[str]:
        """Faults found; prints figures."""
        warm = self._memory[int(len(self._memory) * WARM) :]
        slope = _slope(warm) if len(warm) > 2 else 0.0
        print(f"  at most {', '.join(f'{name} {size >> 20} MiB' for name, size in self._most.items())}")
        grew = f"{warm[0][1] / 1024:.1f} MiB once warm, {warm[-1][1] / 1024:.1f} at the end"
        print(f"  lower: {grew}, {slope:+.0f} KiB a minute")
        faults = []
        if slope > SLOPE and warm[-1][0] >= 10:
            faults.append(f"the lower grows by {slope:.0f} KiB a minute")
        await asyncio.sleep(3)
        last = await asyncio.to_thread(_figures, self._tiers.lower)
        for name in ("descriptors", "tasks"):
            print(f"  lower: {name} {self._first[name]} before, {self._seen[name]} at last, {last[name]} after")
            if last[name] - last["idle"] - self._first[name] > LEFT:
                faults.append(f"{last[name] - self._first[name]} {name} are left")
        if last["running"]:
            faults.append(f"{last['running']} requests run although nobody asks")
        return faults


def _figures(tier: Tier) -> dict[str, int]:
    metrics = tier.metrics()
    return {
        "memory": tier.rss(),
        "descriptors": tier.descriptors(),
        "tasks": int(metrics["shield_process_tasks"]),
        "running": int(metrics["shield_requests_running"]),
        "idle": int(metrics["shield_upstream_connections_idle"]),
    }


def _slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line nearest to the points (least squares)."""
    count = len(points)
    middle_x, middle_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0
