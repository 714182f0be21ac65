"""The access log: a line a request, whatever clients send, and never more than is bounded."""

import json
import re
import string
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.tiers.telemetry.accesslog import MOST_WAITING, PART, AccessLog, Hit, Line
from shield_proxy.tiers.telemetry.logformats import combined_lines, json_lines

AT = 1_800_000_000.25
COMBINED = re.compile(
    r'(?P<client>[^ ]+) - - \[15/Jan/2027:08:00:00 \+0000\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d+|-) '
    r'(?P<sent>\d+|-) "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"\n'
)
PRINTABLE = set(string.printable) - set("\r\n\t\x0b\x0c")


@dataclass(frozen=True)
class Of:
    """An entry as far as the log looks at one."""

    status: int = 200
    zone: str = "shop/shop"
    body: bytes = b"12345"

    @property
    def stored(self) -> "Of":
        return self

    @property
    def tally(self) -> "Of":
        return self


def line(**changes: Any) -> Line:
    made = Line(
        at=AT,
        peer="192.0.2.1",
        method=b"GET",
        authority=b"shop.example",
        target=b"/a",
        minor=1,
        status=200,
        sent=3,
        word="MISS",
        seconds=0.25,
        zone="shop/shop",
        reason="",
        request_id=b"ab" * 16,
        fields={b"user-agent": b"agent"},
        from_hop=False,
    )
    return made._replace(**changes)


def hit(target: bytes = b"/a", method: bytes = b"GET", agent: bytes = b"agent", told: bytes = b"") -> Hit:
    parent = b"00-%s-%s-01" % (b"cd" * 16, b"ef" * 8)
    return (AT, "192.0.2.1", Of(), method, b"shop.example", target, agent, b"", parent, told)


def test_a_hit_and_any_other_request_are_objects_of_the_same_form() -> None:
    first, second, third = map(
        json.loads, json_lines()([hit(), line(), line(status=503, reason="overloaded")]).splitlines()
    )
    common = {"time": AT, "client": "192.0.2.1", "method": "GET", "host": "shop.example", "target": "/a", "status": 200}
    assert first == {
        **common, "bytes": 5, "cache": "HIT", "seconds": 0, "zone": "shop/shop", "id": "cd" * 16, "agent": "agent"
    }  # fmt: skip
    assert second == {
        **common, "bytes": 3, "cache": "MISS", "seconds": 0.25, "zone": "shop/shop", "id": "ab" * 16, "agent": "agent"
    }  # fmt: skip
    assert third["reason"] == "overloaded"


def test_hits_that_differ_in_one_thing_differ_in_the_log() -> None:
    batch: list[Hit | Line] = [hit(), hit(b"/b"), hit(method=b"HEAD"), hit(agent=b"other"), hit()]
    shown = [json.loads(text) for text in json_lines()(batch).splitlines()]
    assert [said["target"] for said in shown] == ["/a", "/b", "/a", "/a", "/a"]
    assert [said["bytes"] for said in shown] == [5, 5, 0, 5, 5]
    assert [said["agent"] for said in shown] == ["agent", "agent", "agent", "other", "agent"]


def test_the_combined_format_is_apaches() -> None:
    assert combined_lines()([hit(), line(sent=0, minor=0, fields={b"referer": b"https://a.example/"})]) == (
        '192.0.2.1 - - [15/Jan/2027:08:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "agent"\n'
        '192.0.2.1 - - [15/Jan/2027:08:00:00 +0000] "GET /a HTTP/1.0" 200 - "https://a.example/" "-"\n'
    )


def test_what_was_no_request_is_a_line_too() -> None:
    refused = line(method=b"", authority=b"", target=b"", status=400, sent=0, word="NONE", reason="bad-line", fields={})
    assert json.loads(json_lines()([refused]))["reason"] == "bad-line"
    assert '"-" 400 - "-" "-"' in combined_lines()([refused])


@given(st.binary(max_size=20), st.binary(max_size=20), st.binary(max_size=20), st.text(max_size=20))
def test_nothing_that_a_client_sends_breaks_a_line(target: bytes, agent: bytes, told: bytes, peer: str) -> None:
    batch: list[Hit | Line] = [
        hit(target, agent=agent, told=told),
        line(
            peer=peer,
            target=target,
            method=agent or b"x",
            authority=agent,
            fields={b"user-agent": agent, b"referer": told},
        ),
    ]
    text = json_lines(lambda _, chain: chain.decode("latin-1"))(batch)
    assert text.isascii()
    shown = [json.loads(said) for said in text.removesuffix("\n").split("\n")]
    assert [said["target"] for said in shown] == [target.decode("latin-1")] * 2
    text = combined_lines(lambda _, chain: chain.decode("latin-1"))(batch)
    assert set(text) - {"\n"} <= PRINTABLE
    assert [bool(COMBINED.fullmatch(said)) for said in text.splitlines(keepends=True)] == [True, True]


def test_the_client_behind_a_trusted_proxy_and_behind_a_pod_is_found() -> None:
    def who(peer: str, told: bytes) -> str:
        return f"{peer}|{told.decode()}"

    batch: list[Hit | Line] = [
        hit(told=b"198.51.100.7"),
        line(fields={b"x-forwarded-for": b"198.51.100.8"}),
        line(fields={b"x-forwarded-for": b"198.51.100.9, 203.0.113.1"}, from_hop=True),
        line(),
    ]
    shown = [json.loads(text)["client"] for text in json_lines(who)(batch).splitlines()]
    assert shown == ["192.0.2.1|198.51.100.7", "192.0.2.1|198.51.100.8", "203.0.113.1|198.51.100.9", "192.0.2.1"]
    assert [text.split(" ")[0] for text in combined_lines(who)(batch).splitlines()] == shown


def test_lines_are_bounded_and_those_left_out_are_counted() -> None:
    written: list[str] = []
    log = AccessLog(written.append, json_lines())
    for _ in range(MOST_WAITING + 7):
        log.add(hit())
    log.flush()
    assert log.dropped == 7
    assert written[0].count("\n") == MOST_WAITING
    log.flush()
    assert len(written) == 1


def test_a_batch_becomes_text_part_by_part_and_is_written_once_in_its_order() -> None:
    written: list[str] = []
    log = AccessLog(written.append, json_lines())
    for number in range(PART * 2 + 1):
        log.add(line(seconds=number))
    assert log.flush_part()
    log.add(line(seconds=-1.0))  # comes too late for this batch
    assert log.flush_part()
    assert not written
    assert not log.flush_part()
    assert [json.loads(text)["seconds"] for text in written[0].splitlines()] == list(range(PART * 2 + 1))
    log.flush()
    assert json.loads(written[1])["seconds"] == -1
    assert not log.flush_part()
    assert len(written) == 2


def test_what_waits_behind_a_batch_that_was_begun_is_flushed_too() -> None:
    written: list[str] = []
    log = AccessLog(written.append, json_lines())
    for _ in range(PART + 1):
        log.add(hit())
    log.flush_part()
    log.add(line())
    log.flush()
    assert [text.count("\n") for text in written] == [PART + 1, 1]


def test_lines_that_nobody_has_room_for_are_counted() -> None:
    log = AccessLog(lambda _: False, json_lines())
    log.add(hit())
    log.add(line())
    log.flush()
    assert log.dropped == 2


@pytest.mark.parametrize(("share", "kept"), [(1.0, 1000), (0.25, 250), (0.001, 1), (0.0, 0)])
def test_a_share_is_written_and_every_failure(share: float, kept: int) -> None:
    written: list[str] = []
    log = AccessLog(written.append, json_lines(), share)
    for number in range(1000):
        log.add(hit() if number % 2 else line())
        if number % 100 == 0:
            log.add(line(status=503, reason="overloaded"))
    log.flush()
    text = "".join(written)
    assert text.count('"status":503') == 10
    assert text.count('"status":200') == kept
    assert log.dropped == 0
