"""Field lines (RFC 9112, 5): name, colon, value, CR LF; nothing else, nothing folded, nothing repaired."""

from corpus.cases import HOST, Case, Yes, get, no, request

INNER = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"

LINES = {
    # obs-fold (RFC 9112, 5.2)
    "folded": b"X-A: b\r\n c",
    "folded by a tab": b"X-A: b\r\n\tc",
    "folded, nothing else in the line": b"X-A: b\r\n ",
    "folded many times": b"X-A: b" + b"\r\n " * 20 + b"c",
    # white space around the name (RFC 9112, 5.1)
    "space before the colon": b"X-A : b",
    "tab before the colon": b"X-A\t: b",
    "no-break space before the colon": b"X-A\xa0: b",
    "space within the name": b"X A: b",
    # not a token
    "no name": b": b",
    "only a colon": b":",
    "no colon": b"X-A",
    "only white space": b" ",
    "name in parentheses": b"(X-A): b",
    "name with a comma": b"X,A: b",
    "name with a slash": b"X/A: b",
    "name with an at sign": b"X@A: b",
    "name with a semicolon": b"X;A: b",
    "name with quotes": b'"X-A": b',
    "name with brackets": b"X[0]: b",
    "name with braces": b"X{A}: b",
    "name with a backslash": b"X\\A: b",
    "name with a question mark": b"X?A: b",
    "name with an equals sign": b"X=A: b",
    "name with NUL": b"X\x00A: b",
    "name with DEL": b"X\x7fA: b",
    "name with Latin-1": b"X-\xc4: b",
    "name with UTF-8": b"X-\xc3\x84: b",
    "byte order mark before the name": b"\xef\xbb\xbfX-A: b",
    # control characters in values (RFC 9110, 5.5)
    "value with NUL": b"X-A: b\x00c",
    "value that is NUL": b"X-A: \x00",
    "value with a bell": b"X-A: b\x07c",
    "value with a backspace": b"X-A: b\x08c",
    "value with a vertical tab": b"X-A: b\x0bc",
    "value with a form feed": b"X-A: b\x0cc",
    "value with escape": b"X-A: b\x1bc",
    "value with a unit separator": b"X-A: b\x1fc",
    "value with DEL": b"X-A: b\x7fc",
    # ends of lines (RFC 9112, 2.2)
    "bare carriage return in a value": b"X-A: b\rc",
    "bare carriage return before a field": b"X-A: b\rX-B: c",
    "bare carriage return at the end": b"X-A: b\r",
    "bare line feed in a value": b"X-A: b\nX-B: c",
    "LF CR": b"X-A: b\n\rX-B: c",
    "CR NUL LF": b"X-A: b\r\x00\nX-B: c",
    "a head that ends with two line feeds": b"X-A: b\n\n" + INNER,
    "a head that ends with LF CR LF": b"X-A: b\n\r\n" + INNER,
    "a head that ends with CR CR LF": b"X-A: b\r\r\n\r\r\n" + INNER,
    "a head that ends with two carriage returns": b"X-A: b\r\r" + INNER,
}

LARGE = 33 << 10

CASES: list[Case] = [
    *(no(f"field: {name}", 400, get(line)) for name, line in LINES.items()),
    no("first field begins with a space", 400, request(b"GET /x HTTP/1.1", b" Host: " + HOST)),
    no("first field begins with a tab", 400, request(b"GET /x HTTP/1.1", b"\tHost: " + HOST)),
    no("all lines end with line feeds", 400, b"GET /x HTTP/1.1\nHost: shop.example\n\n"),
    no("all lines end with carriage returns", 400, b"GET /x HTTP/1.1\rHost: shop.example\r\r"),
    # Sizes (431 Request Header Fields Too Large, RFC 6585, 5); pods allow each other more than clients.
    no("a value beyond the limit", 431, get(b"X-A: " + b"b" * LARGE), hop=False),
    no("a name beyond the limit", 431, get(b"X" * LARGE + b": b"), hop=False),
    no(
        "many fields beyond the limit of bytes",
        431,
        get(*(b"X-%03d: " % i + b"b" * 300 for i in range(120))),
        hop=False,
    ),
    no("too many fields", 431, get(*(b"X-%03d: b" % i for i in range(201))), hop=False),
    no("a value beyond a pod's limit", 431, get(b"X-A: " + b"b" * (60 << 10))),
    no("more fields than a pod may send", 431, get(*(b"X-%03d: b" % i for i in range(301)))),
    # Good ones: passed on byte for byte.
    Case("a value that is empty", Yes(fields=((b"X-A", b""),)), get(b"X-A:")),
    Case("a value of white space is empty", Yes(fields=((b"X-A", b""),)), get(b"X-A: \t ")),
    Case("a tab in a value", Yes(fields=((b"X-A", b"b\tc"),)), get(b"X-A: b\tc")),
    Case("colons in a value", Yes(fields=((b"X-A", b": b: c"),)), get(b"X-A: : b: c")),
    Case("Latin-1 in a value", Yes(fields=((b"X-A", b"\xe4\xff"),)), get(b"X-A: \xe4\xff")),
    Case(
        "line ends in UTF-8 that lose their high bits",
        Yes(fields=((b"X-A", b"\xc4\x8d\xc4\x8aX-B: c"),)),
        get("X-A: čĊX-B: c".encode()),
    ),
    Case("escaped line ends stay text", Yes(fields=((b"X-A", b"%0d%0aX-B: c"),)), get(b"X-A: %0d%0aX-B: c")),
    Case("backslashes stay text", Yes(fields=((b"X-A", b"\\r\\nX-B: c"),)), get(b"X-A: \\r\\nX-B: c")),
    Case("names keep their case", Yes(fields=((b"x-A", b"b"), (b"X-a", b"c"))), get(b"x-A: b", b"X-a: c")),
    Case(
        "every character of a token", Yes(fields=((b"!#$%&'*+-.^_`|~09azAZ", b"b"),)), get(b"!#$%&'*+-.^_`|~09azAZ: b")
    ),
    Case("a large value", Yes(fields=((b"X-A", b"b" * (20 << 10)),)), get(b"X-A: " + b"b" * (20 << 10))),
    Case(
        "many fields",
        Yes(fields=tuple((b"X-%03d" % i, b"b") for i in range(150))),
        get(*(b"X-%03d: b" % i for i in range(150))),
    ),
]
