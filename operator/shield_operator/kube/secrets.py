"""Certificates and passwords, kept in the operator's namespace and copied to where pods mount them.

What is kept is read with the operator's rights in its own namespace; copies are applied blindly, for elsewhere it may
only create and patch Secrets. Kept Secrets belong to no release: they survive it, and with them the CA.
"""

import base64
import datetime
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from shield_operator.core import naming, plan
from shield_operator.core.world import FleetKey
from shield_operator.kube.api import Api, ApiError, Conflict, Unreachable
from shield_operator.kube.certificates import (
    Authority,
    InvalidAuthority,
    Leaf,
    issue,
    new_authority,
    read_authority,
    renewal_reason,
    with_bundle,
)
from shield_operator.kube.kinds import SECRET
from shield_proxy.config.identity import OPERATOR_URI, PodIdentity

CA_NAME = "smart-shield-ca"
LABEL_KEPT = f"{naming.GROUP}/kept"
LABEL_NAMESPACE = f"{naming.GROUP}/fleet-namespace"
CHAIN, KEY, TRUST, PASSWORD = "tls.crt", "tls.key", "ca.crt", "password"
CA_SECONDS = 300.0
"""How long a CA that was read is taken for the current one."""
log = logging.getLogger(__name__)


def kept_name(kind: str, key: FleetKey, tier: str = "") -> str:
    """The name, in the operator's namespace, of what is kept for a fleet."""
    return naming.child("kept", kind, key.namespace, key.name, tier)


class SecretKeeper:
    """Makes what does not exist, renews what is due, and tells what the fleet's copies must hold."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._authority: Authority | None = None
        self._read_at = 0.0
        self._kept: dict[str, dict[str, bytes]] = {}
        self._own: Leaf | None = None

    async def authority(self, now: float) -> Authority:
        """The CA, made if there is none. `now` is monotonic; InvalidAuthority says what is wrong with the Secret."""
        if self._authority is None or now - self._read_at >= CA_SECONDS:
            made = new_authority(_utc())
            fresh = {CHAIN: made.certificate, KEY: made.key, TRUST: made.bundle}
            try:
                found = await self._read_or_make(CA_NAME, fresh, {LABEL_KEPT: "ca"})
            except (ApiError, Unreachable) as error:
                if self._authority is None:
                    raise
                log.warning("the CA can't be read again: %s", error)
                return self._authority
            try:
                self._authority = read_authority(*(found.get(name, b"") for name in (CHAIN, KEY, TRUST)))
            except InvalidAuthority as error:
                raise InvalidAuthority(f"Secret {self._namespace}/{CA_NAME}: {error}") from None
            self._read_at = now
        return self._authority

    async def own_leaf(self, now: float) -> Leaf:
        """The operator's certificate, never stored anywhere. The same object until it is due."""
        authority = await self.authority(now)
        if renewal_reason(self._own, OPERATOR_URI, authority, _utc()) is not None:
            self._own = issue(authority, OPERATOR_URI, _utc())
        assert self._own is not None
        if self._own.bundle != authority.bundle:
            self._own = with_bundle(self._own, authority)
        return self._own

    async def copies(self, key: FleetKey, wanted: plan.Secrets, now: float) -> list[Mapping[str, Any]]:
        """The Secrets to apply in the fleet's namespace; what is kept for them exists then."""
        out: list[Mapping[str, Any]] = []
        for tier, name in sorted(wanted.certificates.items()):
            leaf = await self._leaf(key, tier, now)
            content = {CHAIN: leaf.certificate, KEY: leaf.key, TRUST: leaf.bundle}
            out.append(_copy(key, name, content, wanted))
        if wanted.redis is not None:
            password = await self._kept_or_made(
                kept_name("redis", key), {PASSWORD: secrets.token_hex(24).encode()}, _fleet_labels("redis", key)
            )
            out.append(_copy(key, wanted.redis, {PASSWORD: password[PASSWORD]}, wanted))
        return out

    async def forget(self, key: FleetKey) -> int:
        """Removes what is kept for a fleet that has no zones any more. Returns how many Secrets went."""
        selector = ",".join(f"{name}={value}" for name, value in _fleet_labels(None, key).items())
        gone = 0
        for body in await self._api.items(SECRET, self._namespace, selector):
            gone += await self._api.delete(SECRET, body)
            self._kept.pop(body["metadata"]["name"], None)
        return gone

    async def fleets(self) -> frozenset[FleetKey]:
        """Every fleet that something is kept for."""
        kept = await self._api.items(SECRET, self._namespace, f"{LABEL_KEPT},{LABEL_NAMESPACE},{naming.LABEL_FLEET}")
        labels = [body["metadata"]["labels"] for body in kept]
        return frozenset(FleetKey(label[LABEL_NAMESPACE], label[naming.LABEL_FLEET]) for label in labels)

    async def _leaf(self, key: FleetKey, tier: str, now: float) -> Leaf:
        authority = await self.authority(now)
        uri = PodIdentity(key.namespace, key.name, tier).uri
        name, labels = kept_name("tls", key, tier), _fleet_labels("tls", key)
        kept = self._kept.get(name) or await self._read(name)
        leaf = Leaf(kept[CHAIN], kept[KEY], kept[TRUST]) if kept and {CHAIN, KEY, TRUST} <= kept.keys() else None
        reason = renewal_reason(leaf, uri, authority, _utc())
        if leaf is not None and reason is None:
            self._kept[name] = {CHAIN: leaf.certificate, KEY: leaf.key, TRUST: leaf.bundle}
            return with_bundle(leaf, authority)
        log.info("issuing the certificate of %s/%s, tier %s: %s", key.namespace, key.name, tier, reason)
        fresh = issue(authority, uri, _utc())
        content = {CHAIN: fresh.certificate, KEY: fresh.key, TRUST: fresh.bundle}
        await self._api.apply(SECRET, _body(self._namespace, name, content, labels))
        self._kept[name] = content
        return fresh

    async def _kept_or_made(self, name: str, fresh: dict[str, bytes], labels: Mapping[str, str]) -> dict[str, bytes]:
        if name not in self._kept:
            found = await self._read_or_make(name, fresh, labels)
            if not fresh.keys() <= found.keys():
                await self._api.apply(SECRET, _body(self._namespace, name, fresh, labels))
                found = fresh
            self._kept[name] = found
        return self._kept[name]

    async def _read_or_make(self, name: str, fresh: dict[str, bytes], labels: Mapping[str, str]) -> dict[str, bytes]:
        """What the Secret holds; of two operators that make it at once the second takes what the first made."""
        found = await self._read(name)
        if found is not None:
            return found
        try:
            await self._api.create(SECRET, _body(self._namespace, name, fresh, labels))
        except Conflict:
            return await self._read(name) or fresh
        return fresh

    async def _read(self, name: str) -> dict[str, bytes] | None:
        body = await self._api.read(SECRET, self._namespace, name)
        if body is None:
            return None
        return {field: base64.b64decode(value) for field, value in (body.get("data") or {}).items()}


def _fleet_labels(kind: str | None, key: FleetKey) -> dict[str, str]:
    labels = {LABEL_NAMESPACE: key.namespace, naming.LABEL_FLEET: key.name}
    return labels if kind is None else {LABEL_KEPT: kind, **labels}


def _copy(key: FleetKey, name: str, content: Mapping[str, bytes], wanted: plan.Secrets) -> dict[str, Any]:
    body = _body(key.namespace, name, content, wanted.labels)
    body["metadata"]["ownerReferences"] = [dict(owner) for owner in wanted.owners]
    return body


def _body(namespace: str, name: str, content: Mapping[str, bytes], labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "type": "Opaque",
        "data": {field: base64.b64encode(value).decode() for field, value in sorted(content.items())},
    }


def _utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
