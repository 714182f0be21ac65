"""The command line: python -m localcluster COMMAND [--name NAME]."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from . import control
from .artifacts import appimage, archive, gotool, packages, prepare
from .cgroups import NotEmptied
from .cluster import Cluster
from .instance import NotUp
from .providers.interface import ClusterFailed, NotOffered
from .shell import CommandFailed
from .wanmatrix import UnknownPlace

EXPECTED = (
    *(ClusterFailed, CommandFailed, NotOffered, NotUp, NotEmptied, control.Unreachable, packages.Missing, gotool.NoGo),
    *(UnknownPlace, LookupError, ValueError, FileNotFoundError),
)


def say(text: str) -> None:
    """A line of progress, at once."""
    print(text, flush=True)


def _up(args: argparse.Namespace) -> int:
    cluster = Cluster(args.name, policies=args.policies)
    cluster.up(say)
    say(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _down(args: argparse.Namespace) -> int:
    Cluster(args.name).down(say)
    return 0


def _status(args: argparse.Namespace) -> int:
    cluster = Cluster(args.name)
    status = cluster.status()
    status.pop("progress", None)
    for key, value in status.items():
        say(f"{key:<14}{json.dumps(value) if isinstance(value, dict | list) else value}")
    enforced = "enforced" if cluster.capabilities.network_policies else "not enforced"
    say(f"{'policies':<14}NetworkPolicies are {enforced}")
    if status["phase"] == "ready" and cluster.capabilities.wan:
        say(f"WAN, ms one way:\n{cluster.wan.matrix().table()}")
    return 0 if status["phase"] == "ready" else 1


def _prepare(_args: argparse.Namespace) -> int:
    made = prepare.everything(say)
    say(f"prepared: {made.binaries}")
    return 0


def _packages(_args: argparse.Namespace) -> int:
    packages.install(say)
    return 0


def _bin(_args: argparse.Namespace) -> int:
    say(str(prepare.binaries_folder()))
    return 0


def _image(args: argparse.Namespace) -> int:
    if args.what == "size":
        tag, size = archive.sizes(args.tar)
        say(f"{tag}  {size / 1e6:.1f} MB unpacked, {args.tar.stat().st_size / 1e6:.1f} MB archive")
        return 0
    built = appimage.build(args.context, args.dockerfile, args.tag, args.out, say, tuple(args.build_arg))
    tag, size = archive.sizes(args.out)
    say(f"{tag} {'built' if built else 'is as it was'}, {size / 1e6:.1f} MB unpacked: {args.out}")
    return 0


def _load(args: argparse.Namespace) -> int:
    Cluster(args.name).load(args.tar)
    say(f"{args.tar} is on every node")
    return 0


def _wan(args: argparse.Namespace) -> int:
    wan = Cluster(args.name).wan
    match args.what:
        case "set":
            wan.set(args.a, args.b, args.ms)
        case "cut":
            wan.cut(args.a, args.b)
        case _:
            say(wan.matrix().table())
            for (a, b), count in wan.counts().items():
                say(f"{a:>10} - {b:<10}" + "".join(f"  {name} {number}" for name, number in count.items()))
    return 0


def _exec(args: argparse.Namespace) -> int:
    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    return subprocess.run(Cluster(args.name).argv(args.node, argv), check=False).returncode


def _origin(args: argparse.Namespace) -> int:
    origin = Cluster(args.name).origin(args.origin)
    match args.what:
        case "log":
            for seen in origin.requests():
                say(json.dumps(asdict(seen)))
        case "count":
            counts = origin.count()
            say(f"{counts.requests} requests, {counts.connections} connections")
        case "stop":
            origin.stop()
        case "start":
            origin.start()
        case "reset":
            origin.reset()
    return 0


def _node(args: argparse.Namespace) -> int:
    cluster = Cluster(args.name)
    (cluster.node_stop if args.what == "stop" else cluster.node_start)(args.node)
    return 0


def _bare(args: argparse.Namespace) -> int:
    from . import bare

    return bare.check(args.suite, args.command, say)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="localcluster", description="A Kubernetes cluster of four data centres on one machine."
    )
    commands = top.add_subparsers(dest="command_name", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        one.add_argument("--name", default="demo", help="which cluster (default: demo)")
        return one

    up = add("up", _up, "start the cluster; nothing happens if it runs")
    up.add_argument("--policies", action="store_true", help="enforce NetworkPolicies (built-in cluster)")
    add("down", _down, "end the cluster and leave nothing of it")
    add("status", _status, "say how it is; exit code 0 if it is ready")
    add("packages", _packages, "install the Debian packages that tests and the built-in cluster need")
    add("prepare", _prepare, "build what the built-in cluster needs into the cache")
    add("bin", _bin, "print the folder with kubectl and helm")
    image = add("image", _image, "build an image or tell its size").add_subparsers(dest="what", required=True)
    build = image.add_parser("build", help="build a Dockerfile without Docker")
    build.add_argument("--tag", required=True)
    build.add_argument("--context", type=Path, default=Path())
    build.add_argument("--dockerfile", type=Path, default=None)
    build.add_argument("--out", type=Path, required=True)
    build.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    image.add_parser("size", help="tell an archive's size").add_argument("tar", type=Path)
    add("load", _load, "load an image archive on every node").add_argument("tar", type=Path)
    wan = add("wan", _wan, "see or change the delays between places").add_subparsers(dest="what", required=True)
    show = wan.add_parser("show", help="the matrix and what it has carried")
    show.add_argument("--name", default=argparse.SUPPRESS)
    for name, text in (("set", "a path's delay, ms one way"), ("cut", "a path carries nothing")):
        path = wan.add_parser(name, help=text)
        path.add_argument("a")
        path.add_argument("b")
        path.add_argument("--name", default=argparse.SUPPRESS)
        if name == "set":
            path.add_argument("ms", type=float)
    execute = add("exec", _exec, "run a program of this machine in a node's network: exec NODE -- CMD")
    execute.add_argument("node")
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    origin = add("origin", _origin, "see, stop or start an origin outside the cluster")
    origin.add_argument("origin")
    origin.add_argument("what", choices=("log", "count", "stop", "start", "reset"))
    node = add("node", _node, "stop or start a node")
    node.add_argument("what", choices=("stop", "start"))
    node.add_argument("node")
    bare = add("bare", _bare, "run a command of this checkout in a fresh Debian with an empty cache")
    bare.add_argument("--suite", default="trixie")
    bare.add_argument("--command", default="make demo")
    return top


def main(argv: list[str]) -> int:
    """The exit code; an expected failure is one line of text and 1."""
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except EXPECTED as error:
        print(f"localcluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
