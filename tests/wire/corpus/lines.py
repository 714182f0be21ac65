"""The request line (RFC 9112, 3): method, one space, target, one space, HTTP/1.0 or HTTP/1.1."""

from corpus.cases import HOST, Case, Own, Yes, get, no, request

HOSTED = b"Host: " + HOST


def _line(line: bytes) -> bytes:
    return request(line, HOSTED)


BAD = {
    # white space (RFC 9112, 3: a sender must use one space; lenient readers split on any white space)
    "two spaces after the method": b"GET  /x HTTP/1.1",
    "two spaces before the version": b"GET /x  HTTP/1.1",
    "tab after the method": b"GET\t/x HTTP/1.1",
    "tab before the version": b"GET /x\tHTTP/1.1",
    "vertical tab for a space": b"GET\x0b/x HTTP/1.1",
    "form feed for a space": b"GET /x\x0cHTTP/1.1",
    "no-break space for a space": b"GET\xa0/x HTTP/1.1",
    "bare carriage return for a space": b"GET\r/x HTTP/1.1",
    "space before the method": b" GET /x HTTP/1.1",
    "space after the version": b"GET /x HTTP/1.1 ",
    "tab after the version": b"GET /x HTTP/1.1\t",
    "a fourth word": b"GET /x HTTP/1.1 HTTP/1.1",
    "a space in the target": b"GET /x y HTTP/1.1",
    "a version in the target": b"GET /x HTTP/1.1 /y HTTP/1.1",
    # HTTP/0.9 and what looks like it
    "no version (HTTP/0.9)": b"GET /x",
    "no version, a space after": b"GET /x ",
    "only a method": b"GET",
    "no target": b"GET HTTP/1.1",
    "an empty target": b"GET  HTTP/1.1",
    # versions that are none
    "lower-case version": b"GET /x http/1.1",
    "version of two digits": b"GET /x HTTP/1.10",
    "version with a zero before": b"GET /x HTTP/01.1",
    "version with a comma": b"GET /x HTTP/1,1",
    "version without a dot": b"GET /x HTTP/11",
    "version with letters after": b"GET /x HTTP/1.1x",
    "version with a sign": b"GET /x HTTP/+1.1",
    "version with NUL after": b"GET /x HTTP/1.1\x00",
    "another protocol": b"GET /x HTTPS/1.1",
    "Shoutcast": b"GET /x ICY/1.1",
    "RTSP": b"DESCRIBE /x RTSP/1.0",
    # methods that are no tokens
    "NUL in the method": b"G\x00ET /x HTTP/1.1",
    "method in parentheses": b"(GET) /x HTTP/1.1",
    "method with a slash": b"G/T /x HTTP/1.1",
    "method with a colon": b"GET: /x HTTP/1.1",
    "method of UTF-8": b"G\xc3\x8bT /x HTTP/1.1",
    "no method": b"/x HTTP/1.1",
    "byte order mark before the method": b"\xef\xbb\xbfGET /x HTTP/1.1",
    # targets
    "NUL in the target": b"GET /x\x00 HTTP/1.1",
    "control character in the target": b"GET /x\x01y HTTP/1.1",
    "DEL in the target": b"GET /x\x7f HTTP/1.1",
    "bare carriage return in the target": b"GET /x\ry HTTP/1.1",
    "bare line feed in the target": b"GET /x\ny HTTP/1.1",
    "Latin-1 in the target": b"GET /\xe4 HTTP/1.1",
    "UTF-8 in the target": b"GET /\xc3\xa4 HTTP/1.1",
    "a fragment": b"GET /x#y HTTP/1.1",
    "a target without a slash": b"GET x HTTP/1.1",
    "a target that is a query": b"GET ?x HTTP/1.1",
    "asterisk for a GET": b"GET * HTTP/1.1",
    "asterisk with more": b"OPTIONS *x HTTP/1.1",
    "a target that is a backslash": b"GET \\x HTTP/1.1",
    "authority-form for a GET": b"GET shop.example:80 HTTP/1.1",
}

CASES: list[Case] = [
    *(no(f"line: {name}", 400, _line(line)) for name, line in BAD.items()),
    no("line: ends with a bare line feed", 400, b"GET /x HTTP/1.1\nHost: shop.example\r\n\r\n"),
    no("line: ends with CR CR LF", 400, b"GET /x HTTP/1.1\r\r\nHost: shop.example\r\n\r\n"),
    no("line: a line feed before it", 400, b"\n" + get()),
    no("line: a carriage return before it", 400, b"\r" + get()),
    no("line: an empty line and a space before it", 400, b"\r\n " + get()),
    no("line: a response", 400, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    no("line: a TLS handshake on a plain port", 400, b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"x" * 60),
    no("line: a chunk that was left over", 400, b"0\r\n\r\n" + get()),
    # Versions that are HTTP, but not ours (505, RFC 9110, 15.6.6).
    no("line: HTTP/2.0", 505, _line(b"GET /x HTTP/2.0")),
    no("line: HTTP/1.2", 505, _line(b"GET /x HTTP/1.2")),
    no("line: HTTP/0.9 by name", 505, _line(b"GET /x HTTP/0.9")),
    no("line: HTTP/3", 505, _line(b"GET /x HTTP/3")),
    no("line: the preface of HTTP/2", 505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    # Methods that make tunnels or echo what they got (RFC 9110, 9.3.6, 9.3.8).
    no("line: CONNECT", 405, request(b"CONNECT shop.example:443 HTTP/1.1", HOSTED)),
    no("line: CONNECT with a path", 405, _line(b"CONNECT /x HTTP/1.1")),
    no("line: TRACE", 405, _line(b"TRACE /x HTTP/1.1")),
    # Lengths.
    no("line: a target beyond the limit", 414, _line(b"GET /" + b"x" * (16 << 10) + b" HTTP/1.1")),
    no("line: a target far beyond the limit", 414, _line(b"GET /" + b"x" * (60 << 10) + b" HTTP/1.1")),
    no("line: a method beyond all measure", 414, _line(b"X" * (20 << 10) + b" /x HTTP/1.1")),
    # Good ones.
    Case("an empty line before a request", Yes(), b"\r\n" + get()),
    Case("empty lines before a request", Yes(), b"\r\n\r\n" + get()),
    Case("methods are as they are written", Yes(b"get"), _line(b"get /x HTTP/1.1")),
    Case("an unknown method", Yes(b"PROPFIND"), _line(b"PROPFIND /x HTTP/1.1")),
    Case("a long target", Yes(target=b"/" + b"x" * 8000), _line(b"GET /" + b"x" * 8000 + b" HTTP/1.1")),
    Case("two slashes are a path", Yes(target=b"//evil.example/x"), _line(b"GET //evil.example/x HTTP/1.1")),
    Case("an address in a path", Yes(target=b"/http://evil.example/"), _line(b"GET /http://evil.example/ HTTP/1.1")),
    Case("dots are not resolved", Yes(target=b"/a/../b/./c"), _line(b"GET /a/../b/./c HTTP/1.1")),
    Case("nothing is unescaped", Yes(target=b"/%2e%2e/%0d%0a?a=%00"), _line(b"GET /%2e%2e/%0d%0a?a=%00 HTTP/1.1")),
    Case("odd but printable", Yes(target=b'/"<>\\^`{|}'), _line(b'GET /"<>\\^`{|} HTTP/1.1')),
    Case("OPTIONS * is for the proxy", Own(200), _line(b"OPTIONS * HTTP/1.1")),
]
