"""Whom a request is for: one Host, of the authority grammar, equal to the target's (RFC 9112, 3.2)."""

from corpus.cases import HOST, Case, Own, Yes, no, request


def _hosts(*hosts: bytes) -> bytes:
    return request(b"GET /x HTTP/1.1", *(b"Host: " + host for host in hosts))


def _absolute(target: bytes, host: bytes = HOST) -> bytes:
    return request(b"GET " + target + b" HTTP/1.1", b"Host: " + host)


# "Host of Troubles" (Chen et al., 2016): what front and back take for the host differs.
BAD = {
    "empty": b"",
    "a path": b"shop.example/x",
    "user": b"user@shop.example",
    "another host as user": b"shop.example@evil.example",
    "user and password": b"a:b@shop.example",
    "a scheme": b"http://shop.example",
    "a space": b"shop.example evil.example",
    "a tab": b"shop.example\tevil.example",
    "a comma": b"shop.example, evil.example",
    "a semicolon": b"shop.example;evil.example",
    "a query": b"shop.example?x",
    "a fragment": b"shop.example#x",
    "a backslash": b"shop.example\\evil.example",
    "an escape": b"shop.example%00",
    "an escaped space": b"shop.example%20evil.example",
    "quotes": b'"shop.example"',
    "NUL": b"shop.example\x00evil.example",
    "UTF-8": b"sh\xc3\xb6p.example",
    "no digits behind the colon": b"shop.example:",
    "letters behind the colon": b"shop.example:80x",
    "a sign behind the colon": b"shop.example:+80",
    "two ports": b"shop.example:80:81",
    "a port of six digits": b"shop.example:000080",
    "only a port": b":80",
    "an IPv6 address that doesn't end": b"[::1",
    "an IPv6 address with more": b"[::1]x",
    "an IPv6 address with a zone": b"[fe80::1%25eth0]",
    "a bare IPv6 address": b"::1",
    "a wildcard": b"*.example",
    "parentheses": b"shop.example(x)",
}

CASES: list[Case] = [
    *(no(f"host: {name}", 400, _hosts(host)) for name, host in BAD.items()),
    no("host: none", 400, request(b"GET /x HTTP/1.1", b"X-A: b")),
    no("host: no field at all", 400, b"GET /x HTTP/1.1\r\n\r\n"),
    no("host: twice the same", 400, _hosts(HOST, HOST)),
    no("host: two", 400, _hosts(HOST, b"evil.example")),
    no(
        "host: two, names in different case",
        400,
        request(b"GET /x HTTP/1.1", b"Host: shop.example", b"hOST: evil.example"),
    ),
    no("host: two in HTTP/1.0", 400, request(b"GET /x HTTP/1.0", b"Host: shop.example", b"Host: evil.example")),
    no("host: space before the colon", 400, request(b"GET /x HTTP/1.1", b"Host : shop.example")),
    no("host: folded", 400, request(b"GET /x HTTP/1.1", b"Host:", b" shop.example")),
    no(
        "host: a second one, folded away",
        400,
        request(b"GET /x HTTP/1.1", b"Host: shop.example", b" Host: evil.example"),
    ),
    no(
        "host: a second one after a space",
        400,
        request(b"GET /x HTTP/1.1", b" Host: evil.example", b"Host: shop.example"),
    ),
    # absolute-form
    no("target: another host", 400, _absolute(b"http://evil.example/x")),
    no("target: the same host with a port", 400, _absolute(b"http://shop.example:81/x")),
    no("target: a host and a user", 400, _absolute(b"http://user@shop.example/x")),
    no("target: another host as user", 400, _absolute(b"http://shop.example@evil.example/x")),
    no("target: no host", 400, _absolute(b"http:///x")),
    no("target: one slash", 400, _absolute(b"http:/shop.example/x")),
    no("target: no slash", 400, _absolute(b"http:shop.example/x")),
    no("target: a backslash for a slash", 400, _absolute(b"http://shop.example\\x")),
    no("target: another scheme", 400, _absolute(b"ftp://shop.example/x")),
    no("target: file", 400, _absolute(b"file:///etc/passwd")),
    no("target: javascript", 400, _absolute(b"javascript:alert(1)")),
    no("target: a host, Host empty", 400, _absolute(b"http://shop.example/x", b"")),
    no("target: a host, no Host", 400, request(b"GET http://shop.example/x HTTP/1.1", b"X-A: b")),
    # Good ones.
    Case("target: absolute-form", Yes(), _absolute(b"http://shop.example/x")),
    Case("target: absolute-form, any case", Yes(), _absolute(b"HTTP://SHOP.example/x", b"shop.EXAMPLE")),
    Case("target: absolute-form without a path", Yes(target=b"/"), _absolute(b"http://shop.example")),
    Case("target: absolute-form, only a query", Yes(target=b"/?a"), _absolute(b"http://shop.example?a")),
    Case(
        "target: absolute-form, another host in its query",
        Yes(target=b"/?http://evil.example/"),
        _absolute(b"http://shop.example/?http://evil.example/"),
    ),
    Case("host: capitals", Yes(), _hosts(b"SHOP.Example")),
    Case("host: a port", Yes(host=b"shop.example:8080"), _hosts(b"shop.example:8080")),
    Case("host: unknown", Own(404), _hosts(b"evil.example")),
    Case("host: an address nobody serves", Own(404), _hosts(b"[::1]:80")),
    Case("host: none in HTTP/1.0", Own(404, closes=True), b"GET /x HTTP/1.0\r\n\r\n"),
    Case("host: named by the target in HTTP/1.0", Yes(closes=True), b"GET http://shop.example/x HTTP/1.0\r\n\r\n"),
    Case(
        "host: X-Forwarded-Host says another",
        Yes(),
        request(b"GET /x HTTP/1.1", b"Host: shop.example", b"X-Forwarded-Host: evil.example"),
        hop=False,
    ),
]
