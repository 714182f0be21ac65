"""The Debian packages the built-in cluster runs on: found by the commands they bring, installed if missing."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable

from ..shell import CommandFailed, run

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# command -> the package it comes from
NEEDED = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "ss": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "hostname": "hostname",
    "openssl": "openssl",
    "buildah": "buildah",
    "/usr/lib/podman/netavark": "netavark",  # buildah looks for it whatever network it is told to use
    "debootstrap": "debootstrap",
    "git": "git",
    "curl": "curl",
    "redis-server": "redis-server",
    "ps": "procps",
    # what the compiled part of the proxy is built with
    "gcc": "gcc",
    "/usr/include/stdlib.h": "libc6-dev",
    f"{sysconfig.get_path('include')}/Python.h": "python3-dev",
    # what the benchmarks compare with and load by
    "nginx": "nginx-light",
    "wrk": "wrk",
    # clients that people use, in tests
    "h2load": "nghttp2-client",
    "ab": "apache2-utils",
    "chromium": "chromium",
}


class Missing(Exception):
    """Packages are missing and could not be installed; the text says which, why, and what mends it."""


def missing() -> list[str]:
    """The packages this machine lacks."""
    lacking = {package for command, package in NEEDED.items() if not _there(command)}
    return sorted(lacking)


def _there(command: str) -> bool:
    return os.path.exists(command) if command.startswith("/") else shutil.which(command, path=PATH) is not None


def install(say: Callable[[str], None]) -> None:
    """No needed package is missing; Missing if that can't be done."""
    lacking = missing()
    if not lacking:
        return
    mend = f"as root: apt-get update && apt-get install {' '.join(lacking)}"
    if os.geteuid() != 0:
        raise Missing(f"these packages are missing and only root can install them: {' '.join(lacking)}\n{mend}")
    if not shutil.which("apt-get"):
        raise Missing(f"these Debian packages are missing and there is no apt-get here: {' '.join(lacking)}")
    say(f"installing Debian packages: {' '.join(lacking)}")
    try:
        _apt(lacking)
    except CommandFailed as error:
        raise Missing(f"apt-get could not install {' '.join(lacking)}:\n{error}\nmend it, then: {mend}") from None


def _apt(packages: list[str]) -> None:
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=600")
    run(*quiet, "update", timeout=600)
    # a server that starts by itself would take ports nobody asked it to take
    policy = "/usr/sbin/policy-rc.d"
    ours = not os.path.exists(policy)
    if ours:
        with open(policy, "w") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
    try:
        run(*quiet, "install", "-y", "--no-install-recommends", *packages, timeout=1800)
    finally:
        if ours:
            os.unlink(policy)
