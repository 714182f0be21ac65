"""Building the image and installing the chart, as the README says it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster import Cluster
from localcluster.artifacts import appimage
from localcluster.artifacts.archive import sizes
from localcluster.artifacts.cachefolder import cache_root
from localcluster.artifacts.prepare import binaries_folder
from product.kubectl import Tools

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = "smart-shield"
RELEASE = "smart-shield"
IMAGE = "ghcr.io/smart-shield/smart-shield"
TAG = "local"

SMALL: Mapping[str, Any] = {
    "fleetDefaults": {"lower": {"replicas": 1}, "upper": {"replicas": 1}, "redis": {"memory": "64Mi"}},
}
"""One pod per tier and data centre: all that a machine of two cores should run."""


def build_image(tag: str = TAG, context: Path = ROOT, say: Callable[[str], None] = print) -> Path:
    """The archive of the product's image, built from its Dockerfile unless it is of the same files already."""
    archive = cache_root() / "product" / f"{tag}.tar"
    appimage.build(context, None, f"{IMAGE}:{tag}", archive, say)
    return archive


def image_values(tag: str = TAG) -> dict[str, Any]:
    """The chart's values for an image that was loaded on the nodes."""
    return {"image": {"repository": IMAGE, "tag": tag, "pullPolicy": "Never"}}


def on(cluster: Cluster) -> "Installed":
    """The release as it will be, or is, in a cluster."""
    return Installed(cluster, Tools(binaries_folder(), cluster.kubeconfig))


@dataclass(frozen=True, slots=True)
class Installed:
    """A release in a cluster."""

    cluster: Cluster
    tools: Tools
    release: str = RELEASE
    namespace: str = NAMESPACE

    def upgrade(self, values: Mapping[str, Any], *options: str, chart: Path = ROOT / "helm" / "smart-shield") -> None:
        """`helm upgrade --install` with these values, waiting until the operator is Ready."""
        self.tools.run(
            "helm", "upgrade", "--install", self.release, str(chart), "--namespace", self.namespace,
            "--create-namespace", "--wait", "--timeout", "180s", "--values", "-", *options,
            stdin=json.dumps(values), seconds=240,
        )  # fmt: skip

    def uninstall(self) -> None:
        """`helm uninstall`, waiting until what it owned is gone."""
        self.tools.helm("uninstall", self.release, "--namespace", self.namespace, "--wait", "--timeout", "120s")

    def edge(self, namespace: str, zone: str, scheme: str = "http") -> str | None:
        """address:port of the zone's edge Service, as its status says it; None until it does."""
        found = self.tools.get("ssz", zone, namespace) or {}
        for endpoint in (found.get("status") or {}).get("endpoints", []):
            if endpoint.get("clusterIP") and endpoint.get("scheme") == scheme:
                return f"{endpoint['clusterIP']}:{endpoint['port']}"
        return None

    def wait_ready(self, namespace: str, *zones: str, seconds: int = 120) -> None:
        """Returns when each zone is Ready, as a user would wait for it."""
        for name in zones:
            self.tools.kubectl(
                "wait", "--for=condition=Ready", f"ssz/{name}", "-n", namespace, f"--timeout={seconds}s",
                seconds=seconds + 20,
            )  # fmt: skip


def timed(say: Callable[[str], None], what: str, act: Callable[[], Any]) -> Any:
    """What `act` returns; says how long it took."""
    started = time.monotonic()
    result = act()
    say(f"{what}: {time.monotonic() - started:.1f} s")
    return result


if __name__ == "__main__":
    built = build_image()
    name, size = sizes(built)
    print(f"{name}: {size / 1e6:.1f} MB unpacked, {built.stat().st_size / 1e6:.1f} MB archive: {built}")
