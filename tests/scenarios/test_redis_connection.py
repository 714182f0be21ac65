"""One connection to a real Redis: replies in order, late ones left aside."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from world.fleet import until
from world.redis import Redis

from shield_proxy.store.resp import RedisConnection, RedisFailed, pack


def pid_of(redis: Redis) -> int:
    assert redis.process is not None
    return redis.process.pid


async def connected(redis: Redis) -> RedisConnection:
    connection = RedisConnection()
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", redis.port)
    await connection.ask(pack("AUTH", "secret"), 1, 5)
    return connection


async def test_a_late_reply_is_not_taken_for_that_of_another(redis: Redis) -> None:
    connection = await connected(redis)
    os.kill(pid_of(redis), signal.SIGSTOP)
    try:
        with pytest.raises(RedisFailed):
            await connection.ask(pack("ECHO", "late"), 1, 0.05)
        waiting = connection.ask(pack("ECHO", "next"), 1, 5)
    finally:
        os.kill(pid_of(redis), signal.SIGCONT)
    assert await waiting == [b"next"]
    assert connection.usable
    connection.cut()


async def test_a_reply_that_is_here_is_not_late_because_this_process_was_busy(redis: Redis) -> None:
    connection = await connected(redis)
    told: list[list[Any] | None] = []
    connection.send(pack("ECHO", "here"), 1, 0.02, told.append)
    await asyncio.sleep(0)  # it leaves
    time.sleep(0.2)
    await until(lambda: bool(told))
    assert told == [[b"here"]]
    connection.cut()


async def test_a_redis_that_says_nothing_is_left(redis: Redis) -> None:
    connection = await connected(redis)
    os.kill(pid_of(redis), signal.SIGSTOP)
    try:
        with pytest.raises(RedisFailed):
            await connection.ask(pack("PING"), 1, 0.01)
        await until(lambda: not connection.usable)
    finally:
        os.kill(pid_of(redis), signal.SIGCONT)


async def test_what_is_sent_in_one_step_leaves_in_its_order_and_large_replies_come_whole(redis: Redis) -> None:
    connection = await connected(redis)
    values = [bytes([65 + number]) * (number * 30_000) for number in range(8)]
    waiting = [connection.ask(pack("ECHO", value), 1, 5) for value in values]
    assert connection.queued > sum(map(len, values))
    for value, reply in zip(values, waiting, strict=True):
        assert await reply == [value]
    assert connection.queued == 0
    connection.cut()


async def test_what_has_not_left_a_connection_that_is_cut_fails(redis: Redis) -> None:
    connection = await connected(redis)
    waiting = connection.ask(pack("PING"), 1, 5)
    connection.cut()
    with pytest.raises(RedisFailed):
        await waiting
    assert connection.queued == 0
