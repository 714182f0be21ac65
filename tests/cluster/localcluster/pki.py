"""The cluster's certificates: one authority, and a key and certificate of its own for every component (by openssl)."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import layout
from .shell import run

DAYS = "3650"
API_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{layout.CLUSTER_DOMAIN}",
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate to issue: who it is for (Kubernetes reads user and groups from it) and the names it serves."""

    file: str
    user: str
    group: str = ""
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return (f"/O={self.group}" if self.group else "") + f"/CN={self.user}"


def leaves() -> tuple[Leaf, ...]:
    """Every certificate of the cluster."""
    components = (
        Leaf(
            "apiserver",
            "kube-apiserver",
            dns=API_NAMES,
            ip=("127.0.0.1", layout.CONTROL_ADDRESS, layout.API_SERVICE_ADDRESS),
        ),
        Leaf("apiserver-kubelet", "kube-apiserver-kubelet-client"),
        Leaf("admin", "cluster-admin", "system:masters"),
        Leaf("supervisor", "cluster-supervisor", "system:masters"),
        Leaf("controller-manager", "system:kube-controller-manager"),
        Leaf("scheduler", "system:kube-scheduler"),
    )
    kubelets = (
        Leaf(f"kubelet-{n.name}", f"system:node:{n.name}", "system:nodes", dns=(n.name,), ip=(n.address,))
        for n in layout.NODES
    )
    proxies = (Leaf(f"proxy-{n.name}", "system:kube-proxy", "system:node-proxier") for n in layout.NODES)
    origins = (Leaf(o.name, o.host, dns=(o.host,), ip=(o.address,)) for o in layout.ORIGINS)
    return (*components, *kubelets, *proxies, *origins)


def make(folder: Path) -> None:
    """The authority, every leaf and the service accounts' key are in `folder` (NAME.crt, NAME.key; origins also
    NAME.pem with both)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _key(folder / "ca.key")
    run("openssl", "req", "-x509", "-new", "-key", folder / "ca.key", "-days", DAYS, "-subj", "/CN=local-cluster",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", folder / "ca.crt")  # fmt: skip
    _key(folder / "service-account.key")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda leaf: _issue(folder, leaf), leaves()))
    for origin in layout.ORIGINS:
        both = (folder / f"{origin.name}.crt").read_text() + (folder / f"{origin.name}.key").read_text()
        (folder / f"{origin.name}.pem").write_text(both)


def _key(path: Path) -> None:
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _issue(folder: Path, leaf: Leaf) -> None:
    base = folder / leaf.file
    _key(base.with_suffix(".key"))
    names = [f"DNS:{name}" for name in leaf.dns] + [f"IP:{address}" for address in leaf.ip]
    # Complete by RFC 5280: verifiers that are strict refuse a leaf without key identifiers.
    extensions = "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    extensions += f"subjectAltName={','.join(names)}\n" if names else ""
    base.with_suffix(".ext").write_text(extensions)
    key, request, extra = (base.with_suffix(suffix) for suffix in (".key", ".csr", ".ext"))
    run("openssl", "req", "-new", "-key", key, "-subj", leaf.subject, "-out", request)
    authority = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-set_serial", _serial(leaf), "-days", DAYS)
    run("openssl", "x509", "-req", "-in", request, *authority, "-extfile", extra, "-out", base.with_suffix(".crt"))


def _serial(leaf: Leaf) -> str:
    return str(2 + [one.file for one in leaves()].index(leaf.file))


def kubeconfig(folder: Path, leaf: str, server: str) -> dict[str, Any]:
    """A kubeconfig that needs no other file: `leaf`'s certificate and key, and the authority, are inside."""

    def embedded(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "local",
        "clusters": [
            {"name": "local", "cluster": {"server": server, "certificate-authority-data": embedded("ca.crt")}}
        ],
        "users": [
            {
                "name": leaf,
                "user": {
                    "client-certificate-data": embedded(f"{leaf}.crt"),
                    "client-key-data": embedded(f"{leaf}.key"),
                },
            }
        ],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": leaf}}],
    }


def write_kubeconfig(path: Path, folder: Path, leaf: str, server: str) -> None:
    """`path` holds that kubeconfig, whole or not at all, for its owner alone."""
    draft = path.with_name(path.name + ".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(kubeconfig(folder, leaf, server), indent=1))
    draft.replace(path)
