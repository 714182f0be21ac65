"""The command lines of etcd and the control plane's components. Light at rest: a test cluster has no disk to lose."""

from __future__ import annotations

import json
from pathlib import Path

from . import layout, pki

ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"


def etcd(state: Path) -> list[str]:
    """etcd without fsync: what it holds ends with the cluster."""
    return [
        "etcd",
        f"--data-dir={state}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={ETCD_PEER}",
        f"--initial-advertise-peer-urls={ETCD_PEER}",
        f"--initial-cluster=default={ETCD_PEER}",
        "--heartbeat-interval=500",
        "--election-timeout=5000",
        "--initial-election-tick-advance=true",
        "--auto-compaction-mode=periodic",
        "--auto-compaction-retention=5m",
        "--log-level=warn",
    ]


def apiserver(state: Path) -> list[str]:
    """kube-apiserver. It reaches pods itself, so that webhooks served by pods work."""
    keys = state / "pki"
    return [
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--advertise-address={layout.CONTROL_ADDRESS}",
        f"--secure-port={layout.API_PORT}",
        f"--service-cluster-ip-range={layout.SERVICE_NETWORK}",
        f"--tls-cert-file={keys}/apiserver.crt",
        f"--tls-private-key-file={keys}/apiserver.key",
        f"--client-ca-file={keys}/ca.crt",
        f"--kubelet-client-certificate={keys}/apiserver-kubelet.crt",
        f"--kubelet-client-key={keys}/apiserver-kubelet.key",
        f"--kubelet-certificate-authority={keys}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={keys}/service-account.key",
        f"--service-account-signing-key-file={keys}/service-account.key",
        f"--service-account-issuer=https://kubernetes.default.svc.{layout.CLUSTER_DOMAIN}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--enable-aggregator-routing=true",
        "--event-ttl=1h",
        "--profiling=false",
        "--v=1",
    ]


def controller_manager(state: Path) -> list[str]:
    """kube-controller-manager, its controllers each under an account of their own."""
    keys = state / "pki"
    return [
        "kube-controller-manager",
        f"--kubeconfig={state}/controller-manager.kubeconfig",
        f"--authentication-kubeconfig={state}/controller-manager.kubeconfig",
        f"--authorization-kubeconfig={state}/controller-manager.kubeconfig",
        f"--service-account-private-key-file={keys}/service-account.key",
        f"--root-ca-file={keys}/ca.crt",
        f"--cluster-signing-cert-file={keys}/ca.crt",
        f"--cluster-signing-key-file={keys}/ca.key",
        "--use-service-account-credentials",
        "--allocate-node-cidrs=false",
        "--leader-elect=false",
        "--node-monitor-grace-period=40s",
        "--concurrent-deployment-syncs=10",
        "--kube-api-qps=100",
        "--kube-api-burst=200",
        "--profiling=false",
        "--v=1",
    ]


def scheduler(state: Path) -> list[str]:
    """kube-scheduler."""
    configuration = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": f"{state}/scheduler.kubeconfig", "qps": 100, "burst": 200},
        "leaderElection": {"leaderElect": False},
        "enableProfiling": False,
    }
    path = state / "scheduler.json"
    path.write_text(json.dumps(configuration))
    kubeconfig = f"{state}/scheduler.kubeconfig"
    return [
        "kube-scheduler",
        f"--config={path}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--v=1",
    ]


def configure(state: Path) -> None:
    """Each component's kubeconfig, with a certificate of its own, is in the state folder."""
    server = f"https://{layout.CONTROL_ADDRESS}:{layout.API_PORT}"
    for name in ("controller-manager", "scheduler", "supervisor"):
        pki.write_kubeconfig(state / f"{name}.kubeconfig", state / "pki", name, server)
