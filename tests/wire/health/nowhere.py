"""Networks that lead nowhere. Run in a network namespace of its own, it lays them out, probes into them, and tells the
reasons."""

import asyncio
import json
import shutil
import subprocess
import sys
from functools import lru_cache

import pytest

from shield_proxy.config.checks.check import Check, CheckType, TcpConfig
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.internal import internal_addresses
from shield_proxy.health.probe import Prober

SETTING = (
    "link set lo up",
    "link add near type veth peer name far",
    "address add 203.0.113.1/24 dev near",
    "link set near up",
    "link set far up",
    "route add unreachable 198.51.100.0/24",
    "route add prohibit 198.18.0.0/24",
    "route add 198.19.0.0/24 dev near",
    "neighbour add 198.19.0.1 lladdr 02:00:00:00:00:01 dev near",
)
NO_ROUTE_AT_ALL, ONLY_IPV6 = "192.0.2.1", "2001:db8::1"
UNREACHABLE, NOBODY, PROHIBITED, SWALLOWED = "198.51.100.1", "203.0.113.9", "198.18.0.1", "198.19.0.1"


async def main() -> None:
    prober = Prober(internal_addresses([]))
    checks = [
        Check("0" * 32, "x", address, CheckType.TCP, timeout=5, retries=0, tcp=TcpConfig(80))
        for address in (NO_ROUTE_AT_ALL, ONLY_IPV6, UNREACHABLE, NOBODY, PROHIBITED, SWALLOWED)
    ]
    samples = await asyncio.gather(*map(prober.probe, checks))
    print(json.dumps({check.address: sample.reason for check, sample in zip(checks, samples, strict=True)}))
    await prober.close()


@lru_cache
def reasons_there() -> dict[str, Reason]:
    """By address; the test is skipped where nobody may make a network."""
    argv = ["unshare", "--map-root-user", "--net"]
    if not (shutil.which("unshare") and shutil.which("ip")) or subprocess.run([*argv, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make a network of their own, or has no ip(8)")
    ran = subprocess.run([*argv, sys.executable, __file__], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return {address: Reason(word) for address, word in json.loads(ran.stdout).items()}


if __name__ == "__main__":
    for command in SETTING:
        subprocess.run(["ip", *command.split()], check=True)
    asyncio.run(main())
