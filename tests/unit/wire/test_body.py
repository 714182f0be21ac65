"""Decoders give the same body for pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.wire.http.body import BodyDecoder, decoder_for
from shield_proxy.wire.http.message import Chunked, Framing, Length, NoBody, Refused, UntilClose


def feed(decoder: BodyDecoder, raw: bytes, cuts: list[int]) -> tuple[bytes, bytes, bool]:
    body, rest, start = b"", b"", 0
    for end in [*sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]:
        if decoder.done:
            rest += raw[start:end]
        else:
            pieces, rest = decoder.feed(raw[start:end])
            assert all(pieces)
            body += b"".join(pieces)
        start = end
    return body, rest, decoder.done


BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=5)
CUTS = st.lists(st.integers(0, 400), max_size=12)


@given(BODIES, CUTS, st.binary(max_size=20), st.sampled_from([b"", b";a=b", b' ; q="x"']))
def test_chunks_in_any_pieces(chunks: list[bytes], cuts: list[int], rest: bytes, extension: bytes) -> None:
    raw = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    raw += b"000\r\nX-Trailer: y\r\n\r\n" + rest
    assert feed(decoder_for(Chunked()), raw, cuts) == (b"".join(chunks), rest, True)


@given(st.binary(max_size=60), CUTS, st.integers(1, 70))
def test_a_length_in_any_pieces(raw: bytes, cuts: list[int], size: int) -> None:
    assert feed(decoder_for(Length(size)), raw, cuts) == (raw[:size], raw[size:], len(raw) >= size)


@given(st.binary(max_size=60).map(lambda raw: b"5\r\n" + raw), CUTS)
def test_malformed_chunks_are_refused_in_any_pieces(raw: bytes, cuts: list[int]) -> None:
    def verdict(pieces: list[int]) -> object:
        try:
            return feed(decoder_for(Chunked()), raw, pieces)
        except Refused as refused:
            return refused.status

    assert verdict([]) == verdict(cuts)


@pytest.mark.parametrize(("framing", "done", "by_close"), [(NoBody(), True, False), (UntilClose(), False, True)])
def test_bodies_without_a_length(framing: Framing, done: bool, by_close: bool) -> None:
    decoder = decoder_for(framing)
    assert (decoder.done, decoder.by_close) == (done, by_close)


@pytest.mark.parametrize(
    "raw",
    [
        b"1;" + b"a" * 5000,
        b"".join(b"1;%s\r\nx\r\n" % (b"a" * 4000) for _ in range(20)),
        b"0\r\n" + b"X: y\r\n" * 20_000,
    ],
    ids=["extension", "extensions", "trailers"],
)
def test_what_surrounds_chunks_is_bounded(raw: bytes) -> None:
    with pytest.raises(Refused):
        decoder_for(Chunked()).feed(raw)
