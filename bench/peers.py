"""The servers that are compared, each on one core, with the configurations of the folder `peers`."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import free_port

CONFIGURATIONS = Path(__file__).parent / "peers"
PACKAGES = {"nginx": "nginx-light", "haproxy": "haproxy", "varnishd": "varnish", "traffic_server": "trafficserver"}
"""Command -> Debian package."""


@dataclass(frozen=True)
class Peer:
    """One server under measurement."""

    name: str
    command: tuple[str, ...]
    port: int
    tls_port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    health: int | None = None
    """Port of its metrics, of the data plane only."""

    def port_for(self, scheme: str) -> int | None:
        """Where it is asked; None where it can't be."""
        return self.tls_port if scheme == "https" else self.port


def make_certificate(directory: Path) -> None:
    """A self-signed certificate for localhost (P-256): tls.crt, tls.key, and both in tls.pem."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    (directory / "tls.pem").write_text(certificate.read_text() + key.read_text())
    for path in directory.glob("tls.*"):
        path.chmod(0o644)  # servers that give up root read it too: it protects nothing but this benchmark


def origin(directory: Path) -> Peer:
    """The nginx that all others ask."""
    port = free_port()
    return Peer("origin", _nginx(directory, "origin.conf", {"port": port}), port)


def shield(directory: Path, origin_port: int, *, pure: bool, access_log: bool) -> Peer:
    """The data plane; `pure` without the compiled extension."""
    port, tls_port, health = free_port(), free_port(), free_port()
    name = "pure" if pure else "shield"
    command = [str(Path(sys.executable).parent / "shield-proxy"), "run", "--listen", f"127.0.0.1:{port}"]
    command += ["--origin", f"http://127.0.0.1:{origin_port}", "--cache", "memory=4Gi", "--cache", "maxObject=64Mi"]
    command += ["--health", f"127.0.0.1:{health}"]
    command += ["--tls-listen", f"127.0.0.1:{tls_port}", "--tls-certificate", str(directory)]
    if access_log:
        command = ["sh", "-c", 'exec "$@" > "$0"', str(directory / f"{name}-access.log"), *command, "--access-log"]
    return Peer(name, tuple(command), port, tls_port, {"SHIELD_PURE": "1"} if pure else {}, health)


def nginx(directory: Path, origin_port: int, *, access_log: bool) -> Peer:
    """nginx with proxy_cache."""
    port, tls_port = free_port(), free_port()
    log = f"{directory}/nginx-access.log line buffer=64k flush=1s" if access_log else "off"
    values = {"port": port, "tls_port": tls_port, "origin": origin_port, "access_log": log, **_files(directory)}
    return Peer("nginx", _nginx(directory, "nginx.conf", values), port, tls_port)


def haproxy(directory: Path, origin_port: int) -> Peer:
    """HAProxy with its cache."""
    port, tls_port = free_port(), free_port()
    values = {"port": port, "tls_port": tls_port, "origin": origin_port, **_files(directory)}
    configuration = _filled(directory, "haproxy.cfg", values)
    return Peer("haproxy", ("haproxy", "-db", "-f", str(configuration)), port, tls_port)


def varnish(directory: Path, origin_port: int) -> Peer:
    """Varnish, in memory."""
    port = free_port()
    configuration = _filled(directory, "varnish.vcl", {"origin": origin_port})
    command = ["varnishd", "-F", "-j", "none", "-n", str(directory / "varnish"), "-a", f"127.0.0.1:{port}"]
    command += ["-f", str(configuration), "-s", "malloc,1g", "-p", "thread_pools=1", "-p", "timeout_idle=400"]
    command += ["-p", "thread_pool_max=1000"]
    return Peer("varnish", tuple(command), port)


def traffic_server(directory: Path, origin_port: int) -> Peer:
    """Apache Traffic Server, in its RAM cache."""
    port, tls_port = free_port(), free_port()
    values = {"port": port, "tls_port": tls_port, "origin": origin_port}
    root = directory / "ats"
    for part in ("etc", "data", "var", "run", "log", "cache"):
        (root / part).mkdir(parents=True)
    _filled(directory, "trafficserver/runroot.yaml", values).rename(root / "runroot.yaml")
    for path in (CONFIGURATIONS / "trafficserver").iterdir():
        if path.name != "runroot.yaml":
            _filled(directory, f"trafficserver/{path.name}", values).rename(root / "etc" / path.name)
    for name in ("cache", "parent", "plugin", "volume", "hosting", "splitdns"):
        (root / "etc" / f"{name}.config").touch()
    for path in (root, *root.rglob("*")):  # it gives up root for a user of its own
        path.chmod(0o777 if path.is_dir() else 0o666)
    return Peer("ats", ("traffic_server",), port, tls_port, {"TS_RUNROOT": str(root)})


def _files(directory: Path) -> dict[str, object]:
    return {name: directory / f"tls.{end}" for name, end in (("certificate", "crt"), ("key", "key"), ("pem", "pem"))}


def _nginx(directory: Path, name: str, values: Mapping[str, object]) -> tuple[str, ...]:
    return "nginx", "-p", str(directory), "-c", str(_filled(directory, name, values))


def _filled(directory: Path, name: str, values: Mapping[str, object]) -> Path:
    """The configuration with its @names@ filled in."""
    text = (CONFIGURATIONS / name).read_text()
    for key, value in {"directory": directory, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    path = directory / Path(name).name
    path.write_text(text)
    return path


def installed(command: str) -> bool:
    """Whether a peer can be measured here."""
    return shutil.which(command, path="/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin") is not None
