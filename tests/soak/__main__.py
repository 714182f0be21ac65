"""`make soak`: gigabytes, slow and idle clients, a mixed load of as many minutes as asked; ends with 1 at a fault."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop

from soak import mixed, slowness, transfers


async def _run(options: argparse.Namespace) -> list[str]:
    faults: list[str] = []
    for part in options.parts.split(","):
        print(f"{part}:", flush=True)
        with tempfile.TemporaryDirectory() as name:
            match part:
                case "transfers":
                    faults += await transfers.measure(Path(name), options.down, options.up)
                case "slow":
                    faults += await slowness.measure(Path(name), options.idle)
                case "mixed":
                    faults += await mixed.measure(Path(name), options.minutes)
                case _:
                    raise SystemExit(f"{part} is not one of transfers, slow, mixed")
    return faults


def main() -> int:
    """Runs the parts; prints figures and faults."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="of the mixed load")
    parser.add_argument("--down", type=float, default=5, help="GB")
    parser.add_argument("--up", type=float, default=2, help="GB")
    parser.add_argument("--idle", type=int, default=10_000, help="connections")
    parser.add_argument("--parts", default="transfers,slow,mixed")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        faults = runner.run(_run(parser.parse_args()))
    for fault in faults:
        print(f"FAULT: {fault}")
    print("no fault" if not faults else f"{len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
