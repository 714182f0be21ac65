"""The chart's values: documented, described, and nonsense refused with its name."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FREE = {
    "affinity",
    "healthChecks.regions",
    "metrics.podMonitor.labels",
    "metrics.serviceMonitor.labels",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "resources",
}
"""Values whose content is Kubernetes' own, or the user's."""


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted path."""
    for name, value in values.items():
        where = f"{path}{name}"
        if isinstance(value, dict) and where not in FREE and value:
            yield from leaves(value, f"{where}.")
        else:
            yield where, value


@pytest.fixture(scope="module")
def values(chart: Path) -> dict[str, Any]:
    """values.yaml."""
    found: dict[str, Any] = yaml.safe_load((chart / "values.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def schema(chart: Path) -> dict[str, Any]:
    """values.schema.json."""
    found: dict[str, Any] = json.loads((chart / "values.schema.json").read_text())
    return found


def test_the_flipped_values_flip_every_value(values: dict[str, Any], flipped_values: dict[str, Any]) -> None:
    """So that no value goes untested."""
    defaults, flipped = dict(leaves(values)), dict(leaves(flipped_values))
    assert flipped.keys() >= defaults.keys()
    assert [path for path, value in defaults.items() if flipped[path] == value] == []


def test_every_value_is_documented_with_its_default(values: dict[str, Any]) -> None:
    """docs/install.md has a row for each, and none for any other."""
    rows: dict[str, str] = {}
    for line in (ROOT / "docs" / "install.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) >= 5 and cells[1].startswith("`"):
            rows[cells[1].strip("`")] = cells[2].strip("`")
    wanted = {path: value if isinstance(value, str) else json.dumps(value) for path, value in leaves(values)}
    wanted["resources"] = "requests 50m, 128Mi; limit 512Mi"
    assert rows == wanted


def test_every_part_of_the_schema_is_described_and_closed(schema: dict[str, Any]) -> None:
    """An object that names its properties takes no other."""

    def visit(node: dict[str, Any], path: str) -> None:
        assert node.get("description"), path
        if "properties" in node:
            assert node["additionalProperties"] is False, path
            for name, child in node["properties"].items():
                visit(child, f"{path}.{name}")

    visit(schema, "")


def test_schema_and_values_name_the_same(values: dict[str, Any], schema: dict[str, Any]) -> None:
    """`global` is Helm's own."""
    assert set(values) == set(schema["properties"]) - {"global"}


@pytest.mark.parametrize(
    ("nonsense", "named"),
    [
        ({"replicaCount": 2}, "replicaCount"),
        ({"replicas": 3}, "replicas"),
        ({"replicas": "one"}, "replicas"),
        ({"image": {"name": "x"}}, "name"),
        ({"image": {"digest": "abc"}}, "digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"imagePullSecrets": ["pull"]}, "imagePullSecrets"),
        ({"crds": {"keep": "yes"}}, "keep"),
        ({"topology": {"zoneLabel": "not a label"}}, "zoneLabel"),
        ({"logLevel": "loud"}, "logLevel"),
        ({"networkPolicies": {"apiServerPorts": [70000]}}, "apiServerPorts"),
        ({"podAnnotations": {"a": 1}}, "podAnnotations"),
        ({"fullnameOverride": "Not_A_Name"}, "fullnameOverride"),
        ({"fleetDefaults": {"middle": {}}}, "middle"),
        ({"fleetDefaults": {"lower": {"replicas": 0}}}, "replicas"),
        ({"fleetDefaults": {"redis": {"memory": "much"}}}, "memory"),
        ({"fleetDefaults": {"accessLog": "yes"}}, "accessLog"),
        ({"fleetDefaults": {"accessLogFormat": "json"}}, "accessLogFormat"),
        ({"fleetDefaults": {"accessLogSample": 101}}, "accessLogSample"),
        ({"fleetDefaults": {"clients": {"proxyProtocol": "on"}}}, "proxyProtocol"),
        ({"fleetDefaults": {"clients": {"trustedProxies": "10.0.0.0/8"}}}, "trustedProxies"),
        ({"healthChecks": {"regions": {"EUROPE": ["eu"]}}}, "EUROPE"),
        ({"healthChecks": {"regions": {"WEU": "eu"}}}, "WEU"),
        ({"healthChecks": {"internalNetworks": ["cluster.local"]}}, "internalNetworks"),
        ({"healthChecks": {"runMinutes": 7}}, "runMinutes"),
        ({"healthChecks": {"samples": {"url": "http://analytics.example.com/"}}}, "url"),
        ({"healthChecks": {"samples": {"caConfigMap": "Trust"}}}, "caConfigMap"),
        ({"metrics": {"podMonitor": {"interval": "often"}}}, "interval"),
        ({"userRoles": {"aggregate": "yes"}}, "aggregate"),
    ],
    ids=lambda case: json.dumps(case) if isinstance(case, dict) else None,
)
def test_nonsense_is_refused_by_name(refused: Any, nonsense: dict[str, Any], named: str) -> None:
    """Before anything is installed."""
    assert named in refused(nonsense)


@pytest.mark.parametrize("value", [{"global": {"a": 1}}, {"fleetDefaults": {"memory": 268435456}}, {"replicas": 0}])
def test_sense_is_accepted(render: Any, value: dict[str, Any]) -> None:
    """Values of a parent chart, bytes as numbers, an operator at rest."""
    assert render(value)


def test_helms_own_linter_finds_nothing(helm: str, chart: Path) -> None:
    command = [helm, "lint", "--strict", "--quiet", "--kube-version", "1.35.4", str(chart)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
