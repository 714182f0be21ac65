"""Writes the chart's copies of the custom resource definitions from crds/, which alone is edited by hand.

Each definition becomes a template behind `crds.enabled` that carries the chart's labels and, with `crds.keep`, the
annotation that lets it survive `helm uninstall`. The schema of a ShieldFleet's spec becomes the schema of the chart's
value `fleetDefaults`, so that what the chart accepts is what the API accepts.

    python helm/generate_crds.py            writes
    python helm/generate_crds.py --check    writes nothing; exit status 1 and the names of stale files if any differ
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "crds"
CHART = ROOT / "helm" / "smart-shield"
COPIES = CHART / "templates" / "crds"
VALUES_SCHEMA = CHART / "values.schema.json"

HEAD = """\
{{- /* Generated from crds/SOURCE by helm/generate_crds.py; edit that file, not this one. */}}
{{- if .Values.crds.enabled }}
"""
TAIL = "{{- end }}\n"
METADATA = """\
metadata:
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include "smart-shield.labels" (list . "crds") | nindent 4 }}
"""

KEPT_KEYWORDS = (
    "type", "description", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems",
    "minProperties", "maxProperties", "required",
)  # fmt: skip
"""What OpenAPI of a structural schema and JSON Schema write alike; defaults and CEL stay with the API server."""


def template(name: str, source: str) -> str:
    """The definition `source`, read from crds/`name`, as a template; ValueError when its shape has no room for it."""
    lines = source.removeprefix("---\n").splitlines(keepends=True)
    if lines.count("metadata:\n") != 1:
        raise ValueError(f"{name}: expected exactly one line 'metadata:' at the left margin")
    metadata = yaml.safe_load(source)["metadata"]
    if set(metadata) != {"name"}:
        raise ValueError(f"{name}: metadata may hold a name only, the chart adds the rest; found {sorted(metadata)}")
    escaped = "".join(lines).replace("{{", '{{ "{{" }}')
    body = escaped.replace("metadata:\n", METADATA, 1)
    return HEAD.replace("SOURCE", name) + body.rstrip("\n") + "\n" + TAIL


def json_schema(node: Mapping[str, Any]) -> dict[str, Any]:
    """A structural schema (OpenAPI v3) as JSON Schema; unknown fields are refused unless it preserves them."""
    schema: dict[str, Any] = {key: node[key] for key in KEPT_KEYWORDS if key in node}
    if node.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
    if "properties" in node:
        schema["properties"] = {name: json_schema(child) for name, child in node["properties"].items()}
        schema["additionalProperties"] = bool(node.get("x-kubernetes-preserve-unknown-fields", False))
    if isinstance(node.get("additionalProperties"), Mapping):
        schema["additionalProperties"] = json_schema(node["additionalProperties"])
    if "items" in node:
        schema["items"] = json_schema(node["items"])
    return schema


def fleet_defaults_schema(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the chart's `fleetDefaults`: a ShieldFleet's spec in which nothing is required at the top."""
    (version,) = definition["spec"]["versions"]
    schema = json_schema(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    schema.pop("required", None)
    schema["description"] = "Spec of a ShieldFleet: what holds for a fleet where its own ShieldFleet is silent."
    return schema


def wanted() -> Iterator[tuple[Path, str]]:
    """Every generated file with the text it should have."""
    for source in sorted(SOURCES.glob("*.yaml")):
        text = source.read_text()
        yield COPIES / source.name, template(source.name, text)
        definition = yaml.safe_load(text)
        if definition["spec"]["names"]["kind"] == "ShieldFleet":
            values = json.loads(VALUES_SCHEMA.read_text())
            values["properties"]["fleetDefaults"] = fleet_defaults_schema(definition)
            yield VALUES_SCHEMA, json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def stale() -> Iterator[tuple[Path, str | None]]:
    """Files that differ from what they should be, with the text they should have; None: it should not exist."""
    files = dict(wanted())
    for path, text in files.items():
        if not path.exists() or path.read_text() != text:
            yield path, text
    for path in sorted(COPIES.glob("*")):
        if path not in files:
            yield path, None


def main(arguments: list[str]) -> int:
    """Exit status of the command line in the module's docstring."""
    differing = list(stale())
    if arguments == ["--check"]:
        for path, _ in differing:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale; mend: make crds\n")
        return 1 if differing else 0
    COPIES.mkdir(parents=True, exist_ok=True)
    for path, text in differing:
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
