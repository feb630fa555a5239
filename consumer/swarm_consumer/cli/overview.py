"""`swarm overview`: the swarm at a glance."""

from collections.abc import Sequence
from typing import Annotated

import typer

from swarm_consumer.cli.completion import project_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, write
from swarm_consumer.cli.text import age, clean, duration, is_terminal
from swarm_consumer.overview import Alarm, Minute, Overview
from swarm_consumer.sparkline import sparkline

_WIDTH = 60
_SHOWN = 20
"""Alarms that people are shown; JSON has them all."""


def overview(
    project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="NAME", help="Of this project; * for all of yours.", autocompletion=project_names
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show jobs and workers by state, the last hour, and what somebody should look at."""
    found = with_client(lambda client: client.overview(project=project))
    if json:
        document(found)
        return
    write("\n".join(lines(found)) + "\n")


def lines(found: Overview) -> list[str]:
    """All of it as text for a person."""
    return [
        f"jobs      {_counts(found.jobs) or 'none'}",
        f"last day  {_counts(found.ended) or 'none ended'}",
        f"workers   {_counts(found.workers) or 'none'}; {found.slots_free} of {found.slots} slots are free",
        *_hour(found.minutes),
        *_alarms(found),
    ]


def _counts(by_state: dict[str, int]) -> str:
    return ", ".join(f"{count} {clean(state)}" for state, count in by_state.items() if count)


def _hour(minutes: Sequence[Minute]) -> list[str]:
    """The last hour as three lines; the minute that goes on is left out of what they say last."""
    if not minutes:
        return []
    ended, done = [float(minute.ended) for minute in minutes], minutes[:-1]
    waits, runs = [minute.wait_p50 for minute in minutes], [minute.run_p50 for minute in minutes]
    most = max(ended)
    return [
        f"ended     {sparkline(ended, _WIDTH)}  {done[-1].ended if done else 0} in the last minute, {most:.0f} at most",
        f"waited    {sparkline(waits, _WIDTH)}  {_latest(waits)}",
        f"ran       {sparkline(runs, _WIDTH)}  {_latest(runs)}",
    ]


def _latest(medians: Sequence[float | None]) -> str:
    known = [median for median in medians if median is not None]
    return f"{duration(known[-1])} (median)" if known else "no job has"


def _alarms(found: Overview) -> list[str]:
    if not found.alarms:
        return ["", "no alarms"]
    shown = [line for alarm in found.alarms[:_SHOWN] for line in _alarm(alarm)]
    more = found.alarm_count - min(_SHOWN, len(found.alarms))
    return ["", *shown, *([f"and {more} more"] if more > 0 else [])]


def _alarm(alarm: Alarm) -> list[str]:
    since = f", {age(alarm.since)}" if alarm.since else ""
    word = alarm.severity.upper() if is_terminal() else alarm.severity
    return [f"{clean(word)}: {clean(alarm.text)}{since}", f"    {clean(alarm.next)}"]
