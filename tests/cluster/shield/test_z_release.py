"""Upgrading, going back, removing and installing again, under traffic. Last, because it changes the release."""

import base64
import re
import shutil
from pathlib import Path
from typing import Any

from localcluster import Cluster
from product import objects
from product.asking import ask
from product.install import IMAGE, ROOT, Installed, build_image, image_values
from product.loop import asking
from product.polling import poll

HOST = "shop.example.com"
COPIED = ("operator", "proxy", "requirements", "helm", "crds", "Dockerfile", "pyproject.toml", "README.md", "LICENSE")


def images_of(product: Installed, namespace: str) -> set[str]:
    """Images of the running proxies."""
    pods = product.tools.list("pods", namespace, "smartshield.io/tier in (lower,upper)")
    return {p["spec"]["containers"][0]["image"] for p in pods}


def settled(product: Installed, namespace: str, image: str) -> bool:
    """Whether every proxy runs that image, is Ready, and the zone says so."""
    deployments = product.tools.list("deploy", namespace, "smartshield.io/tier in (lower,upper)")
    assert images_of(product, namespace) == {image}
    assert all(d["status"].get("readyReplicas", 0) == d["spec"]["replicas"] for d in deployments)
    return objects.condition(product.tools.get("ssz", "shop", namespace), "Ready").get("status") == "True"


def next_tree(folder: Path) -> Path:
    """This checkout as the next version would be: another version, the next schema number."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    version = folder / "proxy" / "shield_proxy" / "config" / "version.py"
    text = version.read_text()
    schema = int(re.search(r"^SCHEMA = (\d+)$", text, re.M).group(1))  # type: ignore[union-attr]
    text = re.sub(r'^VERSION = ".*"$', 'VERSION = "0.99.0"', text, flags=re.M)
    version.write_text(re.sub(r"^SCHEMA = \d+$", f"SCHEMA = {schema + 1}", text, flags=re.M))
    return folder


def record_schema(product: Installed, namespace: str) -> int:
    """The schema number in the record's first chunk."""
    chunks = product.tools.list("cm", namespace, "app.kubernetes.io/component=state,smartshield.io/fleet=default")
    for chunk in chunks:
        content = base64.b64decode(chunk.get("binaryData", {}).get("chunk", ""))
        if content.startswith(b"0 "):
            return int(content.split(b"\n")[1].split(b" ")[1])
    raise AssertionError("no record")


def test_an_upgrade_to_another_version_and_schema_and_back_loses_no_request(
    product: Installed, cluster: Cluster, shop: str, values: dict[str, Any], tmp_path: Path
) -> None:
    """All proxies roll, one data centre at a time; a client loop sees no error; the record follows the schema."""
    edge, schema = product.edge(shop, "shop"), record_schema(product, shop)
    old, new = f"{IMAGE}:{values['image']['tag']}", f"{IMAGE}:next"
    cluster.load(build_image("next", next_tree(tmp_path)))
    with asking(cluster, "sjc", edge, HOST, "/cache/{n}?ttl=60") as tally:
        product.upgrade({**values, **image_values("next")})
        poll("every proxy runs the next version", lambda: settled(product, shop, new), 300, every=2)
        poll("the record has the next schema", lambda: record_schema(product, shop) == schema + 1, 60)
    assert tally.failed == []
    with asking(cluster, "ams", edge, HOST, "/cache/{n}?ttl=60") as tally:
        product.upgrade(values)
        poll("every proxy runs the version before", lambda: settled(product, shop, old), 300, every=2)
        poll("the record has the schema before", lambda: record_schema(product, shop) == schema, 60)
    assert tally.failed == []


def test_changed_values_roll_what_they_concern(
    product: Installed, cluster: Cluster, shop: str, values: dict[str, Any]
) -> None:
    """More L1 memory rolls the proxies and leaves Redis alone."""
    tools, edge = product.tools, product.edge(shop, "shop")
    redis = {p["metadata"]["uid"] for p in tools.list("pods", shop, "smartshield.io/tier=redis")}
    before = {p["metadata"]["uid"] for p in tools.list("pods", shop, "smartshield.io/tier in (lower,upper)")}
    with asking(cluster, "iad", edge, HOST, "/cache/{n}?ttl=60") as tally:
        product.upgrade({**values, "fleetDefaults": {**values["fleetDefaults"], "memory": "48Mi"}})

        def rolled() -> bool:
            pods = tools.list("pods", shop, "smartshield.io/tier in (lower,upper)")
            return not before & {p["metadata"]["uid"] for p in pods} and settled(
                product, shop, f"{IMAGE}:{values['image']['tag']}"
            )

        poll("every proxy has rolled", rolled, 300, every=2)
    assert tally.failed == []
    assert {p["metadata"]["uid"] for p in tools.list("pods", shop, "smartshield.io/tier=redis")} == redis


def test_uninstall_keeps_zones_and_another_release_takes_over(
    product: Installed, cluster: Cluster, shop: str, values: dict[str, Any]
) -> None:
    """CRDs, zones, pods and the CA survive; a release of another name goes on with them; no request fails."""
    tools, edge = product.tools, product.edge(shop, "shop")
    authority = tools.get("secret", "smart-shield-ca", product.namespace)
    assert authority is not None
    with asking(cluster, "fra", edge, HOST, "/cache/{n}?ttl=60") as tally:
        product.uninstall()
        assert tools.get("ssz", "shop", shop) is not None
        assert ask(cluster, "ams", edge, HOST, "/cache/uninstalled").status == 200
        second = Installed(cluster, tools, release="second", namespace=product.namespace)
        second.upgrade(values, "--take-ownership")
        tools.apply(objects.zone("shop", shop, [HOST, "after.example.com"]))
        poll(
            "the second release serves a change",
            lambda: ask(cluster, "ams", edge, "after.example.com", "/cache/x").status == 200,
            120,
        )
        second.wait_ready(shop, "shop")
    assert tally.failed == []
    assert (tools.get("secret", "smart-shield-ca", product.namespace) or {})["data"] == authority["data"]
    tools.apply(objects.zone("shop", shop, [HOST]))
    second.uninstall()
    product.upgrade(values, "--take-ownership")
