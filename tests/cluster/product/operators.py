"""The operator's pods: as many as a test wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from product.install import Installed
from product.polling import poll

OPERATOR = "app.kubernetes.io/component=operator"


def scale(product: Installed, replicas: int) -> None:
    """Scales the operator and waits until so many pods are there."""
    name = product.tools.list("deploy", product.namespace, OPERATOR)[0]["metadata"]["name"]
    product.tools.kubectl("scale", "deploy", name, "-n", product.namespace, f"--replicas={replicas}")
    poll(f"{replicas} operator pods", lambda: len(operators(product)) == replicas, 60)


def operators(product: Installed) -> list[dict[str, Any]]:
    """The operator's pods that are not on their way out."""
    pods = product.tools.list("pods", product.namespace, OPERATOR)
    return [dict(p) for p in pods if "deletionTimestamp" not in p["metadata"]]


def wait_for_operator(product: Installed) -> None:
    """Returns when the operator's pods are Ready, as many as wanted; one on its way out is not waited for."""
    deployments = product.tools.list("deployments", product.namespace, OPERATOR)
    assert deployments
    for deployment in deployments:
        product.tools.kubectl(
            "rollout", "status", f"deployment/{deployment['metadata']['name']}", "-n", product.namespace,
            "--timeout=90s",
        )  # fmt: skip


@contextmanager
def kept_on(product: Installed, node: str) -> Iterator[None]:
    """While the block runs, operators run on that node alone."""
    _choose(product, node)
    try:
        yield
    finally:
        _choose(product, None)


def _choose(product: Installed, node: str | None) -> None:
    change = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": node}}}}}
    for deployment in product.tools.list("deployments", product.namespace, OPERATOR):
        product.tools.patch("deployment", deployment["metadata"]["name"], product.namespace, change)
    wait_for_operator(product)
