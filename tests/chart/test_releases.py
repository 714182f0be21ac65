"""Releases beside each other, and the versions that a release names and needs."""

from pathlib import Path
from typing import Any

import yaml

from shield_proxy.config.version import VERSION

Object = dict[str, Any]


def test_two_releases_share_no_name_but_the_definitions(render: Any, defaults: list[Object]) -> None:
    """So that a release of another name can be installed while the first one's objects still go."""

    def names(objects: list[Object]) -> set[tuple[str, str]]:
        return {
            (o["kind"], o["metadata"]["name"])
            for o in objects
            if "helm.sh/hook" not in o["metadata"].get("annotations", {})
        }

    both = names(defaults) & names(render(release="second"))
    assert {kind for kind, _ in both} == {"CustomResourceDefinition"}


def test_a_long_release_name_stays_within_limits(render: Any) -> None:
    """Names of objects are at most 63 characters long, the test's suffix included."""
    objects = render(release="r" * 53)
    assert max(len(o["metadata"]["name"]) for o in objects) <= 63


def test_the_chart_names_the_product_s_version_and_kubernetes(chart: Path) -> None:
    """One version for chart, image and code."""
    text = yaml.safe_load((chart / "Chart.yaml").read_text())
    assert (text["version"], text["appVersion"]) == (VERSION, VERSION)
    assert (text["apiVersion"], text["kubeVersion"]) == ("v2", ">=1.34.0-0")


def test_an_older_kubernetes_is_refused(refused: Any, render: Any) -> None:
    """And the pre-releases of the oldest one allowed are not."""
    assert "1.34" in refused({}, "--kube-version", "1.33.9")
    assert render({}, "--kube-version", "1.34.0-alpha.1")
