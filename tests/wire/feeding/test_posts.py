"""Samples on their way to an analytics service: what is posted, to whom, and in whose name."""

import ssl
from collections.abc import Sequence
from pathlib import Path

from feeding.analytics import HASTE, Service, fed, line, until
from health.servers import context_of, encrypted, serving
from world.certificates import Authority

from shield_proxy.config.checks.feed import read_sink
from shield_proxy.process.backlog import MOST_BATCH, Fate
from shield_proxy.process.feeding import Access, Feed, Pace, feeding


async def test_samples_are_posted_together_with_what_the_service_needs(service: Service, access: Access) -> None:
    async with fed(access) as feed:
        for number in range(3):
            feed.offer(line(number))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 3)
    (head,) = service.heads
    first, *fields = head.split("\r\n")
    assert first == "POST /v1/samples?cluster=a HTTP/1.1"
    assert f"Host: 127.0.0.1:{service.port}" in fields
    assert "Authorization: Bearer t0k3n" in fields
    assert "Content-Type: application/x-ndjson" in fields
    assert "Shield-Samples-Schema: 1" in fields
    assert [each["at"] for each in service.taken] == [f"2023-11-14T22:13:2{i}.000Z" for i in range(3)]
    assert service.taken[0] == {
        "namespace": "shop",
        "check": "origin",
        "id": "0" * 32,
        "region": "eu",
        "dataCenter": "eu/a",
        "at": "2023-11-14T22:13:20.000Z",
        "healthy": True,
        "code": 200,
        "attempts": 1,
    }


async def test_many_samples_are_sent_at_once_and_no_more_than_that(service: Service, access: Access) -> None:
    async with fed(access, Pace(batch=30.0)) as feed:
        for number in range(MOST_BATCH + 1):
            feed.offer(line(number))
        await until(lambda: len(service.heads) == 1)
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == MOST_BATCH)
        assert len(feed.backlog) == 1
    assert len(service.taken) == MOST_BATCH + 1


async def test_nothing_is_told_to_a_server_that_nobody_vouches_for(service: Service, access: Access) -> None:
    stranger = Access(access.sink, access.directory, Authority("another").pem)
    async with fed(stranger, drain=0.5) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 2)
    assert (service.heads, feed.backlog.fates[Fate.UNSENT]) == ([], 1)


async def test_authorities_of_the_folder_go_first_and_are_read_again(
    service: Service, access: Access, authority: Authority
) -> None:
    (access.directory / "ca.crt").write_text(Authority("another").pem)
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 1)
        (access.directory / "ca.crt").write_text(authority.pem)
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)


async def test_a_token_that_was_renewed_is_used(service: Service, access: Access) -> None:
    (access.directory / "token").unlink()
    async with fed(access) as feed:
        feed.offer(line(1))
        await until(lambda: feed.backlog.posts["error"] >= 1)
        (access.directory / "token").write_text("second")
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)
        (access.directory / "token").write_text("third")
        feed.offer(line(2))
        await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 2)
    tokens = [head.split("Authorization: Bearer ")[1].split("\r\n")[0] for head in service.heads]
    assert tokens == ["second", "third"]


async def test_names_are_asked_of_the_resolver_of_probes(authority: Authority, tmp_path: Path, access: Access) -> None:
    async def answer(host: str) -> Sequence[str]:
        assert host == "analytics.test"
        return ("127.0.0.1",)

    service = Service()
    context = context_of(authority.issue(tmp_path / "named", "analytics.test"))
    with serving(lambda sock: encrypted(context, service.behave)(sock)) as server:
        sink = read_sink(f"https://analytics.test:{server.port}/")
        feed = Feed(Access(sink, access.directory, authority.pem), answer, HASTE)
        async with feeding(feed):
            feed.offer(line(1))
            await until(lambda: feed.backlog.fates[Fate.DELIVERED] == 1)


def test_tls_is_as_new_as_that_of_probes(access: Access) -> None:
    assert access.trust(access.trusted()).minimum_version is ssl.TLSVersion.TLSv1_2
