"""Origins that misbehave: real sockets in threads, so that each byte, reset and silence is the test's own."""

import ctypes
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 30
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Behaviour = Callable[[socket.socket], None]


class Server:
    """Gives each connection to a behaviour in a thread of its own; all have ended when it is closed."""

    def __init__(self, behave: Behaviour, address: str = "127.0.0.1") -> None:
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=kind)
        self.port: int = self.listener.getsockname()[1]
        self.connections = 0
        self._behave = behave
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(PATIENCE)
                self.connections += 1
                self._open.add(sock)
                thread = threading.Thread(target=self._serve, args=(sock,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError):
            self._behave(sock)
        self._open.discard(sock)
        sock.close()

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._threads[0].join(PATIENCE)
        for sock in tuple(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


@contextmanager
def serving(behave: Behaviour, address: str = "127.0.0.1") -> Iterator[Server]:
    server = Server(behave, address)
    try:
        yield server
    finally:
        server.close()


def read_head(sock: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = sock.recv(4096)
        if not piece:
            raise OSError("the client left")
        received += piece
    return received


def wait_for_end(sock: socket.socket) -> None:
    while sock.recv(4096):
        pass


def answers(response: bytes, then: Behaviour = wait_for_end) -> Behaviour:
    """Reads a request, sends the bytes, and leaves the rest to `then`."""

    def behave(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(response)
        then(sock)

    return behave


def speaks_first(greeting: bytes, then: Behaviour = wait_for_end) -> Behaviour:
    def behave(sock: socket.socket) -> None:
        sock.sendall(greeting)
        then(sock)

    return behave


def leave(_: socket.socket) -> None:
    """Ends the connection in good order."""


def reset(sock: socket.socket) -> None:
    """Breaks the connection: the peer gets a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def after_reading(then: Behaviour) -> Behaviour:
    """Of what the client sends first, whatever that is."""

    def behave(sock: socket.socket) -> None:
        sock.recv(1 << 16)
        then(sock)

    return behave


def floods(beginning: bytes, piece: bytes, pause: float = 0.0) -> Behaviour:
    """Answers with a beginning and then the piece without end."""

    def behave(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(beginning)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            sock.sendall(piece)
            if pause:
                time.sleep(pause)

    return behave


def encrypted(context: ssl.SSLContext, then: Behaviour, broken_off: bool = False) -> Behaviour:
    """Under TLS; `broken_off`: what `then` leaves is ended by a RST."""

    def behave(sock: socket.socket) -> None:
        with context.wrap_socket(sock.dup(), server_side=True) as tls:
            tls.settimeout(PATIENCE)
            then(tls)
        if broken_off:
            reset(sock)

    return behave


def context_of(files: Path, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A server's; with a version it speaks that one alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "tls.crt", files / "tls.key")
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
    return context


def recognizing(context: ssl.SSLContext, name: str) -> ssl.SSLContext:
    """Refuses every other name, and none, by the alert of RFC 6066."""

    def look(_sock: ssl.SSLObject, asked: str | None, _context: ssl.SSLContext) -> int | None:
        return None if asked == name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = look
    return context


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Filter(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


DROP_ALL = ((0x06, 0, 0, 0),)
"""ret 0"""
DROP_WHAT_CARRIES_BYTES = (
    (0x30, 0, 0, 12),  # A = the header's length in the upper half of byte 12, in words of four bytes
    (0x54, 0, 0, 0xF0),
    (0x74, 0, 0, 2),
    (0x07, 0, 0, 0),  # X = A
    (0x80, 0, 0, 0),  # A = the packet's length
    (0x1D, 0, 1, 0),  # equal: there is nothing behind the header
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)


def drop(listener: socket.socket, program: tuple[tuple[int, int, int, int], ...]) -> None:
    """The kernel drops packets to the listener, and to its connections, as a firewall would: unseen by TCP."""
    instructions = (_Instruction * len(program))(*(_Instruction(*each) for each in program))
    attached = _Filter(len(program), instructions)
    size = ctypes.sizeof(attached)
    listener.setsockopt(socket.SOL_SOCKET, 26, ctypes.string_at(ctypes.addressof(attached), size))  # SO_ATTACH_FILTER
