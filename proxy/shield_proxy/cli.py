"""The command `shield-proxy`."""

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shield_proxy.config.reading import InvalidField
from shield_proxy.config.version import VERSION

if TYPE_CHECKING:
    from shield_proxy.process.settings import ProxySettings

# Each command imports what it needs where it begins: a prober starts often, and --help should not wait for servers.

EXIT_FAILED, EXIT_SETTINGS = 1, 2
STDERR = 2
LOG_SECONDS = 1.0
"""What is left of the log at the end gets so long."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 when it ended well, 1 when it could not start or cut requests off, 2 for wrong settings."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["probe"]:
        return _probe(given)
    options = _parser().parse_args(given)
    try:
        match options.command:
            case "run":
                return _serve(_single(options))
            case "serve":
                return _serve(_settings(options.config))
            case _:
                return _show(options.path)
    except InvalidField as error:
        print(f"shield-proxy: {error}", file=sys.stderr)
        return EXIT_SETTINGS


def _probe(arguments: list[str]) -> int:
    """The options of other commands would load all of the proxy."""
    from shield_proxy.process.probing import add_probe, run_probes, settings_of

    parser = argparse.ArgumentParser(prog="shield-proxy")
    add_probe(parser.add_subparsers(dest="command", required=True, metavar="COMMAND"))
    try:
        return run_probes(settings_of(parser.parse_args(arguments), os.environ))
    except InvalidField as error:
        print(f"shield-proxy: {error}", file=sys.stderr)
        return EXIT_SETTINGS


def _parser() -> argparse.ArgumentParser:
    from shield_proxy.process.probing import add_probe
    from shield_proxy.process.single import CACHE_FIELDS
    from shield_proxy.wire.fast import IMPLEMENTATION

    parser = argparse.ArgumentParser(prog="shield-proxy", description="A tier of Smart Shield: a shared HTTP cache.")
    parser.add_argument("--version", action="version", version=f"shield-proxy {VERSION} ({IMPLEMENTATION} fast path)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="one cache in front of one origin, without Kubernetes or Redis",
        description="One cache in front of one origin, for every host. Ends on SIGTERM or Ctrl-C after its requests.",
        epilog="example: shield-proxy run --listen 127.0.0.1:8080 --origin http://127.0.0.1:9000 --cache memory=256Mi",
    )
    run.add_argument("--listen", metavar="ADDR:PORT", required=True, help="where clients connect, plain HTTP")
    run.add_argument("--tls-listen", metavar="ADDR:PORT", help="where clients connect under TLS; default: nowhere")
    run.add_argument(
        "--tls-certificate",
        metavar="PATH",
        type=Path,
        nargs="+",
        default=[],
        help="a directory with tls.crt and tls.key, or the two files; read again when they change",
    )
    run.add_argument("--origin", metavar="URL", required=True, help="http://HOST[:PORT] or https://HOST[:PORT]")
    run.add_argument(
        "--cache",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help=f"a limit in bytes, may be repeated: {', '.join(f'{f} ({v >> 20}Mi)' for f, v in CACHE_FIELDS.items())}",
    )
    run.add_argument("--keep-host", action="store_true", help="send the client's Host to the origin, not the URL's")
    run.add_argument("--health", metavar="ADDR:PORT", help="where /livez, /readyz and /metrics are; default: nowhere")
    run.add_argument("--access-log", action="store_true", help="write a line for every request to standard output")

    serve = commands.add_parser(
        "serve",
        help="a tier of a fleet, from the environment of its pod or from a file",
        description="A tier of a fleet. Without --config the settings come from the environment that the operator "
        "writes into pods (SHIELD_TIER, SHIELD_FLEET, ...; docs/reference-proxy.md has all).",
    )
    serve.add_argument("--config", metavar="FILE", type=Path, help="settings as YAML")

    state = commands.add_parser(
        "state",
        help="print a zone state record as JSON",
        description="Prints the zone state in a record's file, or in a directory of its mounted chunks, as JSON.",
    )
    state.add_argument("path", metavar="FILE|DIR", type=Path)
    add_probe(commands)
    return parser


def _single(options: argparse.Namespace) -> "ProxySettings":
    from shield_proxy.process.single import single_tier
    from shield_proxy.process.values import parse_address

    health = (parse_address(options.health, "--health"),) if options.health else ()
    listen = (parse_address(options.listen, "--listen"),)
    tls_listen = (parse_address(options.tls_listen, "--tls-listen"),) if options.tls_listen else ()
    return single_tier(
        listen,
        options.origin,
        options.cache,
        options.keep_host,
        health,
        options.access_log,
        tls_listen,
        options.tls_certificate,
    )


def _settings(config: Path | None) -> "ProxySettings":
    from shield_proxy.process.settings import settings_of_environment, settings_of_file
    from shield_proxy.process.values import has_ipv6

    if config is None:
        return settings_of_environment(os.environ, has_ipv6())
    try:
        return settings_of_file(config, has_ipv6())
    except OSError as error:
        raise InvalidField("--config", f"{config}: {error.strerror}") from error


def _serve(settings: "ProxySettings") -> int:
    """Ends the process with run_proxy's code; returns only where it could not start."""
    import uvloop

    from shield_proxy.process.proxy import run_proxy
    from shield_proxy.process.sites import StartFailure
    from shield_proxy.wire.logoutlet import LogOutlet, OutletLog

    outlet = LogOutlet(STDERR)
    logging.basicConfig(
        level=settings.log_level.upper(),
        handlers=[OutletLog(outlet)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            code = runner.run(run_proxy(settings))
            # Everything that counts is closed. The loop is not: handshakes that peers have begun have no owner, and it
            # refuses to close over them.
            outlet.close(LOG_SECONDS)
            sys.stderr.flush()
            os._exit(code)
    except StartFailure as failure:
        outlet.close(LOG_SECONDS)
        print(f"shield-proxy: {failure}", file=sys.stderr)
        return EXIT_FAILED


def _show(path: Path) -> int:
    from shield_proxy.config.codec import encode_state
    from shield_proxy.config.record import InvalidRecord, read_envelope, read_record
    from shield_proxy.process.state import read_mounted

    try:
        record = read_mounted(path) if path.is_dir() else path.read_bytes()
        if record is None:
            raise InvalidRecord("holds no whole record: chunks are missing or belong to different generations")
        envelope = read_envelope(record)
        print(json.dumps(encode_state(read_record(record), envelope.schema), indent=2))
    except (InvalidRecord, OSError) as error:
        print(f"shield-proxy: {path}: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
