"""Every error has a row in docs/errors.md, and every row is an error."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shield_proxy.tiers.messages.errors import (
    BREAKER,
    DELAYED,
    ORIGIN_FAILURES,
    OVERLOADED,
    origin_error,
    refused_by_pod,
    retry_after,
    tier_error,
)
from shield_proxy.wire.upstream.failures import NOT_CONNECTED, UpstreamFailed

ROOT = Path(__file__).parents[3]
TELLS = {"Refused", "Unanswerable", "Failed", "_refuse", "refusal"}
"""Calls whose arguments are a status and a reason."""
ROW = re.compile(r"\| (\d{3}) \| ((?:`[a-z0-9.-]+`(?:, )?)+) \| ([^|]+) \| ([^|]+) \|")
KINDS = sorted(ORIGIN_FAILURES)


def documented() -> set[tuple[int, str]]:
    found = set()
    for line in (ROOT / "docs" / "errors.md").read_text().splitlines():
        if match := ROW.fullmatch(line):
            found |= {(int(match[1]), reason) for reason in re.findall(r"`([^`]+)`", match[2])}
    return found


def constants(node: ast.expr, kind: type) -> Iterator[object]:
    """What an argument may be: a constant, or one of the two of a condition."""
    if isinstance(node, ast.IfExp):
        yield from constants(node.body, kind)
        yield from constants(node.orelse, kind)
    elif isinstance(node, ast.Constant) and type(node.value) is kind:
        yield node.value


def told() -> set[tuple[int, str]]:
    """What the code says in so many words."""
    found: set[tuple[int, str]] = set()
    for path in (ROOT / "proxy" / "shield_proxy").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            statuses = [s for argument in node.args for s in constants(argument, int)] if name in TELLS else []
            if name == "Nobody":
                statuses = [503]
            reasons = [r for argument in node.args for r in constants(argument, str)]
            found |= {(s, r) for s in statuses for r in reasons if isinstance(s, int) and isinstance(r, str)}
    return {(status, reason) for status, reason in found if status != 502}  # those are of an origin's responses


def derived() -> set[tuple[int, str]]:
    """What failures of origins and pods become."""
    failures = [UpstreamFailed(kind) for kind in KINDS]
    errors = [origin_error(failure) for failure in failures] + [tier_error(failure) for failure in failures]
    return {(error.status, error.reason) for error in errors}


def test_every_error_is_documented_with_its_code() -> None:
    assert (told() | derived()) - documented() == set()


def test_what_is_documented_can_happen() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "proxy" / "shield_proxy").rglob("*.py"))
    known = told() | derived()
    assert [(status, reason) for status, reason in documented() - known if f'"{reason}"' not in text] == []


def test_every_way_of_failing_has_a_status() -> None:
    assert set(ORIGIN_FAILURES) >= NOT_CONNECTED


@pytest.mark.parametrize("kind", KINDS)
def test_a_breaker_keeps_the_status_and_says_when_to_come_back(kind: str) -> None:
    error = origin_error(UpstreamFailed(kind), breaker=True)
    assert error.status == origin_error(UpstreamFailed(kind)).status
    assert error.reason.endswith(BREAKER)
    assert retry_after(error.status, error.reason)


@pytest.mark.parametrize("reason", [OVERLOADED, DELAYED, "not-ready"])
def test_a_pod_that_has_too_much_to_do_is_no_reason_to_give_up(reason: str) -> None:
    assert refused_by_pod(503, b"upper/us/b; detail=%s" % reason.encode())
    assert retry_after(503, reason)
