"""`python -m bench [NAME …] [--rounds N] [--quick] [--long]`: runs benchmarks, prints and keeps their results."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

from bench import (
    beat_writes,
    command,
    containers,
    deck,
    heartbeats,
    latency,
    lateness,
    report,
    servers,
    soak,
    throughput,
)
from bench.report import Result

BUSY: Final = 0.7
NAMES: Final = ("throughput", "latency", "lateness", "containers", "heartbeats", "deck")


def main(words: Sequence[str] | None = None) -> None:
    """Run what was named, or all."""
    asked = _parser().parse_args(words)
    say_how_busy()
    rows = _run(asked.names or list(NAMES), 1 if asked.quick else asked.rounds, asked.quick, asked.long)
    report.write(rows)
    missed = [row.name for row in rows if row.met() is False]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)


def say_how_busy() -> None:
    """Warn on a machine that does something else besides: even ratios suffer."""
    load = os.getloadavg()[0]
    if load > BUSY:
        report.say(f"warning: this machine is busy already (load average {load:.1f}); the figures are not worth much")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, "growth", "soak", []], help="which (all but growth and soak)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of floor and subject in turns (5)")
    parser.add_argument("--quick", action="store_true", help="one small round: whether it works, not how fast it is")
    parser.add_argument("--long", action="store_true", help="growth, too: throughput at a tenth and ten times the jobs")
    return parser


def _run(names: list[str], rounds: int, quick: bool, long: bool) -> list[Result]:
    rows: list[Result] = []
    if "heartbeats" in names:
        rows += heartbeats.measure(rounds, *((500, 2.0) if quick else ()))
    if "growth" in names or (long and "throughput" in names):
        with servers.running() as fresh:
            rows += asyncio.run(throughput.growth(fresh, 5_000 if quick else 60_000))
    if "soak" in names:
        with servers.running() as fresh:
            rows += asyncio.run(soak.measure(fresh, *((50, 2_000, 40.0) if quick else (1_000, 100_000, 600.0))))
    if "deck" in names:
        with servers.running() as fresh:
            rows += asyncio.run(deck.measure(fresh, *((2_000, 30, 200) if quick else (100_000, 400, 1_000))))
    with servers.running() as up:
        if "throughput" in names:
            bulk, single = (5_000, 500) if quick else (60_000, 5_000)
            rows += asyncio.run(throughput.measure(up, rounds, bulk, single))
        if "latency" in names:
            rows += asyncio.run(latency.measure(up, 100 if quick else 1000))
            rows += asyncio.run(command.measure(up, 5 if quick else 20))
        if "lateness" in names:
            rows += asyncio.run(lateness.measure(up, *((10, 100, 1000) if quick else (100, 1000, 100_000))))
        if "heartbeats" in names:
            rows += asyncio.run(beat_writes.measure(up, 20 if quick else 200, 10 if quick else 30))
        if "containers" in names:
            rows += asyncio.run(containers.measure(up, rounds, 12 if quick else 60))
    return rows


if __name__ == "__main__":
    main()
