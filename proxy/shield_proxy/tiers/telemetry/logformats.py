"""The formats of the access log: JSON, and Apache's combined. Nothing that a client sends can break a line.

At full speed the log costs as much as the answer, so what repeats within a batch is made once.
"""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from typing import Any

from shield_proxy.tiers.telemetry.accesslog import Batch, Hit, Line, Render
from shield_proxy.wire.http.tracecontext import TRACEPARENT, trace_id_of

AGENT, REFERER, FORWARDED_FOR = b"user-agent", b"referer", b"x-forwarded-for"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Who = Callable[[str, bytes], str]
"""Peer and X-Forwarded-For -> the client's address."""
_BREAKING = re.compile(r'[\x00-\x1f"\\\x7f-\U0010ffff]')
_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def peer_alone(peer: str, _told: bytes) -> str:
    """Believes no X-Forwarded-For."""
    return peer


def quoted(value: bytes) -> str:
    """The JSON string of bytes, each a character."""
    return encode_basestring_ascii(value.decode("latin-1"))


def escaped(value: bytes) -> str:
    """Bytes inside quotation marks as Apache writes them: no quotation mark, backslash or control character is left."""
    return _escaped(value.decode("latin-1"))


def _escaped(text: str) -> str:
    return _BREAKING.sub(_escape, text) if _BREAKING.search(text) else text


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\x{ord(match[0]):02x}"


def optional(name: str, value: bytes) -> str:
    """A member of a JSON object, or nothing of an empty value."""
    return f',"{name}":{quoted(value)}' if value else ""


def _lines(
    who: Who,
    line: Callable[[Line, Who], str],
    beginning: Callable[[float, str], str],
    resource: Callable[[Any, bytes, bytes, bytes], str],
    ending: Callable[..., str],
    last_of: Callable[[Hit], tuple[bytes, ...]],
) -> Render:
    """Renders batches: whole lines by `line`; hits of the fast path as a beginning (time and client), a resource
    (entry, method, authority, target) and an ending, of what `last_of` takes of the hit."""

    def render(batch: Batch) -> str:
        beginnings: dict[tuple[str, bytes], str] = {}
        resources: dict[tuple[object, ...], str] = {}
        endings: dict[tuple[object, ...], str] = {}
        last = 0.0
        out: list[str] = []
        for item in batch:
            if isinstance(item, Line):
                out.append(line(item, who))
                continue
            at, peer, chain = item[0], item[1], item[9]
            if at != last:
                last = at
                beginnings.clear()
            first = beginnings.get((peer, chain))
            if first is None:
                first = beginnings[peer, chain] = beginning(at, who(peer, chain) if chain else peer)
            asked = item[2:6]
            second = resources.get(asked)
            if second is None:
                second = resources[asked] = resource(*asked)
            rest = last_of(item)
            third = endings.get(rest)
            if third is None:
                third = endings[rest] = ending(*rest)
            out.append(first + second + third)
        return "".join(out)

    return render


def json_lines(who: Who = peer_alone) -> Render:
    """A JSON object a line."""
    return _lines(who, _json_line, _json_beginning, _json_resource, _json_ending, itemgetter(6, 7, 8))


def _json_beginning(at: float, client: str) -> str:
    return f'{{"time":{at:.3f},"client":{encode_basestring_ascii(client)}'


def _json_resource(entry: Any, method: bytes, authority: bytes, target: bytes) -> str:
    return (
        f',"method":{quoted(method)},"host":{quoted(authority)},"target":{quoted(target)},'
        f'"status":{entry.stored.status},"bytes":{len(entry.body) if method == b"GET" else 0},'
        f'"cache":"HIT","seconds":0,"zone":"{entry.tally.zone}"'
    )


def _json_ending(agent: bytes, referer: bytes, parent: bytes) -> str:
    told_of = optional("id", trace_id_of({TRACEPARENT: parent})) + optional("agent", agent)
    return f"{told_of}{optional('referer', referer)}}}\n"


def _json_line(line: Line, who: Who) -> str:
    fields = line.fields
    return (
        f'{{"time":{line.at:.3f},"client":{encode_basestring_ascii(_client(line, who))},'
        f'"method":{quoted(line.method)},"host":{quoted(line.authority)},"target":{quoted(line.target)},'
        f'"status":{line.status},"bytes":{line.sent},"cache":"{line.word}","seconds":{line.seconds:.6f},'
        f'"zone":"{line.zone}"{optional("reason", line.reason.encode())}{optional("id", line.request_id)}'
        f"{optional('agent', fields.get(AGENT, b''))}{optional('referer', fields.get(REFERER, b''))}}}\n"
    )


def combined_lines(who: Who = peer_alone) -> Render:
    """Apache's combined format, in UTC."""
    return _lines(who, _combined_line, _combined_beginning, _combined_resource, _combined_ending, itemgetter(6, 7))


def _combined_beginning(at: float, client: str) -> str:
    return f'{_word(client)} - - [{_moment(int(at))}] "'


def _combined_resource(entry: Any, method: bytes, _authority: bytes, target: bytes) -> str:
    sent = len(entry.body) if method == b"GET" else 0
    return f'{escaped(method)} {escaped(target)} HTTP/1.1" {entry.stored.status} {sent or "-"} '


def _combined_ending(agent: bytes, referer: bytes) -> str:
    return f'"{escaped(referer) or "-"}" "{escaped(agent) or "-"}"\n'


def _combined_line(line: Line, who: Who) -> str:
    fields = line.fields
    request = f"{escaped(line.method)} {escaped(line.target)} HTTP/1.{line.minor}" if line.method else "-"
    return (
        f'{_word(_client(line, who))} - - [{_moment(int(line.at))}] "{request}" {line.status or "-"} '
        f'{line.sent or "-"} "{escaped(fields.get(REFERER, b"-"))}" "{escaped(fields.get(AGENT, b"-"))}"\n'
    )


def _client(line: Line, who: Who) -> str:
    told = line.fields.get(FORWARDED_FOR)
    if told is None:
        return line.peer
    if line.from_hop:  # the pod before this one has added whom it saw
        rest, _, last = told.rpartition(b",")
        return who(last.strip(b" \t").decode("latin-1"), rest)
    return who(line.peer, told)


def _word(text: str) -> str:
    return _escaped(text).replace(" ", "") or "-"


@lru_cache(maxsize=64)
def _moment(second: int) -> str:
    at = time.gmtime(second)
    return (
        f"{at.tm_mday:02d}/{MONTHS[at.tm_mon - 1]}/{at.tm_year}:{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} +0000"
    )


FORMATS: dict[str, Callable[[Who], Render]] = {"json": json_lines, "combined": combined_lines}
"""By the names that settings use."""
