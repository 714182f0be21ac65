"""A small HTTP/1.1 origin server whose answers a test chooses by path and whose log says what it saw.

    python -m localcluster.origin --listen 127.0.0.1:8000 --log requests.jsonl

Needs the standard library alone, so it also serves scenarios on loopback. Paths: originpaths.py; log: originlog.py.
A request to become a WebSocket gets one, on any path: originsocket.py.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import signal
import ssl
import sys
import time
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from . import originlog, originsocket
from .originpaths import CHANGES, Answer, Request, answer

IDLE_SECONDS = 120.0
LARGEST_HEAD = 64 << 10
PIECE = 64 << 10
Address = tuple[str, int]


class BadRequest(Exception):
    """Bytes that are no HTTP/1.1 request; the connection is closed after a 400."""


class OriginServer:
    """Serves the test paths on any number of addresses and logs every connection and request."""

    def __init__(self, log: IO[str]) -> None:
        self._log = log
        self._versions: dict[str, int] = {}
        self._connections = itertools.count(1)

    async def listen(self, address: Address, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """A started server on `address`; the caller closes it. OSError if the address can't be bound."""
        return await asyncio.start_server(self._connection, *address, ssl=tls, limit=LARGEST_HEAD, backlog=1024)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._connections)
        source, source_port = writer.get_extra_info("peername")[:2]
        tls = writer.get_extra_info("sslcontext") is not None
        shown = writer.get_extra_info("peercert") or {}
        client = ",".join(value for part in shown.get("subject", ()) for name, value in part if name == "commonName")
        where = {"source": source, "source_port": source_port, "connection": number, "tls": tls, "client": client}
        originlog.write(self._log, "connection", time=time.time(), **where)
        try:
            for nth in itertools.count(1):
                if not await self._exchange(reader, writer, where, nth):
                    break
        except BadRequest as error:
            await send(writer, "GET", Answer(400, (), f"{error}\n".encode(), len(str(error)) + 1), keep=False)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # the client left, was silent too long or sent too much: nothing is left to answer
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: dict[str, object], nth: int
    ) -> bool:
        """One request answered; whether the connection goes on."""
        async with asyncio.timeout(IDLE_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        began = time.time()
        request, keep = parse_head(head)
        if (request.header("upgrade") or "").lower() == "websocket":
            await self._socket(reader, writer, request, where, nth)
            return False
        if (request.header("expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = await read_body(reader, request)
        if request.method in CHANGES:
            path = urlsplit(request.target).path
            self._versions[path] = self._versions.get(path, 0) + 1
        said = answer(request, self._versions)
        if said.wait:
            await asyncio.sleep(said.wait)
        keep = keep and said.sent is None
        self._note(request, began, where, nth, said.status, body_length(request.method, said))
        await send(writer, request.method, said, keep=keep)
        return keep

    def _note(
        self, request: Request, began: float, where: dict[str, object], nth: int, status: int, length: int
    ) -> None:
        seen = {
            "nth": nth,
            "method": request.method,
            "target": request.target,
            "headers": {name.lower(): request.header(name.lower()) for name, _ in request.headers},
            "status": status,
            "bytes": length,
            "received": request.length,
        }
        originlog.write(self._log, "request", time=began, **where, **seen)

    async def _socket(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: Request,
        where: dict[str, object],
        nth: int,
    ) -> None:
        """Any path: a WebSocket that sends everything back, as long as its client likes."""
        self._note(request, time.time(), where, nth, 101, 0)
        accepted = originsocket.accept_line(request.header("sec-websocket-key") or "")
        lines = ("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", accepted, "", "")
        writer.write("\r\n".join(lines).encode("latin-1"))
        await originsocket.echo(reader, writer)


def parse_head(head: bytes) -> tuple[Request, bool]:
    """The request whose head these bytes are, and whether its connection may be kept (RFC 9112, 9.3).
    BadRequest if they are none."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    try:
        method, target, version = first.split(" ")
        headers = tuple((name, value.strip()) for name, value in (line.split(":", 1) for line in lines))
    except ValueError:
        raise BadRequest(f"not a request head: {first!r}") from None
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(f"version {version!r}")
    request = Request(method, target, headers)
    options = (request.header("connection") or "").lower()
    return request, "close" not in options and (version == "HTTP/1.1" or "keep-alive" in options)


async def read_body(reader: asyncio.StreamReader, request: Request) -> Request:
    """The request with its body's length and hash, the body read and dropped piece by piece."""
    digest, length = hashlib.sha256(), 0
    if "chunked" in (request.header("transfer-encoding") or "").lower():
        while size := _hexadecimal(await reader.readuntil(b"\r\n")):
            digest.update(await reader.readexactly(size))
            await reader.readexactly(2)
            length += size
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers are read past
    else:
        declared = request.header("content-length") or "0"
        if not declared.isdecimal():
            raise BadRequest(f"Content-Length {declared!r}")
        while length < int(declared):
            piece = await reader.readexactly(min(PIECE, int(declared) - length))
            digest.update(piece)
            length += len(piece)
    return Request(request.method, request.target, request.headers, length, digest.hexdigest())


def _hexadecimal(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        raise BadRequest(f"chunk size {line!r}") from None


def body_length(method: str, said: Answer) -> int:
    """Bytes of body that this answer sends."""
    if method == "HEAD" or said.status in (204, 304):
        return 0
    return said.length if said.sent is None else said.sent


async def send(writer: asyncio.StreamWriter, method: str, said: Answer, *, keep: bool) -> None:
    """The answer has been handed to the connection, which is in step for the next one if `keep`."""
    try:
        reason = HTTPStatus(said.status).phrase
    except ValueError:
        reason = "Unregistered"
    lines = [f"HTTP/1.1 {said.status} {reason}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in said.headers]
    if said.chunked and said.status not in (204, 304):
        lines.append("Transfer-Encoding: chunked")
    elif said.status not in (204, 304):
        lines.append(f"Content-Length: {said.length}")
    if not keep:
        lines.append("Connection: close")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    left = body_length(method, said)
    framed = said.chunked and method != "HEAD" and said.status not in (204, 304)
    while left:
        piece = said.pattern[:left]
        left -= len(piece)
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if framed else piece)
        await writer.drain()
    if framed:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


def parse_address(text: str) -> Address:
    """HOST:PORT, the host of an IPv6 address in brackets or not; ValueError otherwise."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def context(certificate: Path, authority: Path | None = None) -> ssl.SSLContext:
    """A server's context; with an authority, clients must show a certificate of it."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    tls.load_cert_chain(certificate)
    if authority is not None:
        tls.verify_mode = ssl.CERT_REQUIRED
    return tls


async def run(listeners: Sequence[tuple[Address, ssl.SSLContext | None]], log_path: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with log_path.open("a", encoding="utf-8") as log:
        server = OriginServer(log)
        opened = [await server.listen(address, tls) for address, tls in listeners]
        await stop.wait()
        for listener in opened:
            listener.close()


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="localcluster.origin", description="A test origin; see localcluster/origin.py."
    )
    parser.add_argument("--listen", action="append", default=[], type=parse_address, metavar="ADDR:PORT")
    parser.add_argument("--listen-tls", action="append", default=[], type=parse_address, metavar="ADDR:PORT")
    parser.add_argument("--listen-mutual", action="append", default=[], type=parse_address, metavar="ADDR:PORT")
    parser.add_argument("--certificate", type=Path, help="PEM with the certificate and its key, for TLS")
    parser.add_argument("--client-authority", type=Path, help="PEM: whose clients --listen-mutual serves")
    parser.add_argument("--log", required=True, type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    if not args.listen and not args.listen_tls and not args.listen_mutual:
        parser.error("nothing to listen on")
    if (args.listen_tls or args.listen_mutual) and args.certificate is None:
        parser.error("TLS needs --certificate")
    if args.listen_mutual and args.client_authority is None:
        parser.error("--listen-mutual needs --client-authority")
    listeners: list[tuple[Address, ssl.SSLContext | None]] = [(address, None) for address in args.listen]
    listeners += [(address, context(args.certificate)) for address in args.listen_tls]
    listeners += [(address, context(args.certificate, args.client_authority)) for address in args.listen_mutual]
    asyncio.run(run(listeners, args.log))


if __name__ == "__main__":
    main(sys.argv[1:])
