"""The WAN: a user-space Ethernet switch that delays every frame by the pair of places it goes between.

    python -m localcluster.wan --socket PATH --port PLACE=DEVICE ... < matrix.json

Each port is one end of a veth pair whose other end is in a node's or an origin's network namespace. Frames are
taken and given with their virtio header, so segmentation and checksum offload stay on: a bulk transfer crosses in
frames of up to 64 KiB and costs a twentieth of what single packets would. A path may be changed or cut while traffic
flows, by one JSON line on the control socket (SPEAK below); whoever holds an address is learnt from the frames, as a
switch does.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .wanmatrix import DelayLine, Matrix, pair

ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32
VNET_HEADER = 10
LARGEST_FRAME = VNET_HEADER + 14 + 65536
BURST = 64
ROOM = 64 << 20
URGENT = -15


@dataclass(slots=True)
class Count:
    """What one path has carried and lost since the start, both directions together."""

    frames: int = 0
    bytes: int = 0
    cut: int = 0
    full: int = 0


@dataclass(slots=True)
class Switch:
    """Ports, what has been learnt about them, and the frames on their way."""

    matrix: Matrix
    ports: dict[str, socket.socket]
    line: DelayLine = field(default_factory=lambda: DelayLine(ROOM))
    learnt: dict[bytes, str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)

    def take(self, place: str) -> None:
        """Read what waits at a port, at most a burst, and put it on the line."""
        port = self.ports[place]
        for _ in range(BURST):
            try:
                frame = port.recv(LARGEST_FRAME)
            except BlockingIOError:
                return
            except OSError:  # the device went away or down with its namespace; its frames are gone
                return
            if place in self.down:
                continue
            now = time.monotonic()
            header = frame[VNET_HEADER : VNET_HEADER + 12]
            target, source = header[:6], header[6:]
            self.learnt[source] = place
            known = self.learnt.get(target)
            for out in (known,) if known else self.matrix.places:
                if out != place:
                    self._carry(now, place, out, frame)

    def _carry(self, now: float, place: str, out: str, frame: bytes) -> None:
        count = self.counts.setdefault(pair(place, out), Count())
        delay = self.matrix.delay(place, out)
        if delay is None or out in self.down:
            count.cut += 1
        elif self.line.push(now + delay, out, frame):
            count.frames += 1
            count.bytes += len(frame) - VNET_HEADER
        else:
            count.full += 1

    def give(self) -> float | None:
        """Send what is due; seconds until the next frame is, None if nothing is on its way."""
        while (due := self.line.next_due()) is not None:
            now = time.monotonic()
            leaving = self.line.pop_due(now)
            if leaving is None:
                return max(0.0, due - now)
            place, frame = leaving
            try:
                self.ports[place].send(frame)
            except OSError:  # as on a wire: a port that can't take a frame loses it
                continue
        return None

    def answer(self, line: bytes) -> dict[str, object]:
        """The reply to one control line; {"error": ...} if it can't be obeyed."""
        try:
            order = json.loads(line)
            return SPEAK[order["op"]](self, order)
        except (ValueError, KeyError, TypeError, LookupError) as error:
            return {"error": f"{error}"}

    def show(self, _order: dict[str, object]) -> dict[str, object]:
        return {
            "places": list(self.matrix.places),
            "ms": [[a, b, ms] for (a, b), ms in self.matrix.ms.items()],
            "down": sorted(self.down),
            "counts": [[a, b, asdict(count)] for (a, b), count in sorted(self.counts.items())],
        }

    def set(self, order: dict[str, object]) -> dict[str, object]:
        ms = order["ms"]
        value = None if ms is None else float(str(ms))
        self.matrix = self.matrix.with_path(str(order["a"]), str(order["b"]), value)
        return {"ok": True}

    def plug(self, order: dict[str, object]) -> dict[str, object]:
        place, up = str(order["place"]), bool(order["up"])
        if place not in self.ports:
            raise LookupError(f"no place {place!r} on the WAN")
        (self.down.discard if up else self.down.add)(place)
        return {"ok": True}


SPEAK = {"show": Switch.show, "set": Switch.set, "plug": Switch.plug}


def open_port(device: str) -> socket.socket:
    """A raw socket on a device that sees only what comes in, with the virtio header in front of each frame."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    port.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    port.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    port.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
    port.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 32 << 20)
    port.bind((device, ETH_P_ALL))
    port.setblocking(False)
    return port


def serve(switch: Switch, control: socket.socket) -> None:
    """Switch frames and answer control lines until the process is ended."""
    places = {port.fileno(): place for place, port in switch.ports.items()}
    clients: dict[int, socket.socket] = {}
    wait: float | None = None
    while True:
        # select, not epoll: its time-out is in microseconds, and there are few ports
        ready, _, _ = select.select([*places, control.fileno(), *clients], [], [], wait)
        for fd in ready:
            if fd in places:
                switch.take(places[fd])
            elif fd in clients:
                _converse(switch, clients, fd)
            else:
                client, _ = control.accept()
                clients[client.fileno()] = client
        wait = switch.give()


def _converse(switch: Switch, clients: dict[int, socket.socket], fd: int) -> None:
    client = clients[fd]
    try:
        line = client.recv(65536)
        if line:
            client.sendall(json.dumps(switch.answer(line)).encode() + b"\n")
            return
    except OSError:
        pass  # the asker left; the order, if it came whole, has been obeyed
    del clients[fd]
    client.close()


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="localcluster.wan", description="A switch with a delay per pair of places.")
    parser.add_argument("--socket", required=True, help="the control socket's path")
    parser.add_argument("--port", action="append", required=True, metavar="PLACE=DEVICE")
    args = parser.parse_args(argv)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, URGENT)  # a late switch is a longer path
    devices = dict(port.split("=", 1) for port in args.port)
    ms = {(a, b): value for a, b, value in json.load(sys.stdin)}
    switch = Switch(Matrix.of(devices, ms), {place: open_port(device) for place, device in devices.items()})
    Path(args.socket).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.bind(args.socket)
        control.listen(8)
        serve(switch, control)


if __name__ == "__main__":
    main(sys.argv[1:])
