"""The corpus of malformed responses is no healthy origin's, whole or in small pieces."""

import socket

import pytest
from corpus import badanswers, otheranswers
from corpus.answers import Answer, Bad, Good
from health.place import Place
from health.servers import Behaviour, leave, read_head, serving, wait_for_end

from shield_proxy.config.checks.check import Method
from shield_proxy.config.checks.reasons import Reason

SMALL = 1500
MANY_HINTS = "too many interim responses"
"""To a proxy, which would pass them on; a probe counts their bytes."""


def sending(answer: Answer, step: int) -> Behaviour:
    def behave(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_head(sock)
        for i in range(0, len(answer.raw), step):
            sock.sendall(answer.raw[i : i + step])
        (leave if answer.closes else wait_for_end)(sock)

    return behave


@pytest.mark.parametrize("step", [1, 1 << 20])
async def test_what_is_malformed_is_an_invalid_response(place: Place, step: int) -> None:
    answers = [a for a in badanswers.ANSWERS if a.name != MANY_HINTS and (step > 1 or len(a.raw) <= SMALL)]
    assert len(answers) > 60
    for answer in answers:
        assert answer.verdict == Bad()
        with serving(sending(answer, step)) as server:
            sample = await place.probe(server.port, expected_codes=("2xx", "3xx", "4xx", "5xx"))
        assert sample.reason is Reason.HTTP_INVALID, (answer.name, sample)


async def test_what_is_odd_but_good_is_healthy(place: Place) -> None:
    answers = [(a, a.verdict) for a in otheranswers.ANSWERS if isinstance(a.verdict, Good) and a.method in [*Method]]
    assert len(answers) > 20
    for answer, meaning in answers:
        with serving(sending(answer, 1 << 20)) as server:
            method, codes = Method(answer.method), (str(meaning.status),)
            sample = await place.probe(server.port, method=method, expected_codes=codes)
        assert sample.healthy, (answer.name, sample)
