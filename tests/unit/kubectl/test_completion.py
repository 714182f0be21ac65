"""What a shell is told that may stand next."""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from shield_kubectl.arguments import parser
from shield_kubectl.completion import ALONE, COMMANDS, EVERYWHERE, OF_COMMAND, SHORT, Next, Source, following, line_of


def after(*words: str) -> Next:
    """What may come instead of the last word."""
    return following(line_of(words[:-1]), words[-1])


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """That of the program, and those of its commands, by name."""
    top = parser()
    yield "", top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_every_option_is_offered_and_no_other() -> None:
    found = dict(parsers())
    assert set(found) - {""} == set(COMMANDS)
    for command, its in found.items():
        actions = [action for action in its._actions if action.option_strings]
        longs = {action.option_strings[-1] for action in actions}
        assert longs == set(EVERYWHERE) | set(OF_COMMAND[command])
        assert {action.option_strings[-1] for action in actions if action.nargs == 0} <= ALONE
        shorts = {each.option_strings[0]: each.option_strings[-1] for each in actions if len(each.option_strings) > 1}
        assert shorts.items() <= SHORT.items()


@pytest.mark.parametrize(
    ("words", "offered", "source"),
    [
        (["c"], ["alert", "check"], None),
        (["-n", "shop", ""], ["alert", "check"], None),
        (["check", ""], ["preview"], Source.CHECKS),
        (["-n", "shop", "check", ""], ["preview"], Source.CHECKS),
        (["check", "-f", "check.yaml", ""], ["preview"], None),
        (["check", "preview", ""], ["-f"], None),
        (["check", "preview", "-f", ""], [], Source.FILES),
        (["check", "preview", "-fcheck.yaml", ""], [], None),
        (["check", "origin", ""], [], None),
        (["alert", ""], ["test"], None),
        (["alert", "test", ""], [], Source.ALERTS),
        (["alert", "test", "shop-down", ""], [], None),
        (["check", "--namespace", ""], [], Source.NAMESPACES),
        (["check", "-o", ""], ["json", "yaml"], None),
        (["alert", "-f", ""], [], None),
        (["elsewhere", ""], [], None),
        (["--token", ""], [], None),
    ],
)
def test_what_may_come_next(words: Sequence[str], offered: Sequence[str], source: Source | None) -> None:
    found = after(*words)
    assert (sorted(found.words), found.source, found.before) == (offered, source, "")


def test_a_value_behind_its_equals_sign_is_completed() -> None:
    assert after("check", "--output=j") == Next({"--output=json": "", "--output=yaml": ""}, None, "--output=")
    assert after("check", "--namespace=sh") == Next({}, Source.NAMESPACES, "--namespace=")
    assert line_of(["check", "--namespace=shop", "-o=json"]).options == {"--namespace": "shop", "--output": "json"}


def test_options_are_offered_where_one_is_begun() -> None:
    assert {"-f", "--filename", "-n", "--timeout"} <= set(after("check", "-").words)
    assert "-f" not in after("alert", "-").words
    assert "--version" in after("--").words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "preview", "-o", "j"], "json\n:4\n"),
        (["check", "preview", "-f", ""], ":0\n"),
        (["al"], "alert\ttest an alert\n:4\n"),
        (["check", "x"], ":4\n"),
    ],
)
def test_the_shell_hears_what_fits_and_no_complaint(words: Sequence[str], said: str) -> None:
    """Where kubectl is missing, too."""
    ran = subprocess.run(
        [sys.executable, "-m", "shield_kubectl.completing", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nowhere"},
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, said, "")
