"""The formats of the access log: JSON, and Apache's combined. Nothing that a client sends can break a line.

At full speed the log costs as much as the answer, so what repeats within a batch is made once.
"""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii

from shield_proxy.tiers.accesslog import Batch, Line, Render
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


def json_lines(who: Who = peer_alone) -> Render:
    """A JSON object a line."""

    def render(batch: Batch) -> str:
        beginnings: dict[tuple[str, bytes], str] = {}
        resources: dict[tuple[object, ...], str] = {}
        endings: dict[tuple[object, ...], str] = {}
        last = 0.0
        out: list[str] = []
        for item in batch:
            if isinstance(item, Line):
                out.append(_json_line(item, who))
                continue
            at, peer, told = item[0], item[1], item[9]
            if at != last:
                last = at
                beginnings.clear()
            beginning = beginnings.get((peer, told))
            if beginning is None:
                client = encode_basestring_ascii(who(peer, told) if told else peer)
                beginning = beginnings[peer, told] = f'{{"time":{at:.3f},"client":{client}'
            resource = resources.get(item[2:6])
            if resource is None:
                entry, method, authority, target = item[2:6]
                resource = resources[entry, method, authority, target] = (
                    f',"method":{quoted(method)},"host":{quoted(authority)},"target":{quoted(target)},'
                    f'"status":{entry.stored.status},"bytes":{len(entry.body) if method == b"GET" else 0},'
                    f'"cache":"HIT","seconds":0,"zone":"{entry.tally.zone}"'
                )
            ending = endings.get(item[6:9])
            if ending is None:
                agent, referer, parent = item[6:9]
                told_of = optional("id", trace_id_of({TRACEPARENT: parent})) + optional("agent", agent)
                ending = endings[agent, referer, parent] = f"{told_of}{optional('referer', referer)}}}\n"
            out.append(beginning + resource + ending)
        return "".join(out)

    return render


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

    def render(batch: Batch) -> str:
        beginnings: dict[tuple[str, bytes], str] = {}
        resources: dict[tuple[object, ...], str] = {}
        endings: dict[tuple[object, ...], str] = {}
        last = 0.0
        out: list[str] = []
        for item in batch:
            if isinstance(item, Line):
                out.append(_combined_line(item, who))
                continue
            at, peer, told = item[0], item[1], item[9]
            if at != last:
                last = at
                beginnings.clear()
            beginning = beginnings.get((peer, told))
            if beginning is None:
                client = who(peer, told) if told else peer
                beginning = beginnings[peer, told] = f'{_word(client)} - - [{_moment(int(at))}] "'
            resource = resources.get(item[2:6])
            if resource is None:
                entry, method, authority, target = item[2:6]
                sent = len(entry.body) if method == b"GET" else 0
                resource = resources[entry, method, authority, target] = (
                    f'{escaped(method)} {escaped(target)} HTTP/1.1" {entry.stored.status} {sent or "-"} '
                )
            ending = endings.get(item[6:8])
            if ending is None:
                agent, referer = item[6:8]
                ending = endings[agent, referer] = f'"{escaped(referer) or "-"}" "{escaped(agent) or "-"}"\n'
            out.append(beginning + resource + ending)
        return "".join(out)

    return render


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
