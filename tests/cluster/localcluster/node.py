"""What makes a network namespace a node: the configuration of containerd, the CNI, the kubelet and kube-proxy, and the
script that is process 1 of the node and ends everything on it by ending.

Within its own mount namespace a node has a /run, /var/lib and /var/log of its own, so that every program may use its
default paths and no two nodes or clusters meet. Files of this module are under /run/node, binaries under /run/bin.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import layout, pki
from .cgroups import is_unified

PAUSE_IMAGE = "localhost/pause:1"
VOLUMES = 4
# this file appears in /run/node once the API server knows kube-proxy's rights: one that asks earlier waits for seconds
API_READY = "api-ready"


def cni(node: layout.Node) -> dict[str, Any]:
    """The CNI configuration list: a bridge with addresses of the node's pod range, hairpins and host ports."""
    ipam = {"type": "host-local", "dataDir": "/run/ipam", "ranges": [[{"subnet": node.pods}]]}
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": ipam,
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, portmap]}


def containerd(snapshotter: str) -> str:
    """containerd's configuration (format 2, read by 1.6 and later)."""
    return f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/run/node/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def kubelet(node: layout.Node, group: str) -> dict[str, Any]:
    """The kubelet's configuration; `group` is the cluster's control group."""
    versioned = {} if is_unified() else {"failCgroupV1": False}
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        **versioned,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{group}/{node.name}",
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "address": node.address,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDNS": [layout.DNS_ADDRESS],
        "clusterDomain": layout.CLUSTER_DOMAIN,
        "resolvConf": "/run/node/resolv.conf",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": "/run/node/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": "/run/node/kubelet.crt",
        "tlsPrivateKeyFile": "/run/node/kubelet.key",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
        "volumePluginDir": "/run/node/plugins",
        "podLogsDir": "/var/log/pods",
        "maxPods": 110,
        # at rest a kubelet should be quiet: status on change and every minute, the lease tells that it lives
        "nodeStatusUpdateFrequency": "10s",
        "nodeStatusReportFrequency": "1m",
        "volumeStatsAggPeriod": "-1s",
        "registerWithTaints": [],
        "shutdownGracePeriod": "0s",
        "enableProfilingHandler": False,
        "logging": {"verbosity": 1},
    }


def kube_proxy(node: layout.Node) -> dict[str, Any]:
    """kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": "/run/node/proxy.kubeconfig"},
        "hostnameOverride": node.name,
        "mode": "iptables",
        "clusterCIDR": layout.POD_NETWORK,
        "iptables": {"minSyncPeriod": "200ms"},
        # these sysctls belong to the machine
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def init_script(node: layout.Node, home: Path, binaries: Path) -> str:
    """Process 1 of the node, for /bin/sh. What ends is started again. `home` and `binaries` are host paths."""
    labels = f"{layout.REGION_LABEL}={node.region},{layout.ZONE_LABEL}={node.zone}"
    kubelet_flags = (
        "--config=/run/node/kubelet.yaml --kubeconfig=/run/node/kubelet.kubeconfig"
        f" --hostname-override={node.name} --node-ip={node.address} --node-labels={labels}"
    )
    return f"""set -e
hostname {node.name}
stage=/run/stage-{node.name}
mkdir -p $stage
mount -t tmpfs -o mode=755 tmpfs $stage
mkdir $stage/node $stage/bin $stage/lib $stage/log
mount --bind '{home}/etc' $stage/node
mount --bind '{binaries}' $stage/bin
mount --bind '{home}/lib' $stage/lib
mount --bind '{home}/log' $stage/log
mount --rbind $stage /run
mount --rbind /run/lib /var/lib
mount --rbind /run/log /var/log
mount --make-rshared /
export PATH=/run/bin:/usr/sbin:/usr/bin:/sbin:/bin
keep() {{
  name=$1; shift
  while :; do "$@" >>/var/log/$name.log 2>&1 || true; sleep 1; done
}}
keep containerd containerd -c /run/node/containerd.toml &
until [ -S /run/containerd/containerd.sock ]; do sleep 0.1; done
keep kubelet kubelet {kubelet_flags} &
until [ -e /run/node/{API_READY} ]; do sleep 0.1; done
keep kube-proxy kube-proxy --config=/run/node/proxy.yaml &
wait
"""


def local_volumes(home: Path) -> None:
    """Folders behind the node's PersistentVolumes exist and anyone may write to them."""
    for number in range(VOLUMES):
        folder = home / "lib" / "local-volumes" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)


def configure(node: layout.Node, home: Path, pki_folder: Path, group: str, snapshotter: str) -> None:
    """Everything that /run/node, /var/lib and /var/log of the node show is under `home`."""
    for sub in ("etc/cni", "etc/plugins", "lib", "log"):
        (home / sub).mkdir(parents=True, exist_ok=True)
    etc = home / "etc"
    server = f"https://{layout.CONTROL_ADDRESS}:{layout.API_PORT}"
    pki.write_kubeconfig(etc / "kubelet.kubeconfig", pki_folder, f"kubelet-{node.name}", server)
    pki.write_kubeconfig(etc / "proxy.kubeconfig", pki_folder, f"proxy-{node.name}", server)
    for source, target in (
        (f"kubelet-{node.name}.crt", "kubelet.crt"),
        (f"kubelet-{node.name}.key", "kubelet.key"),
        ("ca.crt", "ca.crt"),
    ):
        (etc / target).write_bytes((pki_folder / source).read_bytes())
    (etc / "cni" / "10-pods.conflist").write_text(json.dumps(cni(node)))
    (etc / "containerd.toml").write_text(containerd(snapshotter))
    (etc / "kubelet.yaml").write_text(json.dumps(kubelet(node, group)))
    (etc / "proxy.yaml").write_text(json.dumps(kube_proxy(node)))
    # nothing outside the cluster answers names: a query CoreDNS can't answer fails at once
    (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    local_volumes(home)
