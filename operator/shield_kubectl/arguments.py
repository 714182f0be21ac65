"""The command line: what may be asked for, and with what options."""

import argparse
from collections.abc import Sequence

CLUSTER = (
    ("--context", "NAME", "context of the kubeconfig"),
    ("--kubeconfig", "FILE", "instead of $KUBECONFIG or ~/.kube/config"),
    ("--cluster", "NAME", "cluster of the kubeconfig"),
    ("--user", "NAME", "user of the kubeconfig"),
    ("--as", "USER", "who to act as"),
    ("--as-group", "GROUP", "group to act as"),
    ("--server", "URL", "address of the API server"),
    ("--token", "TOKEN", "bearer token"),
    ("--certificate-authority", "FILE", "who vouches for the API server"),
)
"""Options that go to kubectl as they are."""
MOST_PREVIEW_SECONDS = 110.0
"""The operator takes previews away after 120 s."""
CHECK = """\
show a check: its verdict, why, from where, and the last probe of each data centre, drawn

  kubectl smartshield check NAME
  kubectl smartshield check preview -f FILE

With -f the check in the file is probed once from each of its data centres, shown, and not kept. Exit status then:
0 healthy everywhere, 1 unhealthy somewhere, 2 nobody can tell."""
ALERT = """\
send a test notification to every target of an alert, and show what became of it

  kubectl smartshield alert test NAME

Exit status: 0 every target has it, 1 one has not, 2 it could not be asked for."""


def parser() -> argparse.ArgumentParser:
    """All commands."""
    everywhere = _common()
    top = argparse.ArgumentParser(
        prog="kubectl smartshield",
        description="Health checks and alerts of Smart Shield, as far as kubectl get and describe can't show them.",
        parents=[everywhere],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="store_true", help="show the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    raw = argparse.RawDescriptionHelpFormatter
    check = commands.add_parser(
        "check", help="show a check, or preview one", description=CHECK, parents=[everywhere], formatter_class=raw
    )
    check.add_argument("name", metavar="NAME", help="of the HealthCheck; `preview` with -f")
    check.add_argument("-f", "--filename", metavar="FILE", help="a HealthCheck to preview; `-` is standard input")
    _timeout(check, 60.0, MOST_PREVIEW_SECONDS, "a preview waits for")
    alert = commands.add_parser(
        "alert", help="test an alert", description=ALERT, parents=[everywhere], formatter_class=raw
    )
    alert.add_argument("verb", metavar="test", choices=("test",))
    alert.add_argument("name", metavar="NAME", help="of the HealthAlert")
    _timeout(alert, 60.0, 3600.0, "to wait for")
    return top


def cluster_options(chosen: argparse.Namespace) -> Sequence[str]:
    """Those of kubectl's own that were given."""
    names = [option for option, _, _ in CLUSTER]
    values = [(name, getattr(chosen, name[2:].replace("-", "_"), None)) for name in names]
    return [f"{name}={value}" for name, value in values if value is not None]


def _common() -> argparse.ArgumentParser:
    """Before or after the command; what was given before it is kept."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    common.add_argument("-n", "--namespace", metavar="NAME", help="namespace; else the context's")
    common.add_argument("-o", "--output", choices=("json", "yaml"), help="a document for programs instead of text")
    for option, metavar, told in CLUSTER:
        common.add_argument(option, metavar=metavar, help=told)
    return common


def _timeout(command: argparse.ArgumentParser, seconds: float, most: float, told: str) -> None:
    def read(text: str) -> float:
        value = float(text.removesuffix("s"))
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from 1 to {most:g} seconds, not {text}")
        return value

    read.__name__ = "number of seconds"
    command.add_argument(
        "--timeout", metavar="SECONDS", type=read, default=seconds, help=f"how long {told} results; {seconds:g} s"
    )
