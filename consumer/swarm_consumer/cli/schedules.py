"""`swarm schedule`: add, list, show, edit, pause, resume, run, rm, preview, history."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from swarm_consumer.cli.completion import image_names, schedule_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.flags import Flags, build, with_flags
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import WORDS, Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.client import Client
from swarm_consumer.draft import Draft
from swarm_consumer.models import Occurrence, Preview, RecentOccurrences, ScheduleState
from swarm_consumer.times import start_time
from swarm_consumer.zone import local_zone
from swarm_protocol.cron import BadExpression
from swarm_protocol.cron_words import words
from swarm_protocol.quantities import QuantityError, seconds, show_seconds
from swarm_protocol.schedule import Edit, Missed, Overlap, Schedule
from swarm_protocol.spec import JobSpec

_LATE = 60.0
"""Seconds from which on a start is late: one that a core was just restarted for is not."""
_HERE = "swarm_consumer.cli.schedules"


class ScheduleGroup(LazyGroup):
    """Commands about schedules."""

    entries = {  # noqa: RUF012
        "add": Entry(_HERE, "add", "Commands", words=True),
        "list": Entry(_HERE, "listing", "Commands"),
        "show": Entry(_HERE, "show", "Commands"),
        "edit": Entry(_HERE, "edit", "Commands", words=True),
        "pause": Entry(_HERE, "pause", "Commands"),
        "resume": Entry(_HERE, "resume", "Commands"),
        "run": Entry(_HERE, "run", "Commands"),
        "rm": Entry(_HERE, "remove", "Commands"),
        "preview": Entry(_HERE, "preview", "Commands"),
        "history": Entry(_HERE, "history", "Commands"),
    }
    prefix = "schedule."


app = typer.Typer(cls=ScheduleGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def schedule() -> None:
    """Jobs that recur."""


Ref = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Name or id.", autocompletion=schedule_names)]
Zone = Annotated[
    str | None, typer.Option("--zone", metavar="ZONE", help="Time zone, such as Europe/Berlin; else this machine's.")
]
OverlapFlag = Annotated[
    Overlap | None, typer.Option("--overlap", help="What happens while one of its jobs has not ended (forbid).")
]
MissedFlag = Annotated[
    Missed | None, typer.Option("--missed", help="Which of those run that no core was there for (latest).")
]
CapFlag = Annotated[int | None, typer.Option("--missed-cap", metavar="N", help="With all: at most so many (10).")]
WindowFlag = Annotated[
    str | None, typer.Option("--missed-window", metavar="TIME", help="Never those that are older (24h).")
]
JitterFlag = Annotated[str | None, typer.Option("--jitter", metavar="TIME", help="Each starts up to this much later.")]
StartFlag = Annotated[str | None, typer.Option("--start", metavar="TIME", help="None before: as with --at.")]
EndFlag = Annotated[str | None, typer.Option("--end", metavar="TIME", help="None after.")]
Image = Annotated[
    str | None,
    typer.Argument(metavar="IMAGE", help="Image that was pushed.", autocompletion=image_names, show_default=False),
]
File = Annotated[str | None, typer.Option("--file", "-f", metavar="FILE", help="Job file: YAML or TOML; - reads YAML.")]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What was said of when it runs, still as text; None was not said."""

    overlap: Overlap | None = None
    missed: Missed | None = None
    missed_cap: int | None = None
    missed_window: str | None = None
    jitter: str | None = None
    start: str | None = None
    end: str | None = None

    def changes(self, now: datetime) -> dict[str, Any]:
        """As fields of a schedule. Raises UsageError."""
        same = {"overlap": self.overlap, "missed": self.missed, "missed_cap": self.missed_cap}
        found: dict[str, Any] = {name: value for name, value in same.items() if value is not None}
        for name in ("missed_window", "jitter"):
            text = getattr(self, name)
            if text is not None:
                found[name] = _read(name, text, seconds)
        for name in ("start", "end"):
            text = getattr(self, name)
            if text is not None:
                found[name] = None if text == "" else _read(name, text, lambda said: start_time(said, now))
        return found


def _read(name: str, text: str, read: Any) -> Any:
    try:
        return read(text)
    except QuantityError as error:
        raise UsageError(f"--{name.replace('_', '-')}: {error}") from None


def draft_of(flags: Flags, image: str | None, words: list[str] | None, file: str | None, now: datetime) -> Draft:
    """The job of a schedule. Raises UsageError."""
    if flags.at is not None:
        raise UsageError("--at: the schedule says when a job starts", "--start TIME has none before it")
    if flags.idempotency_key is not None:
        raise UsageError("--idempotency-key: a schedule is known by its name")
    base = None
    if file is not None:
        from swarm_consumer.jobfile import read_job_file

        base = read_job_file(file, now).draft
    return build(flags, image, words, base, now)


@with_flags
def add(
    ctx: typer.Context,
    called: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    cron: Annotated[str, typer.Argument(metavar="CRON", help="Five fields, or @daily and its kin.")],
    image: Image = None,
    file: File = None,
    zone: Zone = None,
    overlap: OverlapFlag = None,
    missed: MissedFlag = None,
    missed_cap: CapFlag = None,
    missed_window: WindowFlag = None,
    jitter: JitterFlag = None,
    start: StartFlag = None,
    end: EndFlag = None,
    json: Json = False,
    *,
    flags: Flags,
) -> None:
    """Make a schedule: swarm schedule add nightly '30 2 * * *' IMAGE -- COMMAND.

    Its job has all flags of `swarm submit`; docs/schedules.md says when it runs.
    """
    now = datetime.now(UTC)
    rules = Rules(
        overlap=overlap,
        missed=missed,
        missed_cap=missed_cap,
        missed_window=missed_window,
        jitter=jitter,
        start=start,
        end=end,
    )
    draft = draft_of(flags, image, ctx.meta.get(WORDS), file, now)
    made = with_client(lambda client: make(client, called, cron, zone, draft, rules.changes(now)))
    if json:
        document(made)
        return
    tell(made)


async def make(
    client: Client, name: str, cron: str, zone: str | None, draft: Draft, rules: dict[str, Any]
) -> ScheduleState:
    """Keep a schedule, its input files uploaded."""
    with Bar() as bar:
        job = await client.with_inputs(draft.spec, draft.inputs, bar)
    return await client.schedules.add(Schedule(name=name, cron=cron, zone=zone or local_zone(), job=job, **rules))


def tell(made: ScheduleState) -> None:
    """Its id on standard output, and when it is due."""
    write(f"{made.id}\n")
    due = f"next {_when(made)}" if made.due_at else "not due any more"
    status(f"{made.definition.name}: {made.definition.cron} in {made.definition.zone}, {due}")


def listing(json: Json = False) -> None:
    """List schedules."""
    found = with_client(lambda client: client.schedules.all())
    if json:
        document(found)
        return
    rows = [
        (s.id, s.definition.name, s.definition.cron, s.definition.zone, _when(s), _last(s), _not_run(s.recent))
        for s in found
    ]
    table(("ID", "NAME", "CRON", "ZONE", "NEXT", "LAST", "NOT RUN (7 DAYS)"), rows)


def show(ref: Ref, json: Json = False) -> None:
    """Show a schedule."""
    found = with_client(lambda client: client.schedules.get(ref))
    if json:
        document(found)
        return
    write(described(found))


def described(found: ScheduleState) -> str:
    """A schedule, a line for each thing there is to say."""
    own = found.definition
    missed = f"{own.missed}, at most {own.missed_cap}" if own.missed is Missed.ALL else str(own.missed)
    pairs = (
        ("schedule", f"{own.name}  {found.id}"),
        ("cron", f"{own.cron}  {own.zone} (time zones {found.tzdata})"),
        ("when", said(own.cron)),
        ("next", f"{moment(found.due_at)} {_when(found)}" if found.due_at else "not due any more"),
        ("starts", moment(found.fire_at) if own.jitter else ""),
        ("paused", f"{age(found.paused_at)} by {found.paused_by}" if found.paused_at else ""),
        ("late", f"{show_seconds(round(found.late))}: no core has come to it" if found.late > _LATE else ""),
        ("last", _last(found)),
        ("not run", f"{skipped} in seven days" if (skipped := _not_run(found.recent)) else ""),
        ("overlap", str(own.overlap)),
        ("missed", f"{missed}, none older than {show_seconds(own.missed_window)}"),
        ("jitter", show_seconds(own.jitter) if own.jitter else ""),
        ("from", own.start or ""),
        ("until", own.end or ""),
        ("image", own.job.image),
        ("command", " ".join(own.job.command)),
        ("user", found.user or ""),
        ("changed", f"{age(found.changed_at)} by {found.changed_by}, version {found.version}"),
    )
    return "".join(f"{key:<8} {clean(value)}\n" for key, value in pairs if value)


def said(cron: str) -> str:
    """An expression in words; nothing for one that a newer core takes and this program can't read."""
    try:
        return words(cron)
    except BadExpression:
        return ""


@with_flags
def edit(
    ctx: typer.Context,
    ref: Ref,
    image: Image = None,
    rename: Annotated[str | None, typer.Option("--rename", metavar="NAME", help="Call it otherwise.")] = None,
    cron: Annotated[str | None, typer.Option("--cron", metavar="CRON", help="Five fields, or @daily.")] = None,
    zone: Zone = None,
    overlap: OverlapFlag = None,
    missed: MissedFlag = None,
    missed_cap: CapFlag = None,
    missed_window: WindowFlag = None,
    jitter: JitterFlag = None,
    start: StartFlag = None,
    end: EndFlag = None,
    json: Json = False,
    *,
    flags: Flags,
) -> None:
    """Change what is given; the rest stays. Lists grow, --start '' and --end '' take the time away."""
    now = datetime.now(UTC)
    rules = Rules(
        overlap=overlap,
        missed=missed,
        missed_cap=missed_cap,
        missed_window=missed_window,
        jitter=jitter,
        start=start,
        end=end,
    )
    named = {"name": rename, "cron": cron, "zone": zone}
    changes = rules.changes(now) | {name: value for name, value in named.items() if value is not None}
    words = ctx.meta.get(WORDS)
    about_job = image is not None or words is not None or flags != Flags()
    if not changes and not about_job:
        raise UsageError("nothing to change was given", "see `swarm schedule edit --help`")

    async def change(client: Client) -> ScheduleState:
        old = await client.schedules.get(ref)
        if about_job:
            changes["job"] = await _changed_job(client, old.definition.job, flags, image, words, now)
        return await client.schedules.edit(str(old.id), Edit(**changes), version=old.version)

    changed = with_client(change)
    if json:
        document(changed)
        return
    tell(changed)


async def _changed_job(
    client: Client, job: JobSpec, flags: Flags, image: str | None, words: list[str] | None, now: datetime
) -> JobSpec:
    draft_of(flags, image or job.image, words, None, now)
    draft = build(flags, image, words, Draft(job), now)
    with Bar() as bar:
        return await client.with_inputs(draft.spec, draft.inputs, bar)


def pause(ref: Ref) -> None:
    """Start no occurrence until it is resumed."""
    found = with_client(lambda client: client.schedules.pause(ref))
    status(f"{found.definition.name} is paused; go on with `swarm schedule resume {found.definition.name}`")


def resume(ref: Ref) -> None:
    """Go on; what came due in the pause does not run."""
    found = with_client(lambda client: client.schedules.resume(ref))
    status(f"{found.definition.name} goes on: next {_when(found) or 'never'}")


def run(ref: Ref, json: Json = False) -> None:
    """Run it at once, as its overlap allows, and print the job's id."""
    ran = with_client(lambda client: client.schedules.run(ref))
    if json:
        document(ran)
        return
    write(f"{ran.job}\n")


def remove(ref: Ref) -> None:
    """Delete a schedule and its history; its jobs stay."""
    with_client(lambda client: client.schedules.remove(ref))
    status(f"schedule {ref} is gone")


def preview(
    ref: Annotated[str, typer.Argument(metavar="SCHEDULE|CRON", help="Name, id, or an expression in quotes.")],
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", help="How many.", min=1, max=100)] = 5,
    zone: Zone = None,
    json: Json = False,
) -> None:
    """Show when it is due next, and which times of a year the clock leaves out or shows twice."""
    expression = " " in ref or ref.startswith("@")
    if zone is not None and not expression:
        raise UsageError("--zone goes with an expression", f"`swarm schedule edit {ref} --zone` changes it")

    async def look(client: Client) -> Preview:
        if expression:
            return await client.schedules.preview_cron(ref, zone=zone or local_zone(), count=count)
        return await client.schedules.preview(ref, count=count)

    found = with_client(look)
    if json:
        document(found)
        return
    status(f"{clean(found.words)}, {clean(found.zone)}")
    write("".join(f"{clean(item.local)}  {age(item.due_at)}\n" for item in found.items))
    for line in odd_lines(found):
        status(line)


def odd_lines(found: Preview) -> list[str]:
    """What the clock makes of some times, a line each."""
    kinds = {"gap": "is left out by the clock", "fold": "comes twice"}
    return [f"{odd.local} {kinds.get(odd.kind, odd.kind)}: runs once, {_utc(odd.due_at)}" for odd in found.odd]


def _utc(then: datetime) -> str:
    return then.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def history(
    ref: Ref,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="How many lines.", min=1)] = 20,
    json: Json = False,
) -> None:
    """Show what became of its occurrences, newest first."""

    async def read(client: Client) -> list[Occurrence]:
        return [each async for each in client.schedules.history(ref, limit=limit)]

    found = with_client(read)
    if json:
        document([msgspec.to_builtins(each) for each in found])
        return
    rows = [(_span(each), each.result, each.job or "", each.state or "", each.reason) for each in found]
    table(("DUE", "RESULT", "JOB", "STATE", "REASON"), rows)


def _span(each: Occurrence) -> str:
    if each.until == each.due_at:
        return moment(each.due_at)
    many = f"{each.count}" if each.count else "many"
    return f"{moment(each.due_at)} to {moment(each.until)} ({many})"


def _when(found: ScheduleState) -> str:
    if found.paused_at is not None:
        return "paused"
    return age(found.due_at)


def _not_run(recent: RecentOccurrences) -> str:
    """How many did not run, and why."""
    counts = {
        "missed": recent.missed,
        "skipped": recent.overlap,
        "failed": recent.failed,
        "paused": recent.paused,
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"at least {told}" if told and recent.more else told


def _last(found: ScheduleState) -> str:
    last = found.last
    if last is None:
        return ""
    if last.job is not None:
        return f"job {last.job} {last.state or 'removed'} {age(last.due_at)}"
    return f"{last.result} {age(last.due_at)}: {last.reason}"
