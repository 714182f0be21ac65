"""The product's image from its real Dockerfile, by buildah, on a machine without Docker.

The base image is the one this tool makes under the public one's name. The machine's pip configuration and certificates
are mounted while commands run, so that they are never part of the image.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path

from ..settings import snapshotter_for
from ..shell import CommandFailed, run
from . import baseimages
from .cachefolder import cache_root

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")


def context_files(context: Path) -> Iterator[Path]:
    """The files of a build's context that git knows or would know; all files where there is no git."""
    try:
        listed = run("git", "-C", context, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except CommandFailed:
        yield from sorted(p for p in context.rglob("*") if p.is_file())
        return
    for name in sorted(set(listed.split("\0"))):
        if name and (context / name).is_file():
            yield context / name


def context_key(context: Path, dockerfile: Path, tag: str, arguments: tuple[str, ...] = ()) -> str:
    """Changes when the Dockerfile, the tag, an argument, the base image or a file that the build could copy does."""
    digest = hashlib.sha256(f"{tag} {arguments} {baseimages.RECIPE}".encode())
    copied = _copied(dockerfile)
    for file in [dockerfile, *context_files(context)]:
        name = os.path.relpath(file, context)
        if file != dockerfile and not _is_copied(name, copied):
            continue
        digest.update(f"{name} {file.stat().st_mode & 0o777:o} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _copied(dockerfile: Path) -> list[str]:
    """The sources of the Dockerfile's COPY and ADD lines, those of other stages left out."""
    text = dockerfile.read_text().replace("\\\n", " ")
    sources: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].upper() not in ("COPY", "ADD") or any(w.startswith("--from") for w in words):
            continue
        sources += [w.strip('[",]').removeprefix("./").rstrip("/") for w in words[1:-1] if not w.startswith("--")]
    return sources


def _is_copied(name: str, sources: list[str]) -> bool:
    """Whether a file of the context is under one of these sources; wildcards count as everything in their folder."""
    for source in sources:
        plain = source.split("*")[0]
        if source in (".", "") or name == source or name.startswith(plain if "*" in source else source + "/"):
            return True
    return False


def build(
    context: Path,
    dockerfile: Path | None,
    tag: str,
    out: Path,
    say: Callable[[str], None],
    arguments: tuple[str, ...] = (),
) -> bool:
    """`out` is a docker archive of the image, built with these NAME=VALUE arguments. False if it was that already, of
    the same files."""
    recipe = dockerfile or context / "Dockerfile"
    stamp = out.with_name(out.name + ".key")
    wanted = context_key(context, recipe, tag, arguments)
    if out.exists() and stamp.exists() and stamp.read_text() == wanted:
        return False
    base = baseimages.python()
    began = time.monotonic()
    say(f"building {tag}")
    locks = cache_root() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    with (locks / "buildah").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(context, recipe, tag, out, base, arguments)
    stamp.write_text(wanted)
    say(f"{tag}: built in {time.monotonic() - began:.0f} s")
    return True


def _build(context: Path, recipe: Path, tag: str, out: Path, base: Path, arguments: tuple[str, ...]) -> None:
    storage = cache_root() / "buildah"
    storage.mkdir(exist_ok=True)
    # layers are shared and kept where the kernel stacks file systems; elsewhere whole copies are all there is
    stacked = snapshotter_for(storage) == "overlayfs"
    driver = "overlay" if stacked else "vfs"
    places = ["--root", str(storage / driver), "--runroot", str(storage / f"{driver}-run")]
    store = ["buildah", *places, "--storage-driver", driver]
    with tempfile.TemporaryDirectory(prefix="shield-image-") as scratch:
        policy = Path(scratch) / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        policed = ["--signature-policy", str(policy)]
        _inside([*store, "pull", *policed, f"docker-archive:{base}"])
        bud = [*store, "bud", *policed, "--isolation", "chroot", f"--layers={str(stacked).lower()}", "--pull-never"]
        mounts = _mounts(Path(scratch))
        _inside(
            [
                *bud,
                *_ulimits(),
                *mounts,
                *(f"--build-arg={one}" for one in arguments),
                "-t",
                tag,
                "-f",
                str(recipe),
                str(context),
            ]
        )
        draft = out.with_name(out.name + ".new")
        draft.unlink(missing_ok=True)
        _inside([*store, "push", *policed, tag, f"docker-archive:{draft}:{tag}"])
        _inside([*store, "rmi", "--force", tag])
        draft.replace(out)


def _inside(argv: list[str]) -> None:
    """The command has run in namespaces of its own: what it mounts and starts ends with it."""
    run("unshare", "-mpf", "--kill-child", "--mount-proc", "--propagation", "private", *argv, timeout=1800)


def _ulimits() -> list[str]:
    """buildah's options that keep this machine's limits: by itself it raises them, which not every root may."""
    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    held = {name: resource.getrlimit(kind) for name, kind in kinds.items()}
    return [f"--ulimit={name}={soft}:{hard}" for name, (soft, hard) in held.items()]


def _mounts(scratch: Path) -> list[str]:
    """buildah's options that show the machine's certificates and pip configuration to RUN commands."""
    options: list[str] = []
    if CERTIFICATES.exists():
        options.append(f"--volume={CERTIFICATES}:{CERTIFICATES}:ro")
    file = scratch / "pip.conf"
    parsed = ConfigParser(interpolation=None)
    parsed["global"] = pip_settings()
    with file.open("w") as text:
        parsed.write(text)
    return [*options, f"--volume={file}:/etc/pip.conf:ro"]


def pip_settings() -> dict[str, str]:
    """Where this machine's pip gets packages from, and the certificates it trusts."""
    found: dict[str, str] = {"disable-pip-version-check": "1"}
    if CERTIFICATES.exists():
        found["cert"] = str(CERTIFICATES)
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    for line in said.stdout.splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in PIP_OPTIONS:
            found[option] = value.strip("'\"")
    return found
