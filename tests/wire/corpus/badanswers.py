"""Responses that must not be understood (RFC 9112, 4, 5, 6): response smuggling and splitting are their classes."""

from corpus.answers import FRESH, Answer, bad, head

BODY = b"Content-Length: 5"
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"

FIRST = {
    "lower-case version": b"http/1.1 200 OK",
    "HTTP/2.0": b"HTTP/2.0 200 OK",
    "HTTP/1.2": b"HTTP/1.2 200 OK",
    "HTTP/0.9": b"HTTP/0.9 200 OK",
    "version of two digits": b"HTTP/1.10 200 OK",
    "no version": b"HTTP 200 OK",
    "Shoutcast": b"ICY 200 OK",
    "SSH": b"SSH-2.0-OpenSSH_9.2",
    "two spaces before the status": b"HTTP/1.1  200 OK",
    "tab before the status": b"HTTP/1.1\t200 OK",
    "tab after the status": b"HTTP/1.1 200\tOK",
    "space before the version": b" HTTP/1.1 200 OK",
    "no status": b"HTTP/1.1 OK",
    "status of two digits": b"HTTP/1.1 20 OK",
    "status of four digits": b"HTTP/1.1 2000 OK",
    "status zero": b"HTTP/1.1 000 OK",
    "signed status": b"HTTP/1.1 +20 OK",
    "negative status": b"HTTP/1.1 -20 OK",
    "hexadecimal status": b"HTTP/1.1 0xc8 OK",
    "status with a fraction": b"HTTP/1.1 200.1 OK",
    "reason with NUL": b"HTTP/1.1 200 O\x00K",
    "reason with a bare carriage return": b"HTTP/1.1 200 O\rK",
    "reason with a control character": b"HTTP/1.1 200 O\x07K",
    "line ends with a bare line feed": b"HTTP/1.1 200 OK\nX-A: b",
    "an empty line before it": b"\r\nHTTP/1.1 200 OK",
    "a line feed before it": b"\nHTTP/1.1 200 OK",
    "a request": b"GET / HTTP/1.1",
    "101 that nobody asked for": b"HTTP/1.1 101 Switching Protocols",
}

FIELDS = {
    "folded": b"X-A: b\r\n c",
    "space before the colon": b"X-A : b",
    "tab before the colon": b"X-A\t: b",
    "no colon": b"X-A",
    "no name": b": b",
    "space within the name": b"X A: b",
    "space before the name": b" X-A: b",
    "NUL in a value": b"X-A: b\x00c",
    "NUL in a name": b"X\x00A: b",
    "control character in a value": b"X-A: b\x01c",
    "DEL in a value": b"X-A: b\x7fc",
    "Latin-1 in a name": b"X-\xe4: b",
    "bare carriage return in a value": b"X-A: b\rSet-Cookie: c=d",
    "bare line feed in a value": b"X-A: b\nSet-Cookie: c=d",
    "LF CR": b"X-A: b\n\rX-B: c",
    "a head that ends with two line feeds": b"X-A: b\n\nhello",
    "a head beyond the limit": b"X-A: " + b"b" * (70 << 10),
    "many fields beyond the limit": b"\r\n".join(b"X-%05d: b" % i for i in range(8000)),
}

LENGTHS = {
    "two different": b"Content-Length: 5\r\nContent-Length: 6",
    "two equal": b"Content-Length: 5\r\nContent-Length: 5",
    "a list": b"Content-Length: 5, 5",
    "signed": b"Content-Length: +5",
    "negative": b"Content-Length: -5",
    "hexadecimal": b"Content-Length: 0x5",
    "empty": b"Content-Length:",
    "two numbers": b"Content-Length: 5 5",
    "decimal point": b"Content-Length: 5.0",
    "beyond 64 bits": b"Content-Length: 18446744073709551621",
    "with chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "with chunked before": b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    "with identity": b"Content-Length: 5\r\nTransfer-Encoding: identity",
    "space before the colon": b"Content-Length : 5",
}

CODINGS = {
    "identity": b"identity",
    "gzip": b"gzip",
    "gzip before": b"gzip, chunked",
    "gzip after": b"chunked, gzip",
    "twice": b"chunked, chunked",
    "two fields": b"chunked\r\nTransfer-Encoding: chunked",
    "x before": b"xchunked",
    "quoted": b'"chunked"',
    "empty": b"",
    "parameter": b"chunked;q=1",
    "vertical tab": b"\x0bchunked",
    "NUL": b"chunked\x00",
    "folded": b"\r\n chunked",
}

ANSWERS: list[Answer] = [
    *(bad(f"first line: {name}", head(BODY, FRESH, first=line) + b"hello") for name, line in FIRST.items()),
    *(bad(f"field: {name}", head(line, BODY, FRESH) + b"hello") for name, line in FIELDS.items()),
    *(bad(f"length: {name}", head(line, FRESH) + b"hello") for name, line in LENGTHS.items()),
    *(bad(f"coding: {name}", head(b"Transfer-Encoding: " + v, FRESH) + CHUNKS) for name, v in CODINGS.items()),
    bad("chunked in HTTP/1.0", head(CHUNKED, FRESH, first=b"HTTP/1.0 200 OK") + CHUNKS),
    bad("HTTP/0.9: a body and nothing else", b"<html>hello</html>", closes=True),
    bad("nothing at all", b"", closes=True),
    bad("half a status line", b"HTTP/1.1 20", closes=True),
    bad("half a head", b"HTTP/1.1 200 OK\r\nContent-Le", closes=True),
    bad("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x46", closes=True),
    bad("too many interim responses", head(first=b"HTTP/1.1 103 Early Hints") * 40 + head(BODY, FRESH) + b"hello"),
    bad("a malformed interim response", head(b"X A: b", first=b"HTTP/1.1 103 Early Hints") + head(BODY) + b"hello"),
]
