"""Requests by grammar, and the small damages that make two readers disagree, as hypothesis strategies."""

from hypothesis import strategies as st

from corpus.cases import HOST

INNER = b"GET /inner HTTP/1.1\r\nHost: shop.example\r\n\r\n"
METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PURGE", b"get"])
TARGETS = st.sampled_from(
    [b"/x", b"/a?b=c", b"//x", b"http://shop.example/x", b"http://shop.example", b"*", b"/%0d%0a"]
)
VERSIONS = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0"])
HOSTS = st.sampled_from([HOST] * 6 + [b"a.shop.example", b"SHOP.example", b"shop.example:80", b"evil.example", b""])
FIELDS = st.sampled_from(
    [
        b"X-A: b",
        b"X-B:  c \t",
        b"X-C:",
        b"x-a: b",
        b"Connection: close",
        b"Connection: x-a",
        b"Connection: keep-alive",
        b"Connection: content-length, transfer-encoding",
        b"Keep-Alive: 5",
        b"TE: trailers",
        b"Content-Length: 0",
        b"Content-Length: 5",
        b"Content-Length: 05",
        b"Content-Length: 5, 5",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: identity",
        b"transfer-encoding:Chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Expect: 100-continue",
        b"Host: shop.example",
    ]
)
BODIES = st.sampled_from([b"", b"hello", INNER, b"0\r\n\r\n", b"\x00\xff\r\n"])
EXTENSIONS = st.sampled_from([b""] * 4 + [b";a=b", b" ;a", b"; "])
TRAILERS = st.sampled_from([b""] * 4 + [b"X-T: a\r\n", b"Content-Length: 9\r\n", b"X-T : a\r\n"])
INSERTS = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x00",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"0",
        b"+",
        b"\x0b",
        b"\x7f",
        b"\x80",
        b"\r\n ",
        INNER,
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, most often good: framing that fits its body, or doesn't."""
    lines = [b" ".join((draw(METHODS), draw(TARGETS), draw(VERSIONS))), b"Host: " + draw(HOSTS)]
    body = draw(BODIES)
    match draw(st.sampled_from(["none", "length", "chunked", "loose"])):
        case "none":
            body = b""
        case "length":
            lines.append(b"Content-Length: %d" % len(body))
        case "chunked":
            lines.append(b"Transfer-Encoding: chunked")
            pieces = [body[:2], body[2:]] if draw(st.booleans()) else [body]
            chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(p), draw(EXTENSIONS), p) for p in pieces if p)
            body = chunks + b"0%s\r\n%s\r\n" % (draw(EXTENSIONS), draw(TRAILERS))
    lines[1:1] = draw(st.lists(FIELDS, max_size=1))
    lines += draw(st.lists(FIELDS, max_size=2))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@st.composite
def damaged(draw: st.DrawFn, good: st.SearchStrategy[bytes]) -> bytes:
    """What `good` gives, with up to three damages."""
    raw = draw(good)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from(["insert", "flip", "delete", "double", "swap"])):
            case "insert":
                raw = raw[:place] + draw(INSERTS) + raw[place:]
            case "flip":
                raw = (
                    raw[:place]
                    + bytes(byte ^ (1 << draw(st.integers(0, 7))) for byte in raw[place : place + 1])
                    + raw[place + 1 :]
                )
            case "delete":
                raw = raw[:place] + raw[place + draw(st.integers(1, 4)) :]
            case "double":
                lines = raw.split(b"\r\n")
                which = draw(st.integers(0, len(lines) - 1))
                raw = b"\r\n".join(lines[: which + 1] + lines[which:])
            case "swap":
                lines = raw.split(b"\r\n")
                which = draw(st.integers(0, len(lines) - 1))
                lines[which], lines[-1 - which] = lines[-1 - which], lines[which]
                raw = b"\r\n".join(lines)
    return raw


@st.composite
def streams(draw: st.DrawFn, seeds: list[bytes]) -> list[bytes]:
    """The bytes of a connection, in pieces: some requests, each good, damaged, or from the corpus and damaged."""
    one = st.one_of(requests(), damaged(requests()), damaged(st.sampled_from(seeds)))
    raw = b"".join(draw(st.lists(one, min_size=1, max_size=3)))
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True) if a < b]
