"""What a proxy's pod mounts: the zone state, its own certificate, Redis' password, and the certificates of zones."""

from collections.abc import Iterable, Mapping

from shield_operator.core import naming
from shield_operator.core.layout import Layout
from shield_operator.core.objects.common import Object
from shield_operator.core.places import Place
from shield_proxy.config import contract
from shield_proxy.config.contract import Tier

FOLDERS: Mapping[str, str] = {
    "state": contract.STATE_DIR,
    "tls": contract.TLS_DIR,
    "redis": contract.REDIS_DIR,
    "certificates": contract.CERTIFICATES_DIR,
    "origin-tls": contract.ORIGIN_TLS_DIR,
}
"""Volume -> where it is mounted."""
PRIVATE = 0o440
"""Read by the pod's user and group alone."""


def volumes(layout: Layout, tier: Tier, place: Place) -> list[Object]:
    """The volumes of a tier's pods; each is mounted at its place in FOLDERS."""
    fleet = layout.key.name
    chunks = [
        {"configMap": {"name": name, "optional": True, "items": [{"key": "chunk", "path": f"chunk-{i}"}]}}
        for i, name in enumerate(naming.record_chunks(fleet))
    ]
    out: list[Object] = [
        {"name": "state", "projected": {"sources": chunks}},
        {"name": "tls", "secret": {"secretName": naming.certificate_secret(fleet, tier), "defaultMode": PRIVATE}},
    ]
    if layout.manages_redis(place.key):
        out.append({"name": "redis", "secret": {"secretName": naming.redis_secret(fleet), "defaultMode": PRIVATE}})
    if tier is Tier.LOWER and layout.certificates:
        out.append(_key_pairs("certificates", layout.certificates))
    if tier is Tier.UPPER and layout.client_certificates:
        out.append(_key_pairs("origin-tls", layout.client_certificates))
    return out


def _key_pairs(volume: str, secrets: Iterable[str]) -> Object:
    """One volume with a folder for each Secret. A Secret that does not exist, or lacks a key, holds up no pod: the
    kubelet adds its files when they are there, and replaces those of all Secrets in one step."""
    sources = [
        {
            "secret": {
                "name": name,
                "optional": True,
                "items": [{"key": key, "path": f"{name}/{key}"} for key in ("tls.crt", "tls.key")],
            }
        }
        for name in secrets
    ]
    return {"name": volume, "projected": {"defaultMode": PRIVATE, "sources": sources}}
