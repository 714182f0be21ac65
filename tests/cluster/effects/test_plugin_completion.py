"""Tab in a shell: kubectl itself asks the plugin what may stand next."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checkspace import Shop
from person import Person


@pytest.fixture
def tab(person: Person, tmp_path: Path) -> "Tab":
    """See Tab."""
    script = tmp_path / "person" / "kubectl_complete-smartshield"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m shield_kubectl.completing "$@"\n')
    script.chmod(0o755)
    return Tab(person)


class Tab:
    """What kubectl offers to a shell for a line that is begun."""

    def __init__(self, person: Person) -> None:
        self._environment = person.environment

    def __call__(self, *words: str) -> list[str]:
        """Words that may stand in the last one's place, and what the shell is to do beside."""
        program = shutil.which("kubectl", path=self._environment["PATH"])
        assert program is not None
        ran = subprocess.run(
            [program, "__complete", "smartshield", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return [line.partition("\t")[0] for line in ran.stdout.splitlines()]


def test_kubectl_completes_names_and_options_of_the_plugin(tab: Tab, shop: Shop) -> None:
    shop.add("origin")
    shop.add("other")
    here = ("-n", shop.space)
    assert tab("c") == ["check", ":4"]
    assert tab(*here, "check", "") == ["preview", "origin", "other", ":4"]
    assert tab("check", "origin", *here) == [shop.space, ":4"]
    assert tab("check", *here, "ori") == ["origin", ":4"]
    assert tab("alert", "test", *here, "") == [":4"]
    assert f"--namespace={shop.space}" in tab("check", f"--namespace={shop.space[:5]}")
    assert tab("check", "--context", "") == ["bare", ":4"]
    assert tab("check", "preview", "-f", "") == [":0"]
    assert tab("check", "--server=https://127.0.0.1:1", *here, "") == ["preview", ":4"]
