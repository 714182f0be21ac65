"""Chunks: sizes, extensions, ends and trailers (RFC 9112, 7.1).

The classes named TERM.EXT, EXT.TERM, SPILL are of "Funky chunks" (2025); tricks with sizes (sign, prefix, overflow,
white space, underscore) are from the advisories of many servers since 2005.
"""

from corpus.cases import Case, Yes, chunked, no

END = b"0\r\n\r\n"
POSTED = Yes(b"POST", body=b"hello")
INNER = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"

SIZES = {
    "signed": b"+5",
    "negative": b"-5",
    "prefix": b"0x5",
    "prefix in capitals": b"0X5",
    "underscore": b"0_5",
    "space before": b" 5",
    "space after": b"5 ",
    "tab after": b"5\t",
    "space within": b"0 5",
    "empty": b"",
    "only white space": b" ",
    "not hexadecimal": b"g",
    "letters after": b"5z",
    "h for hexadecimal": b"5h",
    "a comma": b"5,",
    "decimal point": b"5.0",
    "quoted": b'"5"',
    "full-width digit (UTF-8)": b"\xef\xbc\x95",
    "NUL after": b"5\x00",
    "NUL before": b"\x005",
    "vertical tab before": b"\x0b5",
    "no-break space after": b"5\xa0",
    "carriage return before": b"\r5",
    "64 bits": b"FFFFFFFFFFFFFFFF",
    "63 bits": b"8000000000000000",
    "wraps round 64 bits": b"10000000000000005",
    "wraps round 32 bits, many digits": b"0000000100000005",
    "sixteen digits, zeros before": b"0000000000000005",
    "thousands of zeros": b"0" * 5000 + b"5",
    "only an extension": b";a=b",
    "equals sign": b"5=a",
    "extension with a bare carriage return": b"5;a\rb",
    "extension with a bare carriage return at its end": b"5;a\r",
    "extension with a NUL": b"5;a\x00b",
    "extension with DEL": b"5;a\x7fb",
    "extension with a vertical tab": b"5;\x0b",
    "extension that doesn't end": b"5;" + b"a" * 5000,
}


def _bad(name: str, body: bytes) -> Case:
    return no(name, 400, chunked(body), begun=True)


CASES: list[Case] = [
    *(_bad(f"chunk size: {name}", size + b"\r\nhello\r\n" + END) for name, size in SIZES.items()),
    # Ends of lines.
    _bad("size line ends with a bare line feed", b"5\nhello\r\n" + END),
    _bad("size line ends with a bare carriage return", b"5\rhello\r\n" + END),
    _bad("size line ends with LF CR", b"5\n\rhello\r\n" + END),
    _bad("size line ends with CR CR LF", b"5\r\r\nhello\r\n" + END),
    _bad("a bare line feed in an extension (TERM.EXT)", b"5;\nhello\r\n" + END),
    _bad("a line feed, then an extension (EXT.TERM)", b"2;a\nxx\r\n45\r\n0\r\n\r\n" + INNER + END),
    _bad("data ends with a bare line feed", b"5\r\nhello\n" + END),
    _bad("data ends with a bare carriage return", b"5\r\nhello\r" + END),
    _bad("data has no end", b"5\r\nhello" + END),
    _bad("data is followed by two other bytes (SPILL)", b"5\r\nhelloXX0\r\n\r\n"),
    _bad("data is longer than its size", b"5\r\nhello!\r\n" + END),
    _bad("data is shorter than its size", b"7\r\nhello\r\n" + END),
    _bad("an empty line between chunks", b"5\r\nhello\r\n\r\n" + END),
    _bad("last chunk ends with bare line feeds", b"5\r\nhello\r\n0\n\n"),
    _bad("last chunk, then a bare line feed", b"5\r\nhello\r\n0\r\n\n"),
    _bad("last chunk with white space", b"5\r\nhello\r\n0 \r\n\r\n"),
    _bad("last chunk is negative", b"5\r\nhello\r\n-0\r\n\r\n"),
    _bad("last chunk has data after the first CR", b"5\r\nhello\r\n0\r\n\rX\r\n\r\n"),
    _bad("no chunk at all, a request instead", INNER),
    # Trailers are fields: what would not do in a head won't do here.
    _bad("trailer with a space before the colon", b"5\r\nhello\r\n0\r\nX-A : b\r\n\r\n"),
    _bad("trailer that is folded", b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n"),
    _bad("trailer that begins with a space", b"5\r\nhello\r\n0\r\n X-A: b\r\n\r\n"),
    _bad("trailer with a bare line feed", b"5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n"),
    _bad("trailers end with bare line feeds", b"5\r\nhello\r\n0\r\nX-A: b\n\n"),
    _bad("trailer with a NUL", b"5\r\nhello\r\n0\r\nX-A: \x00\r\n\r\n"),
    _bad("trailer with a bare carriage return", b"5\r\nhello\r\n0\r\nX-A: b\rX-B: c\r\n\r\n"),
    _bad("trailer without a colon", b"5\r\nhello\r\n0\r\nX-A\r\n\r\n"),
    _bad("trailer without a name", b"5\r\nhello\r\n0\r\n: b\r\n\r\n"),
    _bad("a request for a trailer (TERM.SPILL)", b"5\r\nhello\r\n0\r\n" + INNER),
    _bad("trailers beyond all measure", b"5\r\nhello\r\n0\r\nX-A: " + b"b" * (70 << 10) + b"\r\n\r\n"),
    # One byte a chunk, and an extension each: overhead is bounded.
    _bad("extensions beyond all measure", (b"1;" + b"a" * 4000 + b"\r\nx\r\n") * 20 + END),
    # Good ones.
    Case("one chunk", POSTED, chunked(b"5\r\nhello\r\n" + END)),
    Case("several chunks", POSTED, chunked(b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n" + END)),
    Case("no chunk but the last", Yes(b"POST"), chunked(END)),
    Case("zeros before a size", POSTED, chunked(b"00005\r\nhello\r\n" + END)),
    Case("a last chunk of several zeros", POSTED, chunked(b"5\r\nhello\r\n000\r\n\r\n")),
    Case("a size in capitals", Yes(b"POST", body=b"a" * 10), chunked(b"A\r\n" + b"a" * 10 + b"\r\n" + END)),
    Case("extensions are left out", POSTED, chunked(b"5;a=b;c\r\nhello\r\n0;d\r\n\r\n")),
    Case("white space before an extension is bad but allowed", POSTED, chunked(b"5 \t;a\r\nhello\r\n" + END)),
    Case("an extension with a quoted string", POSTED, chunked(b'5;a="b;c 0"\r\nhello\r\n' + END)),
    Case("data that looks like a chunk", Yes(b"POST", body=b"0\r\n\r\n"), chunked(b"5\r\n0\r\n\r\n\r\n" + END)),
    Case(
        "data that looks like a request", Yes(b"POST", body=INNER), chunked(b"%x\r\n%s\r\n" % (len(INNER), INNER) + END)
    ),
    # Trailers that would change what the message means never reach its head, nor the next trailer section.
    Case("a length in trailers", POSTED, chunked(b"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n")),
    Case("a coding in trailers", POSTED, chunked(b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    Case("a host in trailers", POSTED, chunked(b"5\r\nhello\r\n0\r\nHost: evil.example\r\n\r\n")),
    Case("credentials in trailers", POSTED, chunked(b"5\r\nhello\r\n0\r\nAuthorization: Basic eA==\r\n\r\n")),
    Case("Connection in trailers", POSTED, chunked(b"5\r\nhello\r\n0\r\nConnection: close\r\n\r\n")),
]
