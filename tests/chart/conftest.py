"""The chart as Helm renders it: `render(values)` gives the objects, `refused(values)` why Helm will not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "smart-shield"
RELEASE, NAMESPACE, KUBERNETES = "edge", "shield-system", "1.35.4"

Object = dict[str, Any]

FLIPPED: dict[str, Any] = {
    "image": {
        "repository": "registry.example.com/shield",
        "tag": "9.9.9",
        "digest": "sha256:" + "ab" * 32,
        "pullPolicy": "Always",
    },
    "imagePullSecrets": [{"name": "pull-one"}, {"name": "pull-two"}],
    "redis": {"image": "registry.example.com/redis:8.2"},
    "crds": {"enabled": False, "keep": False},
    "replicas": 2,
    "topology": {"regionLabel": "example.com/region", "zoneLabel": "example.com/zone"},
    "fleetDefaults": {
        "lower": {"replicas": 3},
        "upper": {"replicas": 1},
        "memory": "1Gi",
        "redis": {"enabled": False, "memory": "2Gi"},
        "accessLog": True,
        "accessLogFormat": "Combined",
        "accessLogSample": 5,
        "clients": {"proxyProtocol": True, "trustedProxies": ["10.0.0.0/8", "2001:db8::/32"]},
    },
    "fleets": {"logLevel": "warning", "priorityClassName": "edge-critical"},
    "healthChecks": {
        "regions": {"WEU": ["eu-west", "eu-north"]},
        "internalNetworks": ["10.96.0.0/12", "2001:db8::1"],
        "runMinutes": 30,
        "samples": {
            "url": "https://analytics.example.com/v1/samples",
            "caBundle": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "caConfigMap": "trust",
        },
    },
    "logLevel": "debug",
    "networkPolicies": {"enabled": False, "apiServerPorts": [16443]},
    "serviceAccount": {"create": False, "name": "made-elsewhere"},
    "resources": {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "edge", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "edge", "operator": "Exists"}]}]
            }
        }
    },
    "priorityClassName": "system-cluster-critical",
    "podAnnotations": {"example.com/note": "yes"},
    "podLabels": {"example.com/team": "edge"},
    "metrics": {
        "serviceMonitor": {"enabled": True, "interval": "5s", "labels": {"release": "prometheus"}},
        "podMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "other"}},
    },
    "userRoles": {"aggregate": False},
    "nameOverride": "shield",
    "fullnameOverride": "the-shield",
}
"""Every value of the chart, other than its default (a test holds it to that)."""


class Render(Protocol):
    """The objects that `helm template` makes of these values."""

    def __call__(self, values: Mapping[str, Any] | None = None, *options: str, release: str = RELEASE) -> list[Object]:
        """Fails the test with Helm's words when it refuses."""


class Refused(Protocol):
    """What Helm says against these values."""

    def __call__(self, values: Mapping[str, Any] | None = None, *options: str) -> str:
        """Fails the test when it says nothing."""


def _bundled() -> str | None:
    """The helm that the local cluster tool has built, if it has."""
    listed = subprocess.run(
        [sys.executable, "-m", "localcluster", "bin"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "cluster")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return shutil.which("helm", path=listed.stdout.strip()) if listed.returncode == 0 else None


@pytest.fixture(scope="session")
def helm() -> str:
    """The path of helm: $HELM, that on PATH, or the one built by `make prepare`."""
    found = os.environ.get("HELM") or shutil.which("helm") or _bundled()
    if not found:
        pytest.fail("helm is missing. Mend: `make prepare` builds it; or set HELM to its path")
    return found


def _template(helm: str, values: Mapping[str, Any], *options: str, release: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            helm,
            "template",
            release,
            str(CHART),
            "--namespace",
            NAMESPACE,
            "--kube-version",
            KUBERNETES,
            "--values",
            "-",
            *options,
        ],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="session")
def render(helm: str) -> Render:
    """See Render."""

    def objects(values: Mapping[str, Any] | None = None, *options: str, release: str = RELEASE) -> list[Object]:
        done = _template(helm, values or {}, *options, release=release)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return objects


@pytest.fixture(scope="session")
def refused(helm: str) -> Refused:
    """See Refused."""

    def reason(values: Mapping[str, Any] | None = None, *options: str) -> str:
        done = _template(helm, values or {}, *options, release=RELEASE)
        assert done.returncode != 0, f"accepted: {values} {options}"
        return done.stderr

    return reason


@pytest.fixture(scope="session")
def defaults(render: Render) -> list[Object]:
    """The objects of the chart with no value set."""
    return render()


@pytest.fixture(scope="session")
def flipped(render: Render) -> list[Object]:
    """The objects of the chart with every value other than its default, where the Prometheus operator is there too."""
    return render(FLIPPED, "--api-versions", "monitoring.coreos.com/v1")


@pytest.fixture(scope="session")
def flipped_values() -> dict[str, Any]:
    """See FLIPPED."""
    return FLIPPED


@pytest.fixture(scope="session")
def chart() -> Path:
    """The chart's folder."""
    return CHART
