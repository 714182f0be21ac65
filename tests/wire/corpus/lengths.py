"""Content-Length: one, of digits, or the message is refused (RFC 9112, 6.3; RFC 9110, 8.6)."""

from corpus.cases import HOST, Case, Yes, get, no, post, request

INNER = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
POSTED = Yes(b"POST", body=b"abc")

# Forms that one parser reads as a number and another doesn't (strtol, parseInt, int()).
ODD = {
    "signed": b"+3",
    "negative": b"-3",
    "minus zero": b"-0",
    "hexadecimal": b"0x3",
    "hexadecimal without mark": b"a",
    "octal mark": b"0o3",
    "underscore, as in Python's int()": b"1_0",
    "decimal point": b"3.0",
    "exponent": b"3e0",
    "list of equals": b"3, 3",
    "list of equals without space": b"3,3",
    "list of different ones": b"3, 5",
    "list with an empty member": b"3,",
    "list that begins empty": b",3",
    "two numbers": b"3 3",
    "quoted": b'"3"',
    "with a parameter": b"3;q=1",
    "empty": b"",
    "only a comma": b",",
    "letters after": b"3abc",
    "letters before": b"abc3",
    "full-width digit (UTF-8)": b"\xef\xbc\x93",
    "Arabic digit (UTF-8)": b"\xd9\xa3",
    "superscript digit (Latin-1), as in str.isdigit": b"\xb3",
    "no-break space before": b"\xa03",
    "no-break space after": b"3\xa0",
    "vertical tab before": b"\x0b3",
    "form feed after": b"3\x0c",
    "NUL after": b"3\x00",
    "NUL before": b"\x003",
    "carriage return after": b"3\r",
    "infinity": b"inf",
    "beyond 64 bits": b"18446744073709551619",
    "beyond 63 bits": b"9223372036854775811",
    "a hundred digits": b"9" * 100,
    "nineteen digits, zeros before": b"0000000000000000003",
}

CASES: list[Case] = [
    *(no(f"length: {name}", 400, post(b"Content-Length: " + value, body=b"abc")) for name, value in ODD.items()),
    # Two lengths, even equal ones: whoever takes the first and whoever takes the last may differ (CL.CL).
    no("two equal lengths", 400, post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc")),
    no("two lengths (CL.CL)", 400, post(b"Content-Length: 3", b"Content-Length: 0", body=b"abc")),
    no("two lengths, the second in capitals", 400, post(b"Content-Length: 0", b"CONTENT-LENGTH: 3", body=b"abc")),
    no(
        "two lengths with a field between",
        400,
        post(b"Content-Length: 3", b"X-A: b", b"content-length: 9", body=b"abc"),
    ),
    no("zero and a length on a GET", 400, get(b"Content-Length: 0", b"Content-Length: 43", body=INNER)),
    # The name is not quite Content-Length: some servers repair it.
    no("length: space before the colon", 400, post(b"Content-Length : 3", body=b"abc")),
    no("length: tab before the colon", 400, post(b"Content-Length\t: 3", body=b"abc")),
    no("length: NUL in the name", 400, post(b"Content-Length\x00: 3", body=b"abc")),
    no("length: vertical tab before the name", 400, post(b"\x0bContent-Length: 3", body=b"abc")),
    no("length: folded", 400, post(b"Content-Length:", b" 3", body=b"abc")),
    no("length: folded first field", 400, request(b"POST /x HTTP/1.1", b" Content-Length: 3", b"Host: " + HOST)),
    no("length: behind a bare line feed", 400, post(b"X-A: b\nContent-Length: 43", body=INNER)),
    no("length: behind a bare carriage return", 400, post(b"X-A: b\rContent-Length: 43", body=INNER)),
    no("length: behind CR CR LF", 400, post(b"X-A: b\r\r\nContent-Length: 43", body=INNER)),
    # Good ones, with exactly one reading.
    Case("zeros before a length mean nothing", POSTED, post(b"Content-Length: 003", body=b"abc")),
    Case("white space around a length means nothing", POSTED, post(b"Content-Length: \t 3 \t", body=b"abc")),
    Case("no space before a length", POSTED, post(b"Content-Length:3", body=b"abc")),
    Case("a length's name in any case", POSTED, post(b"cOnTeNt-LeNgTh: 3", body=b"abc")),
    Case("length zero", Yes(b"POST"), post(b"Content-Length: 0")),
    Case("a POST without length has no body", Yes(b"POST"), post()),
    # CL.0 and 0.CL: a body looks like a request; it stays a body, whatever the method.
    Case(
        "a request inside a body (CL.0)", Yes(b"POST", body=INNER), post(b"Content-Length: %d" % len(INNER), body=INNER)
    ),
    Case("a request inside a GET's body", Yes(body=INNER), get(b"Content-Length: %d" % len(INNER), body=INNER)),
    Case(
        "a request inside an OPTIONS' body",
        Yes(b"OPTIONS", body=INNER),
        request(b"OPTIONS /x HTTP/1.1", b"Host: " + HOST, b"Content-Length: %d" % len(INNER), body=INNER),
    ),
    Case(
        "a request inside a DELETE's body",
        Yes(b"DELETE", body=INNER),
        request(b"DELETE /x HTTP/1.1", b"Host: " + HOST, b"Content-Length: %d" % len(INNER), body=INNER),
    ),
    Case(
        "a request inside a HEAD's body",
        Yes(b"HEAD", body=INNER),
        request(b"HEAD /x HTTP/1.1", b"Host: " + HOST, b"Content-Length: %d" % len(INNER), body=INNER),
    ),
    Case(
        "a length in HTTP/1.0",
        Yes(b"POST", body=b"abc", closes=True),
        request(b"POST /x HTTP/1.0", b"Host: " + HOST, b"Content-Length: 3", body=b"abc"),
    ),
    Case(
        "Connection can't take the length away",
        POSTED,
        post(b"Connection: content-length", b"Content-Length: 3", body=b"abc"),
    ),
    Case(
        "a field that only looks like a length (underscore)",
        Yes(b"POST", body=b"abc", fields=((b"Content-Length2", b"9"),)),
        post(b"Content-Length: 3", b"Content-Length2: 9", body=b"abc"),
    ),
]
