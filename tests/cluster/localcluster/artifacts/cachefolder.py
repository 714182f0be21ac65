"""The cache of built things: a folder per thing and version, complete or not there, made by one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path


def cache_root() -> Path:
    """$SMART_SHIELD_CACHE, or smart-shield in the user's cache folder."""
    named = os.environ.get("SMART_SHIELD_CACHE")
    if named:
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smart-shield"


def key(*parts: str | bytes | Path) -> str:
    """Twelve hex digits that change when any part does; of a path, the content of its files counts."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in _content(part) if isinstance(part, Path) else (part,):
            raw = piece.encode() if isinstance(piece, str) else piece
            digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()[:12]


def _content(path: Path) -> Iterable[str | bytes]:
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        yield str(file.relative_to(path))
        yield file.read_bytes()


def made(name: str, make: Callable[[Path], None]) -> Path:
    """The folder called `name`, made by `make` in an empty one if it was not there. A process that is killed meanwhile
    leaves nothing that counts, and two that want the same thing build it once."""
    target = cache_root() / name
    if target.exists():
        return target
    locks = cache_root() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target
        draft = cache_root() / f".{name}.new"
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir()
        try:
            make(draft)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        draft.rename(target)
    return target
