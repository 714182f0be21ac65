"""A small web site for real clients: a page with picture, style and script, a file, a digest, an echo of messages."""

import asyncio
import base64
import hashlib
import struct
from urllib.parse import unquote

from world.listening import Listening

FILE = bytes(range(256)) * 4096
CACHED = b'Cache-Control: max-age=600\r\nETag: "one"\r\n'
PIECE = b"x" * 65536
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"><rect width="7" height="5"/></svg>'
SCRIPT = b"""
const found = document.getElementById("found");
const say = word => { found.textContent += word + " "; };
async function run() {
  const picture = document.getElementById("picture");
  await picture.decode();
  say("picture-" + picture.naturalWidth);
  say("style-" + getComputedStyle(found).marginTop);
  const file = await (await fetch("/file")).arrayBuffer();
  say("file-" + file.byteLength);
  const posted = await fetch("/echo", {method: "POST", body: "from the page"});
  say("post-" + (await posted.text()).length);
  const stream = await (await fetch("/stream")).arrayBuffer();
  say("stream-" + stream.byteLength);
  const socket = new WebSocket("ws://" + location.host + "/socket");
  await new Promise(resolve => { socket.onopen = resolve; });
  const back = new Promise(resolve => { socket.onmessage = event => resolve(event.data); });
  socket.send("message");
  say("socket-" + await back);
}
run().catch(error => say("broken-" + error)).finally(() => fetch("/report/" + encodeURIComponent(found.textContent)));
"""
PAGE = b"""<!DOCTYPE html><title>Shop</title><link rel="stylesheet" href="/style.css">
<img id="picture" src="/picture.svg"><p id="found"></p><script src="/script.js"></script>
"""
FILES = {
    b"/": (b"text/html", PAGE),
    b"/style.css": (b"text/css", b"#found { margin-top: 42px }"),
    b"/picture.svg": (b"image/svg+xml", SVG),
    b"/script.js": (b"text/javascript", SCRIPT),
    b"/file": (b"application/octet-stream", FILE),
    b"/small": (b"text/plain", b"y" * 1024),
}


class Site(Listening):
    """Listens on a free port of 127.0.0.1; `report` is what the page's script found out."""

    def __init__(self) -> None:
        super().__init__()
        self.report: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.asked = 0
        self._idle: set[asyncio.StreamWriter] = set()

    def hang_up_idle(self) -> None:
        """Closes connections between two requests, as a server does that makes way for its successor."""
        for writer in tuple(self._idle):
            writer.close()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._serve(reader, writer):
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self._idle.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        finally:
            self._idle.discard(writer)
        self.asked += 1
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(b":") for line in head.split(b"\r\n")[1:])}
        path = target.partition(b"?")[0]
        if fields.get(b"expect") == b"100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"sec-websocket-key" in fields:
            await self._echo_messages(reader, writer, fields[b"sec-websocket-key"])
            return False
        body = await self._body(reader, fields)
        bare = method == b"HEAD"
        if path in FILES:
            kind, content = FILES[path]
            if fields.get(b"if-none-match") == b'"one"':
                writer.write(b"HTTP/1.1 304 Not Modified\r\n" + CACHED + b"\r\n")
            else:
                _say(writer, content, CACHED + b"Content-Type: " + kind + b"\r\n", bare)
        elif path == b"/stream":
            writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(0 if bare else 10):
                writer.writelines((b"%x\r\n" % len(PIECE), PIECE, b"\r\n"))
            writer.write(b"" if bare else b"0\r\n\r\n")
        elif path == b"/digest":
            _say(writer, hashlib.sha256(body).hexdigest().encode(), b"Cache-Control: no-store\r\n", bare)
        elif path.startswith(b"/report/"):
            if not self.report.done():
                self.report.set_result(unquote(path[8:].decode()))
            _say(writer, b"", b"Cache-Control: no-store\r\n", bare)
        else:
            _say(writer, method + b" " + target + b"\n" + body, b"Cache-Control: no-store\r\n", bare)
        return True

    async def _body(self, reader: asyncio.StreamReader, fields: dict[bytes, bytes]) -> bytes:
        if b"content-length" in fields:
            return await reader.readexactly(int(fields[b"content-length"]))
        body = b""
        if b"transfer-encoding" in fields:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        return body

    async def _echo_messages(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> None:
        """Short frames only (RFC 6455, 5.2)."""
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while True:
            first, size = struct.unpack("!BB", await reader.readexactly(2))
            mask = await reader.readexactly(4)
            content = bytes(byte ^ mask[i % 4] for i, byte in enumerate(await reader.readexactly(size & 127)))
            writer.write(bytes((first, len(content))) + content)


def _say(writer: asyncio.StreamWriter, body: bytes, fields: bytes, bare: bool) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: %d\r\n\r\n" % len(body) + (b"" if bare else body))
