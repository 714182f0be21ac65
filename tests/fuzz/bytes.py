"""Coverage-guided fuzzing (atheris) of the pure parser and the chunk decoder against the independent reader.

With the corpus of tests/wire as seeds. Needs `pip install -e .[fuzz]`; nothing else needs that. It ends at the first
finding, with the bytes that show it:

    PYTHONPATH=tests/wire:tests/scenarios python tests/fuzz/bytes.py -max_total_time=300
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shield_proxy.wire"]):
    from shield_proxy.wire.http.body import ChunkedDecoder
    from shield_proxy.wire.http.message import Refused
    from shield_proxy.wire.http.parse import HeadLimits, parse_request, parse_response

from corpus import badanswers, chunks, codings, connection, fields, hosts, lengths, lines, otheranswers
from corpus.reference import More, No, _request, read_stream

LIMITS = HeadLimits()
MODULES = (lengths, codings, chunks, fields, lines, hosts, connection)


def requests(raw: bytes) -> None:
    """The parser and the independent reader take and refuse the same heads, with the same meaning."""
    end = raw.find(b"\r\n\r\n") + 4
    if end < 4 or raw.startswith(b"\r\n"):
        return
    try:
        head = parse_request(raw[:end], LIMITS)
    except Refused:
        head = None
    try:
        meaning, _ = _request(raw[:end] + b"0\r\n\r\n")
    except No:
        assert head is None, "taken, and should be refused"
        return
    except More:
        return  # the head is good, the body is not here
    if head is not None:  # limits are the parser's own
        assert (head.method, head.target, head.authority) == (meaning.method, meaning.target, meaning.host)
        assert head.keep_alive is not meaning.closes


def bodies(raw: bytes) -> None:
    """Chunks mean the same whole and byte by byte, and what the independent reader says."""

    def decode(pieces: list[bytes]) -> tuple[bytes, bool, bool]:
        decoder, body = ChunkedDecoder(), b""
        try:
            for piece in pieces:
                if not decoder.done:
                    body += b"".join(decoder.feed(piece)[0])
        except Refused:
            return b"", False, True
        return body, decoder.done, False

    whole = decode([raw])
    assert whole == decode([raw[i : i + 1] for i in range(len(raw))]), "it depends on how the bytes come"
    reading = read_stream(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)
    if whole[1]:
        assert reading.requests, "taken, and should be refused"
        assert reading.requests[0].body == whole[0]


def responses(raw: bytes) -> None:
    """Nothing but Refused comes out of the parser of responses."""
    end = raw.find(b"\r\n\r\n") + 4
    if end >= 4:
        try:
            parse_response(raw[:end], b"GET", LIMITS)
        except Refused:
            pass


def one(data: bytes) -> None:
    """One input: its first byte says of what kind."""
    (requests, bodies, responses)[data[0] % 3 if data else 0](data[1:])


def main() -> None:
    """Writes the seeds and fuzzes with the arguments of libFuzzer."""
    with tempfile.TemporaryDirectory() as name:
        seeds = [b"\x00" + case.raw for module in MODULES for case in module.CASES]
        seeds += [b"\x01" + case.raw.partition(b"\r\n\r\n")[2] for case in chunks.CASES]
        seeds += [b"\x02" + answer.raw for module in (badanswers, otheranswers) for answer in module.ANSWERS]
        for number, seed in enumerate(seeds):
            if len(seed) < 4096:
                (Path(name) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, name], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
