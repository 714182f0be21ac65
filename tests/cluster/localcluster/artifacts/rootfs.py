"""Debian file systems for images, by debootstrap: Python under the name of the public base image, and Redis."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..shell import CommandFailed, run

# raised when what this module makes changes: images in the cache are told apart by it
RECIPE = 1
SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DROPPED = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian"),
    *("var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "var/log", "debootstrap"),
)
PYTHON_PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates")
REDIS_PACKAGES = ("redis-server",)

REDIS_ENTRYPOINT = """#!/bin/sh
set -e
# options alone, or a configuration file, are redis-server's
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
    set -- redis-server "$@"
fi
exec "$@"
"""


def mirror() -> str:
    """Where this machine gets its Debian packages from; debootstrap's own default if apt does not say."""
    try:
        lines = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Component: main").splitlines()
    except CommandFailed:
        return ""
    return next((uri for uri in lines if uri.rstrip("/").endswith("/debian")), "")


def debootstrap(root: Path, packages: tuple[str, ...], suite: str = SUITE) -> None:
    """A Debian of the fewest packages and these is under `root`."""
    argv = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        f"--keyring={KEYRING}",
        suite,
        str(root),
    ]
    source = mirror()
    # in namespaces of its own: what it mounts and starts ends with it
    inside = ["unshare", "-mpf", "--kill-child", "--mount-proc", "--propagation", "private"]
    run(*inside, *argv, *([source] if source else []), timeout=1800)


def bootstrap(root: Path, packages: tuple[str, ...]) -> None:
    """The same, without what no container reads."""
    debootstrap(root, packages)
    for path in DROPPED:
        shutil.rmtree(root / path, ignore_errors=True)
    for path in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log"):
        (root / path).mkdir(parents=True)
    for file in ("etc/resolv.conf", "etc/hostname"):
        (root / file).unlink(missing_ok=True)
    # Python's compiled files come back when they are needed; the public image has none either
    for folder in list((root / "usr" / "lib").rglob("__pycache__")):
        shutil.rmtree(folder)


def python(root: Path) -> None:
    """The file system of the Python base image: python, python3, python3.13 and pip in /usr/local/bin, and pip may
    install into it."""
    bootstrap(root, PYTHON_PACKAGES)
    local = root / "usr" / "local" / "bin"
    for name in ("python", "python3", "python3.13"):
        (local / name).symlink_to("/usr/bin/python3.13")
    for name in ("pip", "pip3"):
        (local / name).symlink_to("/usr/bin/pip3")
    for marker in (root / "usr" / "lib" / "python3.13").glob("EXTERNALLY-MANAGED"):
        marker.unlink()


def redis(root: Path) -> None:
    """The Redis image's file system: redis-server and redis-cli, a user redis with uid and gid 999 who owns /data."""
    bootstrap(root, REDIS_PACKAGES)
    run("chroot", root, "groupmod", "-g", "999", "redis")
    run("chroot", root, "usermod", "-u", "999", "-g", "999", "-d", "/data", "redis")
    entry = root / "usr" / "local" / "bin" / "docker-entrypoint.sh"
    entry.write_text(REDIS_ENTRYPOINT)
    entry.chmod(0o755)
    (root / "data").mkdir()
    shutil.chown(root / "data", 999, 999)
    for path in ("etc/redis", "var/lib/redis"):
        shutil.rmtree(root / path, ignore_errors=True)
