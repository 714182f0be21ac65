"""The cold path, run by hand: this checkout's commit in a fresh Debian, with an empty cache and nothing installed.

The Debian gets what a user would have typed (make, git, python3, python3-venv, ca-certificates) and the ways to package
registries that this machine has: its certificates, its pip configuration, its proxies. It runs in namespaces of its
own, with its root as the real root (pivot_root, as containers inside need it), and the network of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

from . import cgroups
from .artifacts import appimage, packages, rootfs
from .instance import CHECKOUT
from .shell import run

USER_PACKAGES = ("make", "git", "python3", "python3-venv", "ca-certificates")
HOME = "/root"
INSIDE = f"{HOME}/checkout"
KEPT = ("GOPROXY", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TERM", "CI")
SCRIPT = """set -e
root=$1; shift
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
rmdir /.old
cd %s
exec "$@"
"""


def check(suite: str, command: str, say: Callable[[str], None]) -> int:
    """The exit code of `command` in the fresh Debian; its seconds have been said, and everything is gone again."""
    packages.install(say)
    scratch = Path(tempfile.mkdtemp(prefix="shield-bare-", dir="/var/tmp"))
    root = scratch / "root"
    try:
        began = time.monotonic()
        say(f"making a fresh Debian {suite} in {root}")
        rootfs.debootstrap(root, USER_PACKAGES, suite)
        _furnish(root)
        say(f"made in {time.monotonic() - began:.0f} s; running: {command}")
        began = time.monotonic()
        code = _run(root, command)
        say(f"{command}: exit code {code} after {time.monotonic() - began:.0f} s")
        return code
    finally:
        # the clusters in there had this path for their state; their processes have ended with the namespaces
        for group in cgroups.found_under(Path(INSIDE) / ".cluster"):
            cgroups.end(group)
        shutil.rmtree(scratch)


def _furnish(root: Path) -> None:
    """The checkout's commit is in there, and the machine's ways to package registries are."""
    run("git", "clone", "--quiet", "--no-hardlinks", CHECKOUT, str(root) + INSIDE)
    shutil.copyfile("/etc/resolv.conf", root / "etc" / "resolv.conf")
    if appimage.CERTIFICATES.exists():
        shutil.copyfile(appimage.CERTIFICATES, root / appimage.CERTIFICATES.relative_to("/"))
    for file in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy2(file, root / "usr" / "local" / "share" / "ca-certificates")
    for file in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
        shutil.copy2(file, root / "etc" / "apt" / "apt.conf.d")
    parsed = ConfigParser(interpolation=None)
    parsed["global"] = appimage.pip_settings()
    with (root / "etc" / "pip.conf").open("w") as text:
        parsed.write(text)


def _run(root: Path, command: str) -> int:
    """The exit code; when this returns no process of the fresh Debian lives."""
    kept = {name: value for name, value in os.environ.items() if name.upper() in KEPT}
    environment = {**kept, "HOME": HOME, "PATH": packages.PATH, "LANG": "C.UTF-8"}
    unshare = ["unshare", "-mpif", "--kill-child", "--mount-proc", "--propagation", "private"]
    words = [*unshare, "sh", "-c", SCRIPT % INSIDE, "sh", str(root), "sh", "-c", command]
    return subprocess.run(words, env=environment, check=False).returncode
