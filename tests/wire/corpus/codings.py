"""Transfer-Encoding: exactly `chunked`, without Content-Length, in HTTP/1.1 only (RFC 9112, 6.1).

The classes CL.TE, TE.CL and TE.TE are Linhart, Klein, Heled, Orrin (2005) and Kettle (2019).
"""

from corpus.cases import HOST, Case, Yes, get, no, post, request

BODY = b"3\r\nabc\r\n0\r\n\r\n"
SMUGGLED = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
POSTED = Yes(b"POST", body=b"abc")

# TE.TE: one end takes the value for `chunked`, the other doesn't.
ODD = {
    "x before": (b"xchunked", 400),
    "x after": (b"chunkedx", 400),
    "identity": (b"identity", 400),
    "empty": (b"", 400),
    "only a comma": (b",", 400),
    "identity after": (b"chunked, identity", 400),
    "identity before": (b"identity, chunked", 501),
    "cow after": (b"chunked, cow", 400),
    "cow before": (b"cow, chunked", 501),
    "twice": (b"chunked, chunked", 400),
    "gzip before": (b"gzip, chunked", 501),
    "gzip after": (b"chunked, gzip", 400),
    "gzip alone": (b"gzip", 400),
    "deflate alone": (b"deflate", 400),
    "quoted": (b'"chunked"', 400),
    "single quotes": (b"'chunked'", 400),
    "parameter": (b"chunked;q=0.5", 400),
    "semicolon": (b"chunked;", 400),
    "equals": (b"chunked=1", 400),
    "space within": (b"chun ked", 400),
    "two words": (b"chunked chunked", 400),
    "brackets": (b"[chunked]", 400),
    "Kelvin sign for k (UTF-8)": (b"chun\xe2\x84\xaaed", 400),
    "no-break space before": (b"\xa0chunked", 400),
    "no-break space after": (b"chunked\xa0", 400),
    "next line (U+0085) after": (b"chunked\x85", 400),
    "byte 255 after": (b"chunked\xff", 400),
    "vertical tab before": (b"\x0bchunked", 400),
    "vertical tab after": (b"chunked\x0b", 400),
    "form feed before": (b"\x0cchunked", 400),
    "NUL after": (b"chunked\x00", 400),
    "NUL before": (b"\x00chunked", 400),
    "NUL within": (b"chun\x00ked", 400),
    "DEL after": (b"chunked\x7f", 400),
    "backspace": (b"x\x08chunked", 400),
    "carriage return before": (b"\rchunked", 400),
    "carriage return after": (b"chunked\r", 400),
    "line feed before": (b"\nchunked", 400),
    "folded": (b"\r\n chunked", 400),
    "folded by a tab": (b"\r\n\tchunked", 400),
    "folded after": (b"chunked\r\n , identity", 400),
}

CASES: list[Case] = [
    *(no(f"coding: {name}", status, post(b"Transfer-Encoding: " + v, body=BODY)) for name, (v, status) in ODD.items()),
    # CL.TE and TE.CL: refused whichever comes first, whatever the length says.
    no("CL.TE", 400, post(b"Content-Length: %d" % len(SMUGGLED), b"Transfer-Encoding: chunked", body=SMUGGLED)),
    no("TE.CL", 400, post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=SMUGGLED)),
    no("length zero and chunked", 400, post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=SMUGGLED)),
    no("length and identity", 400, post(b"Content-Length: 3", b"Transfer-Encoding: identity", body=b"abc")),
    no("length and an empty coding", 400, post(b"Content-Length: 3", b"Transfer-Encoding:", body=b"abc")),
    no("length and chunked on a GET", 400, get(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=SMUGGLED)),
    no(
        "length and chunked, the coding taken away by Connection",
        400,
        post(b"Connection: transfer-encoding", b"Transfer-Encoding: chunked", b"Content-Length: 5", body=SMUGGLED),
    ),
    no(
        "length and chunked, the length taken away by Connection",
        400,
        post(b"Connection: content-length", b"Transfer-Encoding: chunked", b"Content-Length: 5", body=SMUGGLED),
    ),
    no("chunked in two fields", 400, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=BODY)),
    no("chunked, then identity", 400, post(b"Transfer-Encoding: chunked", b"Transfer-encoding: identity", body=BODY)),
    no("identity, then chunked", 501, post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=BODY)),
    no("chunked, then an empty field", 501, post(b"Transfer-Encoding: chunked", b"Transfer-Encoding:", body=BODY)),
    no(
        "chunked in HTTP/1.0",
        400,
        request(b"POST /x HTTP/1.0", b"Host: " + HOST, b"Transfer-Encoding: chunked", body=BODY),
    ),
    no(
        "chunked in HTTP/1.0 that keeps alive",
        400,
        request(
            b"POST /x HTTP/1.0", b"Host: " + HOST, b"Connection: keep-alive", b"Transfer-Encoding: chunked", body=BODY
        ),
    ),
    # The name is not quite Transfer-Encoding.
    no("coding: space before the colon", 400, post(b"Transfer-Encoding : chunked", body=BODY)),
    no("coding: tab before the colon", 400, post(b"Transfer-Encoding\t: chunked", body=BODY)),
    no("coding: space before the name", 400, post(b"X-A: b", b" Transfer-Encoding: chunked", body=BODY)),
    no("coding: NUL after the name", 400, post(b"Transfer-Encoding\x00: chunked", body=BODY)),
    no("coding: NUL before the name", 400, post(b"\x00Transfer-Encoding: chunked", body=BODY)),
    no("coding: space within the name", 400, post(b"Transfer -Encoding: chunked", body=BODY)),
    no("coding: equals sign for the colon", 400, post(b"Transfer-Encoding=chunked", body=BODY)),
    no("coding: no colon", 400, post(b"Transfer-Encoding chunked", body=BODY)),
    no("coding: a colon too early", 400, post(b":Transfer-Encoding: chunked", body=BODY)),
    no("coding: byte 255 after the name", 400, post(b"Transfer-Encoding\xff: chunked", body=BODY)),
    no("coding: behind a bare line feed", 400, post(b"X-A: b\nTransfer-Encoding: chunked", body=BODY)),
    no("coding: behind a bare carriage return", 400, post(b"X-A: b\rTransfer-Encoding: chunked", body=BODY)),
    no("coding: behind LF CR", 400, post(b"X-A: b\n\rTransfer-Encoding: chunked", body=BODY)),
    # Good ones.
    Case("chunked", POSTED, post(b"Transfer-Encoding: chunked", body=BODY)),
    Case("chunked in capitals", POSTED, post(b"TRANSFER-ENCODING: CHUNKED", body=BODY)),
    Case("chunked without space", POSTED, post(b"Transfer-Encoding:chunked", body=BODY)),
    Case("chunked amid white space", POSTED, post(b"Transfer-Encoding: \t chunked \t ", body=BODY)),
    Case("chunked GET", Yes(body=b"abc"), get(b"Transfer-Encoding: chunked", body=BODY)),
    Case(
        "Connection can't take chunked away",
        POSTED,
        post(b"Connection: transfer-encoding", b"Transfer-Encoding: chunked", body=BODY),
    ),
    Case(
        "a field that only looks like a coding",
        Yes(b"POST", body=b"abc", fields=((b"X-Transfer-Encoding", b"chunked"),)),
        post(b"Content-Length: 3", b"X-Transfer-Encoding: chunked", body=b"abc"),
    ),
    Case(
        "TE is for this connection",
        POSTED,
        post(b"Connection: TE", b"TE: trailers, chunked", b"Transfer-Encoding: chunked", body=BODY),
    ),
]
