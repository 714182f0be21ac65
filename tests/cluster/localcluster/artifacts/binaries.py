"""The cluster's programs, built from Go modules: kc (Kubernetes, etcd and kubectl in one), CoreDNS, pause, helm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .. import layout
from ..shell import CommandFailed
from . import gotool
from .cachefolder import key, made

SOURCES = Path(__file__).resolve().parent / "go"
HELM = "v4.3.1"
KC_NAMES = (
    "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
)  # fmt: skip

_MAJOR, _MINOR = layout.KUBERNETES.split(".")[:2]
KC_STAMP = " ".join(
    f"-X {package}.{name}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for name, value in (("gitVersion", f"v{layout.KUBERNETES}"), ("gitMajor", _MAJOR), ("gitMinor", _MINOR))
)
HELM_STAMP = f"-X helm.sh/helm/v4/internal/version.version={HELM}"


def kc_folder() -> str:
    """The name in the cache of kc as its sources are now."""
    return f"kc-{layout.KUBERNETES}-{key(SOURCES / 'kc', KC_STAMP)}"


def kc() -> Path:
    """The folder with kc under all its names."""

    def make(folder: Path) -> None:
        _build("kc", folder / "kc", KC_STAMP)
        for name in KC_NAMES:
            os.link(folder / "kc", folder / name)

    return made(kc_folder(), make)


def coredns() -> Path:
    """The folder with coredns."""
    return made(f"coredns-{key(SOURCES / 'coredns')}", lambda folder: _build("coredns", folder / "coredns", ""))


def pause() -> Path:
    """The folder with pause."""
    return made(f"pause-{key(SOURCES / 'pause')}", lambda folder: _build("pause", folder / "pause", ""))


def helm() -> Path:
    """The folder with helm."""
    package = f"helm.sh/helm/v4/cmd/helm@{HELM}"

    def make(folder: Path) -> None:
        _go(["install", "-trimpath", f"-ldflags=-s -w {HELM_STAMP}", package], SOURCES, {"GOBIN": str(folder)})

    return made(f"helm-{HELM}", make)


def together() -> Path:
    """One folder with every program that nodes and people call, for PATH. All are in the cache already or built now."""
    parts = (kc(), helm())

    def make(folder: Path) -> None:
        for part in parts:
            for program in part.iterdir():
                try:
                    os.link(program, folder / program.name)
                except OSError:  # a file system without hard links
                    shutil.copy2(program, folder / program.name)

    return made(together_folder(), make)


def together_folder() -> str:
    """The name in the cache of that folder."""
    return f"bin-{key(kc_folder(), HELM)}"


def _build(name: str, out: Path, stamp: str) -> None:
    _go(["build", "-trimpath", f"-ldflags=-s -w {stamp}", "-o", str(out), "."], SOURCES / name, {})


def _go(argv: list[str], folder: Path, more: dict[str, str]) -> None:
    go = gotool.find()
    environment = {**gotool.environment(), **more}
    ended = subprocess.run([go, *argv], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise CommandFailed(f"go {' '.join(argv)} in {folder}: exit code {ended.returncode}\n{ended.stderr[-3000:]}")
