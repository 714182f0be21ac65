"""Lists in custom resources, as tools see them that apply what is in a file again and again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CRDS = sorted((Path(__file__).resolve().parents[4] / "crds").glob("*.yaml"))


def defaults(field: dict[str, Any], path: str) -> Iterator[str]:
    """Paths of what has a default, below a field."""
    if "default" in field:
        yield path
    for name, part in field.get("properties", {}).items():
        yield from defaults(part, f"{path}.{name}")
    if "items" in field:
        yield from defaults(field["items"], f"{path}[]")


@pytest.mark.parametrize("path", CRDS, ids=lambda path: path.stem)
def test_no_item_of_a_list_has_a_default(path: Path) -> None:
    """`kubectl apply` and GitOps tools replace lists of custom resources as a whole: what the API server put into
    an item would be a difference for ever. The code has these defaults, descriptions tell them."""
    for version in yaml.safe_load(path.read_text())["spec"]["versions"]:
        found = list(defaults(version["schema"]["openAPIV3Schema"], ""))
        assert [each for each in found if "[]" in each] == []
