"""Everything the built-in cluster needs, built side by side into the cache, with a line of progress each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import baseimages, binaries, packages
from .cachefolder import cache_root

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where the built things are: the folder of programs, and image archives."""

    binaries: Path
    pause: Path
    coredns: Path
    redis: Path
    python: Path


def everything(say: Say) -> Prepared:
    """All of it is in the cache. packages.Missing, gotool.NoGo or CommandFailed says what is missing and the mend."""
    packages.install(say)
    cache_root().mkdir(parents=True, exist_ok=True)
    steps: dict[str, Callable[[], Path]] = {
        "kc (Kubernetes, etcd, kubectl)": binaries.kc,
        "Python base image": baseimages.python,
        "Redis image": baseimages.redis,
        "helm": binaries.helm,
        "CoreDNS image": baseimages.coredns,
        "pause image": baseimages.pause,
    }
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        made = dict(zip(steps, pool.map(lambda item: _timed(item[0], item[1], say), steps.items()), strict=True))
    return Prepared(
        binaries.together(), made["pause image"], made["CoreDNS image"], made["Redis image"], made["Python base image"]
    )


def _timed(name: str, step: Callable[[], Path], say: Say) -> Path:
    began = time.monotonic()
    before = {path.name for path in cache_root().iterdir()}
    done = step()
    entry = done.name if done.parent == cache_root() else done.parent.name
    if entry not in before:
        say(f"{name}: built in {time.monotonic() - began:.0f} s")
    return done


def binaries_folder() -> Path:
    """The folder of programs for PATH; FileNotFoundError with the mend if it has not been prepared."""
    folder = cache_root() / binaries.together_folder()
    if not folder.exists():
        raise FileNotFoundError(f"{folder} is not there: python -m localcluster prepare")
    return folder
