"""Images as docker archives, written without any container tool: a layer, a configuration, a manifest."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..shell import run

EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Image:
    """What an image is besides its files."""

    tag: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    user: str = ""
    folder: str = "/"

    def configuration(self, layer: str) -> dict[str, Any]:
        """The OCI image configuration; `layer` is the hex SHA-256 of the one layer's tar."""
        optional = {"Entrypoint": list(self.entrypoint), "Cmd": list(self.command), "User": self.user}
        config: dict[str, Any] = {"Env": list(self.environment), "WorkingDir": self.folder}
        config |= {name: value for name, value in optional.items() if value}
        return {
            "created": EPOCH,
            "architecture": _architecture(),
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
            "history": [{"created": EPOCH, "created_by": "local cluster tool"}],
        }


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(_machine(), _machine())


def _machine() -> str:
    return run("uname", "-m").strip()


def pack(root: Path, image: Image, archive: Path) -> None:
    """`archive` is a docker archive of one layer with everything under `root`, owners and modes as they are there."""
    layer = archive.with_name(archive.name + ".layer")
    run("tar", "--sort=name", "--numeric-owner", "--xattrs", "-C", root, "-cf", layer, ".")
    digest = hashlib.sha256()
    with layer.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    configuration = json.dumps(image.configuration(digest.hexdigest())).encode()
    name = hashlib.sha256(configuration).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [image.tag], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        _add(tar, "manifest.json", json.dumps(manifest).encode())
        _add(tar, name, configuration)
        tar.add(layer, "layer.tar")
    layer.unlink()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def pack_program(program: Path, image: Image, archive: Path) -> None:
    """`archive` holds an image of one static program, in its root."""
    root = archive.with_name(archive.name + ".root")
    root.mkdir()
    shutil.copy2(program, root / program.name)
    pack(root, image, archive)
    shutil.rmtree(root)


def sizes(archive: Path) -> tuple[str, int]:
    """An archive's tag and the bytes of its layers unpacked (what `docker images` calls its size)."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest.json")
        if member is None:
            raise ValueError(f"{archive} is no docker archive")
        manifest = json.load(member)[0]
        layers = [tar.getmember(name) for name in manifest["Layers"]]
        # buildah names layers by symbolic link where two images share one
        sized = [tar.getmember(one.linkname.removeprefix("../")) if one.issym() else one for one in layers]
    return manifest["RepoTags"][0], sum(one.size for one in sized)
