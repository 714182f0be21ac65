"""`shield-operator run`: what is wrong with the arguments or the environment ends it, everything else is retried."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from shield_proxy.config.version import VERSION

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. 0 after a stop that was asked for, 2 where retrying can't help."""
    parser = argparse.ArgumentParser(prog="shield-operator", description="The operator of Smart Shield for Kubernetes.")
    parser.add_argument("--version", action="version", version=f"shield-operator {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="reconcile SmartShieldZones and ShieldFleets until stopped")
    run.add_argument("--kubeconfig", type=Path, help="instead of the pod's ServiceAccount")
    run.add_argument("--health-port", type=int, default=8081, metavar="PORT", help="of /livez, /readyz and /metrics")
    return _run(parser.parse_args(arguments))


def _run(arguments: argparse.Namespace) -> int:
    # Imported here, for they take most of a second: --version and a wrong flag need none of it.
    from dataclasses import replace

    from shield_operator.kube.connection import NoCluster
    from shield_operator.kube.logs import set_up_logging
    from shield_operator.kube.run import run
    from shield_operator.kube.settings import InvalidSetting, read_settings

    try:
        settings = read_settings(os.environ, arguments.kubeconfig)
        set_up_logging(settings.log_level)
        return asyncio.run(run(replace(settings, health_port=arguments.health_port)))
    except (InvalidSetting, NoCluster) as error:
        print(f"shield-operator: {error}", file=sys.stderr)
        return USAGE_ERROR


if __name__ == "__main__":
    raise SystemExit(main())
