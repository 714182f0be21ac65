"""Connections to upstreams over real sockets."""

import asyncio
import socket

from shield_proxy.wire.connect import notice_silence


async def test_a_connection_notices_a_machine_that_vanished() -> None:
    async with await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        notice_silence(writer.transport, 3)
        sock: socket.socket = writer.get_extra_info("socket")
        tcp = {
            name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"))
            for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
        }
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert tcp == {"KEEPIDLE": 1, "KEEPINTVL": 1, "KEEPCNT": 3, "USER_TIMEOUT": 3000}
        writer.close()
        await writer.wait_closed()
