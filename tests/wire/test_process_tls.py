"""Mutual TLS of hop and internal ports over real sockets, on uvloop as in production."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shield_proxy.config.identity import OPERATOR_URI, Identity, OperatorIdentity, PodIdentity
from shield_proxy.wire.tls.hops import HopTls, load_hop_tls, peer_identity

Issue = Callable[..., Path]
LOWER = PodIdentity("shop", "default", "lower")
UPPER = PodIdentity("shop", "default", "upper")


@asynccontextmanager
async def naming_server(tls: HopTls) -> AsyncIterator[int]:
    """Answers each connection with what it knows of the peer."""

    async def name(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        identity = peer_identity(writer.get_extra_info("ssl_object"))
        writer.write(f"{identity.uri if identity else None}".encode())
        writer.close()

    server = await asyncio.start_server(name, "127.0.0.1", 0, ssl=tls.server)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, context: ssl.SSLContext | None) -> tuple[str, Identity | None]:
    """What the server calls us, and what we call it; OSError when the server would not talk."""
    name = "" if context else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        served_by = peer_identity(writer.get_extra_info("ssl_object"))
        answer = (await reader.read()).decode()
        if not answer:
            raise ConnectionResetError("no answer")
        return answer, served_by
    finally:
        writer.transport.abort()


async def test_each_side_learns_the_others_identity(issue: Issue) -> None:
    async with naming_server(load_hop_tls(issue(UPPER.uri))) as port:
        assert await ask(port, load_hop_tls(issue(LOWER.uri)).client) == (LOWER.uri, UPPER)
        assert await ask(port, load_hop_tls(issue(OPERATOR_URI)).client) == (OperatorIdentity().uri, UPPER)


async def test_a_leaf_of_another_authority_is_refused_by_both_sides(
    issue: Issue, new_authority: Callable[[], Issue]
) -> None:
    stranger = load_hop_tls(new_authority()(LOWER.uri))
    async with naming_server(load_hop_tls(issue(UPPER.uri))) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(port, stranger.client)
        stranger.client.verify_mode = ssl.CERT_NONE
        with pytest.raises(OSError):
            await ask(port, stranger.client)


async def test_a_connection_without_a_certificate_or_without_tls_gets_no_answer(issue: Issue) -> None:
    bare = ssl.create_default_context(cafile=str(issue(LOWER.uri) / "ca.crt"))
    bare.check_hostname = False
    async with naming_server(load_hop_tls(issue(UPPER.uri))) as port:
        with pytest.raises(OSError):
            await ask(port, bare)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert UPPER.uri.encode() not in answer
        assert not answer.startswith(b"HTTP")


@pytest.mark.parametrize("uris", [(), (LOWER.uri, OPERATOR_URI), ("spiffe://example.com/operator",)])
async def test_a_certificate_that_does_not_name_exactly_one_identity_has_none(
    issue: Issue, uris: tuple[str, ...]
) -> None:
    async with naming_server(load_hop_tls(issue(UPPER.uri))) as port:
        assert (await ask(port, load_hop_tls(issue(*uris)).client))[0] == "None"


async def test_reload_changes_leaf_and_trust_of_a_running_listener(
    issue: Issue, new_authority: Callable[[], Issue]
) -> None:
    later = new_authority()
    directory = issue(UPPER.uri)
    tls = load_hop_tls(directory)
    old, new = load_hop_tls(issue(LOWER.uri)), load_hop_tls(later(LOWER.uri))
    async with naming_server(tls) as port:
        assert (await ask(port, old.client))[0] == LOWER.uri
        later(UPPER.uri, into=directory)
        tls.reload()
        assert (await ask(port, new.client))[0] == LOWER.uri
        old.client.verify_mode = ssl.CERT_NONE
        with pytest.raises(OSError):
            await ask(port, old.client)


async def test_an_overlapping_bundle_accepts_leaves_of_both_authorities(
    issue: Issue, new_authority: Callable[[], Issue]
) -> None:
    later = new_authority()
    directory, successor = issue(UPPER.uri), later(LOWER.uri)
    bundle = (directory / "ca.crt").read_bytes() + (successor / "ca.crt").read_bytes()
    for each in (directory, successor):
        (each / "ca.crt").write_bytes(bundle)
    tls = load_hop_tls(directory)
    async with naming_server(tls) as port:
        assert await ask(port, load_hop_tls(successor).client) == (LOWER.uri, UPPER)
        assert (await ask(port, load_hop_tls(issue(LOWER.uri)).client))[0] == LOWER.uri


@pytest.mark.parametrize("name", ["tls.crt", "tls.key", "ca.crt"])
async def test_a_file_that_cannot_be_used_is_named_and_the_old_contexts_stay(issue: Issue, name: str) -> None:
    directory = issue(UPPER.uri)
    tls = load_hop_tls(directory)
    (directory / name).write_text("not PEM")
    with pytest.raises(ValueError, match=name):
        tls.reload()
    (directory / name).unlink()
    with pytest.raises(ValueError, match=f"{name}.*No such file"):
        load_hop_tls(directory)
    async with naming_server(tls) as port:
        assert (await ask(port, load_hop_tls(issue(LOWER.uri)).client))[0] == LOWER.uri


def test_a_mounted_secret_is_read_through_its_link(issue: Issue, tmp_path: Path) -> None:
    version = tmp_path / "..version-1"
    version.mkdir()
    issue(UPPER.uri, into=version)
    (tmp_path / "..data").symlink_to(version.name)
    assert load_hop_tls(tmp_path).client.get_ca_certs()
