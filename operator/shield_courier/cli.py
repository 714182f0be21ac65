"""The command `shield-courier`."""

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shield_courier.running.courier import Courier
from shield_courier.running.figures import exposition
from shield_courier.sending.delivering import Sender
from shield_courier.sending.names import Names
from shield_courier.sending.secrets import Secrets
from shield_courier.sending.trust import Trust
from shield_proxy.config.alerts.contract import COURIER, SECRETS_DIR
from shield_proxy.config.contract import HEALTH_PORT
from shield_proxy.config.internal import internal_addresses
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.version import VERSION
from shield_proxy.kube.account import SERVICE_ACCOUNT, Account, account_of_pod
from shield_proxy.kube.api import Api
from shield_proxy.wire.healthport import Answer, Pages, health_port, verdict
from shield_proxy.wire.logoutlet import LogOutlet, OutletLog

EXIT_FAILED, EXIT_SETTINGS = 1, 2
STDOUT, STDERR = 1, 2
LOG_SECONDS = 1.0
"""What is left of both at the end gets so long."""
LOG_LEVELS = ("debug", "info", "warning", "error")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one run."""

    namespace: str
    account: Account
    secrets: Path
    health: tuple[str, int]
    log_level: str


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 when it ended by SIGTERM, 1 when it could not run, 2 for wrong settings."""
    try:
        return run(settings_of(parser().parse_args(arguments), os.environ))
    except InvalidField as error:
        print(f"shield-courier: {error}", file=sys.stderr)
        return EXIT_SETTINGS


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    made = argparse.ArgumentParser(prog="shield-courier", description="Delivers the alerts of Smart Shield.")
    made.add_argument("--version", action="version", version=f"shield-courier {VERSION}")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    courier = commands.add_parser(
        "run",
        help="deliver the alerts of a namespace, in a pod of a cluster",
        description="Delivers what the HealthAlerts of a namespace have queued, until SIGTERM. Each attempt is a line "
        "of JSON on standard output, the log is on standard error. SHIELD_LOG_LEVEL: how much the log tells.",
    )
    courier.add_argument("--namespace", metavar="NAME", required=True, help="of the HealthAlerts")
    courier.add_argument(
        "--health", metavar="ADDR:PORT", default=f":{HEALTH_PORT}", help="where /livez, /readyz and /metrics are"
    )
    courier.add_argument(
        "--account", metavar="DIR", type=Path, default=SERVICE_ACCOUNT, help="token and ca.crt of the ServiceAccount"
    )
    courier.add_argument(
        "--secrets", metavar="DIR", type=Path, default=Path(SECRETS_DIR), help="files SECRET/KEY that alerts name"
    )
    return made


def settings_of(options: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """The settings of a run. InvalidField."""
    if _NAMESPACE.fullmatch(options.namespace) is None:
        raise InvalidField("--namespace", f"must be the name of a namespace, not {options.namespace[:80]!r}")
    host, _, port = options.health.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidField("--health", f"must be ADDR:PORT or :PORT, not {options.health[:80]!r}")
    level = environment.get("SHIELD_LOG_LEVEL") or "info"
    if level not in LOG_LEVELS:
        raise InvalidField("SHIELD_LOG_LEVEL", f"must be one of {', '.join(LOG_LEVELS)}, not {level[:20]!r}")
    account = account_of_pod(environment, options.account)
    return Settings(options.namespace, account, options.secrets, (host.strip("[]"), int(port)), level)


def run(settings: Settings) -> int:
    """0 when the courier has ended by SIGTERM."""
    lines, told = LogOutlet(STDOUT), LogOutlet(STDERR)
    logging.basicConfig(
        level=settings.log_level.upper(),
        handlers=[OutletLog(told)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    try:
        asyncio.run(_run(settings, lines, told))
        return 0
    except OSError as error:
        told.offer(f"shield-courier: {error}\n")
        return EXIT_FAILED
    finally:
        lines.close(LOG_SECONDS)
        told.close(LOG_SECONDS)


async def _run(settings: Settings, lines: LogOutlet, told: LogOutlet) -> None:
    api, names = Api(settings.account, COURIER), Names()
    # Receivers in the cluster are as good as others; of this machine and of clouds' metadata nobody is to learn.
    sender = Sender(Secrets(settings.secrets), Trust(), names.resolve, internal_addresses(()))
    courier = Courier(settings.namespace, api, sender, lambda record: _tell(lines, record))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, courier.end)
    try:
        async with health_port(*settings.health, _pages(courier, {"stdout": lines, "stderr": told})):
            log.info("delivers the alerts of %s", settings.namespace)
            written = await courier.run()
        log.info("ends%s", "" if written else "; some of what was delivered could not be written, and may be repeated")
    finally:
        await names.close()
        api.close()


def _pages(courier: Courier, outlets: Mapping[str, LogOutlet]) -> Pages:
    def metrics() -> Answer:
        lost = {stream: outlet.refused + outlet.lost for stream, outlet in outlets.items()}
        return Answer(exposition(courier.figures, courier.standstill(), lost))

    return {
        "/livez": lambda: verdict(courier.stuck()),
        "/readyz": lambda: verdict(courier.unready()),
        "/metrics": metrics,
    }


def _tell(lines: LogOutlet, record: Mapping[str, Any]) -> None:
    lines.offer(f"{json.dumps(record, ensure_ascii=False)}\n")


if __name__ == "__main__":
    sys.exit(main())
