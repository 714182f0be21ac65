"""JSON lines over a unix socket: how the tool speaks to a running cluster's supervisor and WAN."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any


class Unreachable(Exception):
    """Nobody answers on the socket: the cluster is not up or is going down."""


class Refused(Exception):
    """The order was understood but not carried out; the text says why."""


def ask(path: Path, order: dict[str, Any], timeout: float = 60.0) -> dict[str, Any]:
    """The answer to `order`; Unreachable or Refused otherwise."""
    try:
        folder = os.open(path.parent, os.O_PATH)
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            # a unix socket's path holds 107 bytes; this way any folder will do
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
            connection.sendall(json.dumps(order).encode() + b"\n")
            text = _line(connection)
    except OSError as error:
        raise Unreachable(f"{path}: {error}") from None
    finally:
        os.close(folder)
    answer: dict[str, Any] = json.loads(text)
    if "error" in answer:
        raise Refused(str(answer["error"]))
    return answer


def _line(connection: socket.socket) -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        piece = connection.recv(1 << 20)
        if not piece:
            raise ConnectionResetError("closed without an answer")
        text += piece
    return text
