"""The chart's copies of the custom resource definitions, and the script that makes them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """helm/generate_crds.py, which is a script and no module of a package."""
    spec = importlib.util.spec_from_file_location("generate_crds", ROOT / "helm" / "generate_crds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def definitions(objects: list[Object]) -> dict[str, Object]:
    """By name."""
    return {o["metadata"]["name"]: o for o in objects if o["kind"] == "CustomResourceDefinition"}


def sources() -> dict[str, Object]:
    """The definitions in crds/, by name."""
    parsed = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    return {item["metadata"]["name"]: item for item in parsed}


def test_copies_are_up_to_date(generator: ModuleType) -> None:
    """Mend: make crds."""
    assert [path.name for path, _ in generator.stale()] == []


def test_rendered_definitions_are_those_of_the_source(defaults: list[Object]) -> None:
    """Word for word; the chart adds labels and an annotation."""
    assert sources()
    assert {n: d["spec"] for n, d in definitions(defaults).items()} == {n: d["spec"] for n, d in sources().items()}


@pytest.mark.parametrize("keep", [True, False])
def test_the_keep_annotation_follows_its_value(render: Any, keep: bool) -> None:
    """With it Helm leaves definitions, and with them zones, when the release goes."""
    found = definitions(render({"crds": {"keep": keep}}))
    assert len(found) == len(sources())
    for item in found.values():
        annotation = item["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
        assert annotation == ("keep" if keep else None)


def test_definitions_are_left_out_where_they_are_not_wanted(render: Any) -> None:
    """crds.enabled=false is for who applies crds/ otherwise."""
    assert definitions(render({"crds": {"enabled": False}})) == {}


def test_braces_of_a_description_are_not_taken_for_a_template(generator: ModuleType) -> None:
    """They come out as they went in."""
    source = "kind: X\nmetadata:\n  name: x\nspec: {d: 'as in {{ .Values }}'}\n"
    assert '{{ "{{" }} .Values }}' in generator.template("x.yaml", source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("kind: X\nmetadata: {name: x}\n", "exactly one line 'metadata:'"),
        ("kind: X\nmetadata:\n  name: x\n  labels: {a: b}\n", "metadata may hold a name only"),
    ],
)
def test_a_definition_that_leaves_no_room_is_refused(generator: ModuleType, source: str, reason: str) -> None:
    """Rather than rendered without labels."""
    with pytest.raises(ValueError, match=reason):
        generator.template("x.yaml", source)


def test_a_stale_copy_and_one_without_source_are_noticed(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check names them and writes nothing; without it both are put right."""
    copies, crds, values = tmp_path / "copies", tmp_path / "crds", tmp_path / "values.schema.json"
    copies.mkdir()
    crds.mkdir()
    values.write_text('{"properties": {}}')
    (crds / "xs.yaml").write_text("kind: X\nmetadata:\n  name: x\nspec: {names: {kind: X}}\n")
    (copies / "gone.yaml").write_text("")
    for name, path in (("ROOT", tmp_path), ("SOURCES", crds), ("COPIES", copies), ("VALUES_SCHEMA", values)):
        monkeypatch.setattr(generator, name, path)
    assert generator.main(["--check"]) == 1
    assert {"copies/xs.yaml", "copies/gone.yaml"} <= set(capsys.readouterr().err.split())
    assert [path.name for path in copies.iterdir()] == ["gone.yaml"]
    assert generator.main([]) == 0
    assert [path.name for path in copies.iterdir()] == ["xs.yaml"]
    assert generator.main(["--check"]) == 0


def test_what_removes_the_definitions_names_all_of_them() -> None:
    """In docs/install.md."""
    (row,) = [line for line in (ROOT / "docs" / "install.md").read_text().splitlines() if "kubectl delete crd " in line]
    assert set(row.partition("kubectl delete crd ")[2].partition("`")[0].split()) == set(sources())
