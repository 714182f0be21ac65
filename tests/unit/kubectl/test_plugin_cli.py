"""The command line: options, screens, and how long it takes to say what it can."""

import io
import subprocess
import sys

import pytest

from shield_kubectl.arguments import cluster_options, parser
from shield_kubectl.cli import style_of
from shield_kubectl.shown.style import Style


class Terminal(io.TextIOWrapper):
    """A screen."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def terminal(encoding: str) -> Terminal:
    return Terminal(io.BytesIO(), encoding=encoding)


def test_a_terminal_is_used_for_what_it_can() -> None:
    assert style_of(terminal("utf-8"), {}, 100) == Style(colour=True, unicode=True, width=100)
    assert style_of(terminal("latin-1"), {}, 80) == Style(colour=True)
    assert style_of(terminal("UTF8"), {"NO_COLOR": "1"}, 80) == Style(unicode=True)
    assert style_of(terminal("utf-8"), {"TERM": "dumb"}, 80) == Style(unicode=True)
    assert style_of(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), {}, 80) == Style()


def test_options_stand_before_or_after_the_command() -> None:
    for words in (
        ["-n", "shop", "--context=c", "check", "origin"],
        ["check", "origin", "-n", "shop", "--context", "c"],
    ):
        chosen = parser().parse_args(words)
        assert (chosen.namespace, chosen.name, cluster_options(chosen)) == ("shop", "origin", ["--context=c"])


@pytest.mark.parametrize("seconds", ["0", "111", "x", "nan"])
def test_a_preview_is_not_waited_for_longer_than_it_may_last(seconds: str) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args(["check", "preview", "-f", "-", f"--timeout={seconds}"])
    assert left.value.code == 2


def test_help_loads_nothing_that_is_slow() -> None:
    script = "import sys\nfrom shield_kubectl.cli import main\ntry:\n main(['--help'])\nfinally:\n print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"yaml", "asyncio", "kubernetes", "ssl"} & set(loaded)
    assert "shield_kubectl.commands" in loaded


def test_without_kubectl_it_says_so() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "shield_kubectl.cli", "check", "origin"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nowhere"},
    )
    assert (ran.returncode, ran.stderr) == (2, "error: kubectl is not in PATH: this plugin asks the cluster by it\n")
