"""`kubectl smartshield`: the command line, its screen and its exit status."""

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn, TextIO

from shield_kubectl.arguments import cluster_options, parser
from shield_kubectl.commands import Impossible, Screen, preview, show_check, try_alert
from shield_kubectl.kubectl import Kubectl, KubectlFailed
from shield_kubectl.shown.style import Style
from shield_proxy.config.version import VERSION

ERROR, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Never returns."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:  # nobody reads on
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - so that the interpreter's own flush succeeds
        status = 0
    except (KubectlFailed, Impossible) as error:
        print(f"error: {error}", file=sys.stderr)
        status = ERROR
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    parse = parser()
    chosen = parse.parse_args(arguments)
    if chosen.version:
        print(VERSION)
        return 0
    if chosen.command is None:
        parse.print_help()
        return 0
    namespace = getattr(chosen, "namespace", "")
    kubectl = Kubectl(cluster_options(chosen), namespace)
    style = style_of(sys.stdout, os.environ, shutil.get_terminal_size().columns)
    screen = Screen(sys.stdout.write, _tell, style, getattr(chosen, "output", ""))
    if chosen.command == "alert":
        return try_alert(kubectl, chosen.name, chosen.timeout, screen)
    if chosen.filename is None:
        return show_check(kubectl, chosen.name, screen)
    if chosen.name != "preview":
        parse.error("-f goes with: check preview")
    return preview(kubectl, chosen.filename, namespace, chosen.timeout, screen)


def style_of(screen: TextIO, environment: Mapping[str, str], width: int) -> Style:
    """What the screen can do: nothing but ASCII where it is no terminal."""
    terminal = screen.isatty()
    return Style(
        colour=terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb",
        unicode=terminal and (screen.encoding or "").lower().replace("-", "") == "utf8",
        width=width,
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
