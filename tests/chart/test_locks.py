"""The lock files: complete, hashed, of no place in particular, and fit for what pyproject.toml asks."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
OWN = "smart-shield"
EXTRAS = {"image.txt": ("proxy", "operator", "courier"), "dev.txt": ("proxy", "operator", "courier", "dev")}


def entries(name: str) -> list[str]:
    """One logical line for each pinned distribution, its hashes included."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", ["image.txt", "build.txt", "dev.txt"])
def test_every_line_is_a_pin_with_hashes(name: str) -> None:
    """No option, address or index is among them."""
    found = entries(name)
    assert found
    for line in found:
        assert re.fullmatch(r"[a-z0-9._-]+==\S+( ; [^#]+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+", line), line[:80]
    assert "://" not in (ROOT / "requirements" / name).read_text()


@pytest.mark.parametrize("name", EXTRAS)
def test_pins_are_what_the_project_asks_for(name: str) -> None:
    """Mend: make lock."""
    pins = {canonicalize_name(line.split("==")[0]): line.split("==")[1].split()[0] for line in entries(name)}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = [Requirement(text) for extra in EXTRAS[name] for text in extras[extra]]
    for requirement in asked:
        if requirement.name != OWN:
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
