"""The examples, applied as people and GitOps tools apply them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bareapi import BareApi
from operatorprocess import ROOT
from person import Person

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
ITEMS = [ROOT / "examples" / name for name in ("healthalert.yaml", "zone-full.yaml")]


@pytest.fixture(scope="module")
def people(api: BareApi, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Somebody, and the namespace that the examples are in."""
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    return Person(api, tmp_path_factory.mktemp("people"))


def kubectl(person: Person, *words: str, given: str = "") -> str:
    """What it says; it succeeds."""
    program = shutil.which("kubectl", path=person.environment["PATH"])
    assert program is not None
    ran = subprocess.run(
        [program, *words],
        env=person.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
    return ran.stdout


def least(value: Any) -> Any:
    """Without what an alert or a zone has by default in the items of its lists."""
    if isinstance(value, dict):
        left_out = ("security", "usernameKey", "passwordKey", "key", "header", "region", "whenUnhealthy")
        left_out += ("maxConnections", "responseTimeoutSeconds", "verify")
        return {name: least(part) for name, part in value.items() if name not in left_out}
    return [least(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_applied_again_changes_nothing(people: Person, path: Path) -> None:
    kubectl(people, "apply", "--validate=strict", "-f", str(path))
    assert kubectl(people, "diff", "-f", str(path)) == ""
    kubectl(people, "apply", "-f", str(path))
    again = kubectl(people, "apply", "-f", str(path)).splitlines()
    assert [line for line in again if not line.endswith(" unchanged")] == []
    kubectl(people, "apply", "--server-side", "--field-manager=gitops", "-f", str(path))
    assert kubectl(people, "diff", "--server-side", "--field-manager=gitops", "-f", str(path)) == ""


@pytest.mark.parametrize("path", ITEMS, ids=lambda path: path.stem)
def test_nothing_appears_in_lists_that_nobody_wrote(people: Person, path: Path) -> None:
    """A tool that compares what it applied with what there is replaces lists as a whole: a default inside of one would
    be a difference for ever."""
    body = least(yaml.safe_load(path.read_text()))
    body["metadata"]["name"] = "least"
    for name in ("checks", "exposure"):
        body["spec"].pop(name, None)
    found = json.loads(kubectl(people, "create", "--validate=strict", "-o", "json", "-f", "-", given=json.dumps(body)))
    for name in ("targets", "origins", "routes"):
        assert found["spec"].get(name) == body["spec"].get(name)
