"""The images the tool makes itself, as archives in the cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from .. import manifests, node
from . import archive, binaries, rootfs
from .archive import Image
from .cachefolder import key, made

PYTHON = Image(
    "docker.io/library/python:3.13-slim-trixie",
    command=("python3",),
    environment=(*Image("").environment, "LANG=C.UTF-8"),
)
REDIS = Image(
    "docker.io/library/redis:8.0",
    entrypoint=("docker-entrypoint.sh",),
    command=("redis-server",),
    user="999:999",
    folder="/data",
)
PAUSE = Image(node.PAUSE_IMAGE, entrypoint=("/pause",), user="65535:65535")
COREDNS = Image(manifests.COREDNS_IMAGE, entrypoint=("/coredns",))

RECIPE = key(
    str(rootfs.RECIPE), repr((PYTHON, REDIS, PAUSE, COREDNS)), repr((rootfs.PYTHON_PACKAGES, rootfs.REDIS_PACKAGES))
)


def pause() -> Path:
    """The archive of the pause image."""
    return _program("pause", binaries.pause, PAUSE)


def coredns() -> Path:
    """The archive of the CoreDNS image."""
    return _program("coredns", binaries.coredns, COREDNS)


def _program(name: str, built: Callable[[], Path], image: Image) -> Path:
    program = built() / name
    folder = made(
        f"image-{program.parent.name}-{RECIPE}",
        lambda draft: archive.pack_program(program, image, draft / "image.tar"),
    )
    return folder / "image.tar"


def python() -> Path:
    """The archive of the Python base image, under the public one's name."""
    return _debian("python", rootfs.python, PYTHON)


def redis() -> Path:
    """The archive of the Redis image, under the public one's name."""
    return _debian("redis", rootfs.redis, REDIS)


def _debian(name: str, fill: Callable[[Path], None], image: Image) -> Path:
    def make(draft: Path) -> None:
        root = draft / "root"
        fill(root)
        archive.pack(root, image, draft / "image.tar")
        shutil.rmtree(root)

    return made(f"image-{name}-{RECIPE}", make) / "image.tar"
