"""The SDK without `await`: the same verbs, for scripts and notebooks.

Made by `make sync-sdk` from the async one.

    with SyncClient.from_credentials() as client:
        job = client.run(JobSpec(image="busybox", command=["echo", "hello"]))
        print(job.exit_code, client.log_text(job.id))

Work goes on in a thread of its own, which a client has until it is closed. In async code use `Client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from swarm_consumer.client import Client
from swarm_consumer.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from types import TracebackType

    from swarm_consumer.api_tokens import ApiTokens
    from swarm_consumer.audit import Audit, AuditEntry, AuditFilter, AuditPage
    from swarm_consumer.cores import Core, Cores
    from swarm_consumer.credentials import Credentials
    from swarm_consumer.events import Away, Back, EventFilter
    from swarm_consumer.images import Pushed
    from swarm_consumer.interactions import Conversation, Interactions, Message
    from swarm_consumer.job_filter import JobFilter
    from swarm_consumer.logs import LogCursor, LogEvent
    from swarm_consumer.models import (
        ApiToken,
        Artifact,
        CalendarMonth,
        Cancelled,
        Delivery,
        DryRun,
        Event,
        Explanation,
        HeldToken,
        Image,
        ImageUse,
        Job,
        JoinToken,
        LogLevel,
        MadeToken,
        MadeWebhook,
        Member,
        Mount,
        Occurrence,
        Outcome,
        Preview,
        Project,
        ProjectLimits,
        Ran,
        ScheduleState,
        Secret,
        SignIn,
        Submitted,
        SyslogLine,
        Usage,
        User,
        Webhook,
        WhoAmI,
        Worker,
        WorkerStep,
    )
    from swarm_consumer.mounts import Mounts
    from swarm_consumer.overview import Overview
    from swarm_consumer.pages import Page
    from swarm_consumer.progress import Progress
    from swarm_consumer.projects import Projects
    from swarm_consumer.schedules import Schedules
    from swarm_consumer.secrets import Secrets
    from swarm_consumer.settings import Setting, SettingChange, Settings
    from swarm_consumer.syslog import Recent, Syslog, SyslogFilter, SyslogPage
    from swarm_consumer.users import Users
    from swarm_consumer.webhooks import Webhooks
    from swarm_consumer.worker_models import JoinTokenState, WorkerLoad, WorkerNow
    from swarm_protocol.errors import SwarmError
    from swarm_protocol.schedule import Edit, Schedule
    from swarm_protocol.spec import JobSpec


class SyncCores:
    """The verbs about cores. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Cores) -> None:
        self._portal = portal
        self._verbs = verbs

    def all(self) -> list[Core]:
        """All that are known of, the one that answers first."""
        return self._portal.call(self._verbs.all())


class SyncSchedules:
    """The verbs about schedules; each is named by its id or its name. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Schedules) -> None:
        self._portal = portal
        self._verbs = verbs

    def add(self, schedule: Schedule) -> ScheduleState:
        """Keep a schedule; one that is there already and is the same stays as it is."""
        return self._portal.call(self._verbs.add(schedule))

    def all(self) -> list[ScheduleState]:
        """All schedules of the project, by name."""
        return self._portal.call(self._verbs.all())

    def get(self, ref: str | int) -> ScheduleState:
        """One schedule."""
        return self._portal.call(self._verbs.get(ref))

    def edit(self, ref: str | int, edit: Edit, *, version: int | None = None) -> ScheduleState:
        """Change what is given; with `version` only where nobody has changed the schedule since that one."""
        return self._portal.call(self._verbs.edit(ref, edit, version=version))

    def pause(self, ref: str | int) -> ScheduleState:
        """Start no occurrence until it is resumed."""
        return self._portal.call(self._verbs.pause(ref))

    def resume(self, ref: str | int) -> ScheduleState:
        """Go on with the next occurrence; what came due in the pause does not run."""
        return self._portal.call(self._verbs.resume(ref))

    def run(self, ref: str | int) -> Ran:
        """Run it at once, as its overlap allows."""
        return self._portal.call(self._verbs.run(ref))

    def remove(self, ref: str | int) -> None:
        """Delete a schedule and its history; its jobs stay."""
        self._portal.call(self._verbs.remove(ref))

    def preview(self, what: str | int | Schedule, *, count: int = 5, after: datetime | None = None) -> Preview:
        """The next occurrences of a schedule, or of one that isn't kept, which is checked on the way."""
        return self._portal.call(self._verbs.preview(what, count=count, after=after))

    def preview_cron(
        self,
        cron: str,
        *,
        zone: str = "UTC",
        count: int = 5,
        after: datetime | None = None,
        start: str | None = None,
        end: str | None = None,
    ) -> Preview:
        """The next occurrences of an expression alone, and the expression in words."""
        return self._portal.call(
            self._verbs.preview_cron(cron, zone=zone, count=count, after=after, start=start, end=end)
        )

    def calendar(self, ref: str | int, month: str | None = None) -> CalendarMonth:
        """How often it is due on each day of a month, such as 2026-12, in its zone; else of this month."""
        return self._portal.call(self._verbs.calendar(ref, month))

    def day(self, ref: str | int, day: date) -> Preview:
        """All of its occurrences on a day of its zone's calendar, and what is odd about that day's times."""
        return self._portal.call(self._verbs.day(ref, day))

    def history(self, ref: str | int, *, limit: int | None = 100) -> Iterator[Occurrence]:
        """What became of its occurrences, newest first, at most `limit` (None: all)."""
        return self._portal.iterate(self._verbs.history(ref, limit=limit))

    def history_page(self, ref: str | int, *, cursor: str | None = None, limit: int = 100) -> Page[Occurrence]:
        """A part of the same, and the cursor of the next one."""
        return self._portal.call(self._verbs.history_page(ref, cursor=cursor, limit=limit))


class SyncUsers:
    """The verbs about people. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Users) -> None:
        self._portal = portal
        self._verbs = verbs

    def add(self, name: str, password: str, role: str = "consumer") -> User:
        """Let somebody in."""
        return self._portal.call(self._verbs.add(name, password, role))

    def all(self) -> list[User]:
        """Everyone, by name."""
        return self._portal.call(self._verbs.all())

    def get(self, name: str) -> User:
        """One of them."""
        return self._portal.call(self._verbs.get(name))

    def set_role(self, name: str, role: str) -> User:
        """Give another role: observer, consumer, operator or admin."""
        return self._portal.call(self._verbs.set_role(name, role))

    def disable(self, name: str) -> User:
        """Shut somebody out at once; their jobs stay, their schedules don't run."""
        return self._portal.call(self._verbs.disable(name))

    def enable(self, name: str) -> User:
        """Let somebody in again."""
        return self._portal.call(self._verbs.enable(name))

    def reset_password(self, name: str, password: str) -> User:
        """Give somebody another password; their sign-ins end."""
        return self._portal.call(self._verbs.reset_password(name, password))

    def change_password(self, old: str, new: str) -> None:
        """Change one's own password; one's other sign-ins end."""
        self._portal.call(self._verbs.change_password(old, new))

    def remove(self, name: str) -> None:
        """Delete an account; the jobs stay."""
        self._portal.call(self._verbs.remove(name))

    def sign_ins(self, name: str | None = None) -> list[SignIn]:
        """Somebody's sign-ins that go on; of all people where nobody is named."""
        return self._portal.call(self._verbs.sign_ins(name))

    def end_sign_in(self, name: str, which: str) -> None:
        """End one of somebody's sign-ins at once, by its id."""
        self._portal.call(self._verbs.end_sign_in(name, which))

    def end_sign_ins(self, name: str) -> None:
        """End all of somebody's sign-ins at once."""
        self._portal.call(self._verbs.end_sign_ins(name))

    def tokens(self, name: str | None = None) -> list[HeldToken]:
        """Somebody's API tokens; of all people where nobody is named."""
        return self._portal.call(self._verbs.tokens(name))

    def remove_token(self, name: str, token: str) -> None:
        """End somebody's API token at once."""
        self._portal.call(self._verbs.remove_token(name, token))


class SyncProjects:
    """The verbs about projects. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Projects) -> None:
        self._portal = portal
        self._verbs = verbs

    def all(self) -> list[Project]:
        """One's projects, by name."""
        return self._portal.call(self._verbs.all())

    def get(self, name: str) -> Project:
        """One of them."""
        return self._portal.call(self._verbs.get(name))

    def add(self, name: str) -> Project:
        """Make a project."""
        return self._portal.call(self._verbs.add(name))

    def remove(self, name: str) -> None:
        """Delete a project with nothing in it."""
        self._portal.call(self._verbs.remove(name))

    def members(self, name: str) -> list[Member]:
        """Who takes part, at most 1,000."""
        return self._portal.call(self._verbs.members(name))

    def grant(self, name: str, user: str, role: str) -> None:
        """Let somebody take part, or give them another role there."""
        self._portal.call(self._verbs.grant(name, user, role))

    def revoke(self, name: str, user: str) -> None:
        """Let somebody take part no more; their jobs there go on."""
        self._portal.call(self._verbs.revoke(name, user))

    def limits(self, name: str) -> ProjectLimits:
        """What it may have at once, and what it has."""
        return self._portal.call(self._verbs.limits(name))

    def set_limits(
        self,
        name: str,
        *,
        queued: int | None = None,
        running: int | None = None,
        cpu_millis: int | None = None,
        memory: int | None = None,
    ) -> ProjectLimits:
        """Set all limits of a project; what isn't given has none. For administrators."""
        return self._portal.call(
            self._verbs.set_limits(name, queued=queued, running=running, cpu_millis=cpu_millis, memory=memory)
        )


class SyncApiTokens:
    """The verbs about one's own tokens; a token itself can't use them. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: ApiTokens) -> None:
        self._portal = portal
        self._verbs = verbs

    def add(self, name: str, *, role: str = "consumer", ttl: float = 90 * 86400.0) -> MadeToken:
        """Make a token for the project in use, good for `ttl` seconds; it is shown this once."""
        return self._portal.call(self._verbs.add(name, role=role, ttl=ttl))

    def all(self) -> list[ApiToken]:
        """One's tokens by name, of all projects."""
        return self._portal.call(self._verbs.all())

    def rotate(self, name: str) -> MadeToken:
        """Give it another secret; the old one is refused at once."""
        return self._portal.call(self._verbs.rotate(name))

    def remove(self, name: str) -> None:
        """End it at once."""
        self._portal.call(self._verbs.remove(name))


class SyncSecrets:
    """The verbs about a project's secrets. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Secrets) -> None:
        self._portal = portal
        self._verbs = verbs

    def set(self, name: str, value: bytes) -> Secret:
        """Keep a secret of at most 64 KiB, in place of one of the same name."""
        return self._portal.call(self._verbs.set(name, value))

    def all(self) -> list[Secret]:
        """All secrets of the project, by name, without what they are."""
        return self._portal.call(self._verbs.all())

    def remove(self, name: str) -> None:
        """Delete a secret; what runs keeps its own."""
        self._portal.call(self._verbs.remove(name))


class SyncSyslog:
    """The verbs about the system's log. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Syslog) -> None:
        self._portal = portal
        self._verbs = verbs

    def lines(
        self, which: SyslogFilter | None = None, *, limit: int | None = 100, oldest_first: bool = False
    ) -> Iterator[SyslogLine]:
        """Lines, newest first, at most `limit` (None: all)."""
        return self._portal.iterate(self._verbs.lines(which, limit=limit, oldest_first=oldest_first))

    def page(
        self,
        which: SyslogFilter | None = None,
        *,
        cursor: str | None = None,
        limit: int = 100,
        oldest_first: bool = False,
    ) -> SyslogPage:
        """A part of the log: at most `limit` lines after a cursor, from a stretch of bounded length."""
        return self._portal.call(self._verbs.page(which, cursor=cursor, limit=limit, oldest_first=oldest_first))

    def recent(self, which: SyslogFilter | None = None, *, count: int = 100) -> Recent:
        """The newest lines; `follow` goes on from their head."""
        return self._portal.call(self._verbs.recent(which, count=count))

    def follow(self, which: SyslogFilter | None = None, *, after: int | None = None) -> Iterator[SyslogLine]:
        """Lines as they are written, from now on or after the line of that id; goes on over an outage of a minute.

        `since` and `until` don't matter here.
        """
        return self._portal.iterate(self._verbs.follow(which, after=after))

    def export(self, which: SyslogFilter | None = None, *, form: str = "ndjson") -> Iterator[bytes]:
        """All lines that fit, oldest first, as the bytes of a file of `ndjson` or `logfmt`."""
        return self._portal.iterate(self._verbs.export(which, form=form))

    def levels(self) -> list[LogLevel]:
        """From which level on each module's lines are kept."""
        return self._portal.call(self._verbs.levels())

    def set_level(self, module: str, level: str, *, seconds: float | None = None) -> LogLevel:
        """Set the level of a module (or of `all`) on every core, for so many seconds or until it is taken back."""
        return self._portal.call(self._verbs.set_level(module, level, seconds=seconds))

    def reset_level(self, module: str) -> None:
        """Take a level back that was set."""
        self._portal.call(self._verbs.reset_level(module))


class SyncSettings:
    """The verbs about settings. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Settings) -> None:
        self._portal = portal
        self._verbs = verbs

    def all(self) -> list[Setting]:
        """Every setting."""
        return self._portal.call(self._verbs.all())

    def get(self, name: str) -> Setting:
        """One of them."""
        return self._portal.call(self._verbs.get(name))

    def set(self, name: str, value: float | int | str) -> Setting:
        """Set one on all cores: a number (seconds, for a duration), or as a person writes it, such as `30d`."""
        return self._portal.call(self._verbs.set(name, value))

    def reset(self, name: str) -> Setting:
        """Let the environment say again what it is."""
        return self._portal.call(self._verbs.reset(name))

    def history(self, name: str, *, limit: int | None = 100) -> Iterator[SettingChange]:
        """Who changed it from what to what, newest first, as far as the audit goes."""
        return self._portal.iterate(self._verbs.history(name, limit=limit))


class SyncAudit:
    """The verbs about the audit. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Audit) -> None:
        self._portal = portal
        self._verbs = verbs

    def page(self, which: AuditFilter | None = None, *, limit: int = 100, cursor: str | None = None) -> AuditPage:
        """Entries, newest first, at most `limit` (500 at most); `cursor` is the `next` of the page before."""
        return self._portal.call(self._verbs.page(which, limit=limit, cursor=cursor))

    def entries(self, which: AuditFilter | None = None, *, limit: int | None = 100) -> Iterator[AuditEntry]:
        """Entries, newest first, at most `limit` (None: all)."""
        return self._portal.iterate(self._verbs.entries(which, limit=limit))


class SyncInteractions:
    """The verbs about conversations. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Interactions) -> None:
        self._portal = portal
        self._verbs = verbs

    def of_worker(self, worker: str, *, after: str | None = None, wait: float = 0.0, limit: int = 500) -> Conversation:
        """The newest messages of a worker (its name or id); with `after` those since, within `wait` seconds."""
        return self._portal.call(self._verbs.of_worker(worker, after=after, wait=wait, limit=limit))

    def of_job(self, job: int, *, after: str | None = None, wait: float = 0.0, limit: int = 500) -> Conversation:
        """What was said about a job, from memory and from its history; `after` and `wait` as for a worker."""
        return self._portal.call(self._verbs.of_job(job, after=after, wait=wait, limit=limit))

    def changes(
        self, *, worker: str | None = None, job: int | None = None, after: str | None = None, wait: float = 25.0
    ) -> Iterator[Conversation]:
        """What there is, or what came after a cursor, then each part as it comes; after `wait` seconds without any an
        empty one, whose `quiet` counts the signs of life. Goes on over an outage of a minute. Give a worker or a job.
        """
        return self._portal.iterate(self._verbs.changes(worker=worker, job=job, after=after, wait=wait))

    def follow(
        self, *, worker: str | None = None, job: int | None = None, after: str | None = None
    ) -> Iterator[Message]:
        """The messages of `changes`, one by one."""
        return self._portal.iterate(self._verbs.follow(worker=worker, job=job, after=after))


class SyncMounts:
    """The verbs about mounts. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Mounts) -> None:
        self._portal = portal
        self._verbs = verbs

    def all(self) -> list[Mount]:
        """By name: all there are for operators, for others those that the project may use."""
        return self._portal.call(self._verbs.all())

    def get(self, name: str) -> Mount:
        """One of them."""
        return self._portal.call(self._verbs.get(name))

    def add(self, name: str, path: str, *, read_only: bool = False, projects: Sequence[str] = ()) -> Mount:
        """Give a folder of the workers a name, and let projects use it."""
        return self._portal.call(self._verbs.add(name, path, read_only=read_only, projects=projects))

    def edit(self, name: str, *, path: str | None = None, read_only: bool | None = None) -> Mount:
        """Change what is given. What runs keeps the folder as it got it; what waits finds it changed."""
        return self._portal.call(self._verbs.edit(name, path=path, read_only=read_only))

    def remove(self, name: str) -> None:
        """Take the name away; what runs keeps its mount."""
        self._portal.call(self._verbs.remove(name))

    def allow(self, name: str, project: str, *, uid: int | None = None, gid: int | None = None) -> None:
        """Let a project use it; with `uid` and `gid` its jobs run as these."""
        self._portal.call(self._verbs.allow(name, project, uid=uid, gid=gid))

    def deny(self, name: str, project: str) -> None:
        """Let a project use it no more; what runs keeps its mount."""
        self._portal.call(self._verbs.deny(name, project))


class SyncWebhooks:
    """The verbs about a project's webhooks; its operators change them. All raise SwarmError."""

    def __init__(self, portal: Portal, verbs: Webhooks) -> None:
        self._portal = portal
        self._verbs = verbs

    def add(
        self,
        name: str,
        url: str,
        *,
        on: Sequence[str] = ("failed", "timed_out"),
        job_name: str | None = None,
        tag: str | None = None,
        only_named: bool = False,
    ) -> MadeWebhook:
        """Have jobs' ends told to an https URL, or to `mail:ADDRESS`; the secret that signs is shown this once."""
        return self._portal.call(self._verbs.add(name, url, on=on, job_name=job_name, tag=tag, only_named=only_named))

    def all(self) -> list[Webhook]:
        """All webhooks of the project, by name."""
        return self._portal.call(self._verbs.all())

    def get(self, name: str) -> Webhook:
        """One of them."""
        return self._portal.call(self._verbs.get(name))

    def remove(self, name: str) -> None:
        """Delete one, and what it was still to be told."""
        self._portal.call(self._verbs.remove(name))

    def rotate_secret(self, name: str, *, overlap: float = 86400.0) -> MadeWebhook:
        """Give it another secret; the old one signs too for `overlap` seconds."""
        return self._portal.call(self._verbs.rotate_secret(name, overlap=overlap))

    def enable(self, name: str) -> Webhook:
        """Tell one again that was disabled because it had answered 410."""
        return self._portal.call(self._verbs.enable(name))

    def test(self, name: str) -> Delivery:
        """Have it told of a test, once; `delivery` shows what comes of it."""
        return self._portal.call(self._verbs.test(name))

    def deliveries(
        self, *, state: str | None = None, to: str | None = None, job: int | None = None, limit: int = 100
    ) -> list[Delivery]:
        """What was and is to be told, newest first, at most 500."""
        return self._portal.call(self._verbs.deliveries(state=state, to=to, job=job, limit=limit))

    def delivery(self, delivery: str) -> Delivery:
        """One of them."""
        return self._portal.call(self._verbs.delivery(delivery))

    def redeliver(self, delivery: str) -> Delivery:
        """Try one anew that was delivered or given up."""
        return self._portal.call(self._verbs.redeliver(delivery))

    def redeliver_dead(self, to: str | None = None) -> int:
        """Try anew all that was given up, of one target or of all; how many."""
        return self._portal.call(self._verbs.redeliver_dead(to))


class SyncClient:
    """Signed in to one core; use it as a context manager, or call `close`."""

    def __init__(self, client: Client, portal: Portal) -> None:
        self._client = client
        self._portal = portal

    @classmethod
    def from_credentials(cls, path: Path | None = None, *, role: str | None = None) -> SyncClient:
        """As the person who is signed in on this machine, with `role` at most. Raises SwarmError(unauthenticated)."""
        return cls(Client.from_credentials(path, role=role), Portal())

    @classmethod
    def login(cls, url: str, user: str, password: str, *, ca_pem: str, client_name: str = "sdk") -> SyncClient:
        """Sign in with a password at the core whose CA certificate this is. Raises SwarmError."""
        portal = Portal()
        try:
            made = portal.call(Client.login(url, user, password, ca_pem=ca_pem, client_name=client_name))
        except BaseException:
            portal.close()
            raise
        return cls(made, portal)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for submits under way, close the connections and end the thread; idempotent."""
        if not self._portal.closed:
            self._portal.call(self._client.close())
            self._portal.close()

    @property
    def credentials(self) -> Credentials:
        """The sign-in as it is now."""
        return self._client.credentials

    def whoami(self) -> WhoAmI:
        """Who is signed in, with which role."""
        return self._portal.call(self._client.whoami())

    def logout(self) -> None:
        """End the sign-in on the core's side."""
        self._portal.call(self._client.logout())

    def push(self, image: str | Path, *, rename: str | None = None, progress: Progress | None = None) -> Pushed:
        """Bring an image: a name in the local engine, or the Path of an archive."""
        return self._portal.call(self._client.push(image, rename=rename, progress=progress))

    def images(self) -> list[Image]:
        """The images of the project."""
        return self._portal.call(self._client.images())

    def image_use(self, name: str) -> ImageUse:
        """One image by `name:tag`, with who uses it."""
        return self._portal.call(self._client.image_use(name))

    def remove_image(self, name: str) -> ImageUse:
        """Forget a tag; returns what it was, and who used it."""
        return self._portal.call(self._client.remove_image(name))

    def with_inputs(self, spec: JobSpec, inputs: Sequence[str], progress: Progress | None = None) -> JobSpec:
        """The spec with these added: files and folders (`PATH[:NAME]`), their bytes uploaded, and other jobs' outputs
        (`job:ID[/PATH][:NAME]`).
        """
        return self._portal.call(self._client.with_inputs(spec, inputs, progress))

    def submit(self, spec: JobSpec, *, inputs: Sequence[str] = (), key: str | None = None) -> Submitted:
        """Make a job durable; concurrent submits travel together. The same `key` and spec bring the same job."""
        return self._portal.call(self._client.submit(spec, inputs=inputs, key=key))

    def submit_many(self, specs: Iterable[JobSpec]) -> list[Submitted | BaseException]:
        """Many jobs in few requests; for each its id, or the error that refused it."""
        return self._portal.call(self._client.submit_many(specs))

    def submit_count(self, spec: JobSpec, count: int, *, key: str | None = None) -> list[int]:
        """The same job `count` times, all or none; their ids. The same `key`, spec and count bring the same jobs."""
        return self._portal.call(self._client.submit_count(spec, count, key=key))

    def dry_run(self, spec: JobSpec) -> DryRun:
        """Check a spec and see which workers could run it; nothing is kept."""
        return self._portal.call(self._client.dry_run(spec))

    def run(self, spec: JobSpec, *, inputs: Sequence[str] = (), within: float | None = None) -> Job:
        """Submit and wait: the ended job. Raises TimeoutError after `within` seconds; the job then goes on."""
        return self._portal.call(self._client.run(spec, inputs=inputs, within=within))

    def jobs(self, which: JobFilter | None = None, *, limit: int | None = 100) -> Iterator[Job]:
        """Jobs, newest first or in the filter's order."""
        return self._portal.iterate(self._client.jobs(which, limit=limit))

    def job_page(self, which: JobFilter | None = None, *, limit: int = 100, cursor: str | None = None) -> Page[Job]:
        """A part of such a list from a cursor on: `items`, and `next`, the cursor of the next part (None: none).

        A part may have fewer jobs than `limit` (at most 500), or none, where those that fit are rare.
        """
        return self._portal.call(self._client.job_page(which, limit=limit, cursor=cursor))

    def job(self, job: int) -> Job:
        """One job with its spec, attempts, history and artifacts."""
        return self._portal.call(self._client.job(job))

    def explain(self, job: int) -> Explanation:
        """Where a job is, or what it waits for, and why each worker isn't the one."""
        return self._portal.call(self._client.explain(job))

    def glance(self, job: int) -> Job:
        """One job as it is now, with its progress, and without all else that `job` brings."""
        return self._portal.call(self._client.glance(job))

    def wait(self, job: int, *, within: float | None = None) -> Job:
        """The job once it has ended. Raises TimeoutError."""
        return self._portal.call(self._client.wait(job, within=within))

    def wait_all(self, jobs: Iterable[int], *, within: float | None = None) -> dict[int, Outcome]:
        """How each job ended, once all have. Raises TimeoutError."""
        return self._portal.call(self._client.wait_all(jobs, within=within))

    def cancel(self, job: int) -> Cancelled:
        """Ask for a job's end."""
        return self._portal.call(self._client.cancel(job))

    def retry(self, job: int) -> int:
        """The id of a new job like this ended one; a held one is released and keeps its id."""
        return self._portal.call(self._client.retry(job))

    def update(self, job: int, *, priority: int) -> Job:
        """Change a job that has not ended: with a higher priority a queued one moves up."""
        return self._portal.call(self._client.update(job, priority=priority))

    def remove(self, job: int) -> None:
        """Delete an ended job with its logs and artifacts."""
        self._portal.call(self._client.remove(job))

    def cancel_many(self, jobs: Iterable[int]) -> dict[int, Cancelled | SwarmError]:
        """Ask for the end of many jobs, several at once; for each the answer, or the error that refused it."""
        return self._portal.call(self._client.cancel_many(jobs))

    def retry_many(self, jobs: Iterable[int]) -> dict[int, int | SwarmError]:
        """The same with `retry`: for each the id of the job that runs."""
        return self._portal.call(self._client.retry_many(jobs))

    def update_many(self, jobs: Iterable[int], *, priority: int) -> dict[int, Job | SwarmError]:
        """The same with `update`: for each the job as it is then."""
        return self._portal.call(self._client.update_many(jobs, priority=priority))

    def remove_many(self, jobs: Iterable[int]) -> dict[int, SwarmError | None]:
        """The same with `remove`: None for each that is gone."""
        return self._portal.call(self._client.remove_many(jobs))

    def logs(self, job: int, *, attempt: int | None = None, cursor: LogCursor | None = None) -> Iterator[LogEvent]:
        """The log as it comes until the job has ended; goes on by itself after a lost connection."""
        return self._portal.iterate(self._client.logs(job, attempt=attempt, cursor=cursor))

    def log_bytes(
        self, job: int, stream: str = "stdout", *, attempt: int | None = None, offset: int = 0
    ) -> Iterator[bytes]:
        """The bytes of one stream so far."""
        return self._portal.iterate(self._client.log_bytes(job, stream, attempt=attempt, offset=offset))

    def log_text(self, job: int, stream: str = "stdout") -> str:
        """All of one stream so far as text; what is not UTF-8 is replaced."""
        return self._portal.call(self._client.log_text(job, stream))

    def events(
        self,
        which: EventFilter | None = None,
        *,
        after: str | None = None,
        since: datetime | None = None,
        follow: bool = True,
        patience: float = 60.0,
        away: Away | None = None,
        back: Back | None = None,
    ) -> Iterator[Event]:
        """What happens, each change once and in order: from now, after an event's `cursor`, or since a time.

        Goes on by itself after a lost connection; `away` is called once each time that the core has gone, `back` when
        it is first heard and each time that it is back, and after `patience` seconds without it SwarmError is raised.
        Without `follow` it ends with what has happened up to now.
        """
        return self._portal.iterate(
            self._client.events(which, after=after, since=since, follow=follow, patience=patience, away=away, back=back)
        )

    def artifacts(self, job: int, *, attempt: int | None = None) -> list[Artifact]:
        """The files that an attempt of a job left; None: the newest."""
        return self._portal.call(self._client.artifacts(job, attempt=attempt))

    def fetch(
        self,
        job: int,
        folder: Path,
        *,
        names: Sequence[str] = (),
        progress: Progress | None = None,
        attempt: int | None = None,
    ) -> list[Path]:
        """Bring the files of an attempt (None: the newest) of a job below a folder, verified; `names` are globs."""
        return self._portal.call(self._client.fetch(job, folder, names=names, progress=progress, attempt=attempt))

    def join_token(self, *, uses: int = 1, ttl: float = 3600.0, name: str | None = None) -> JoinToken:
        """A token with which workers may join."""
        return self._portal.call(self._client.join_token(uses=uses, ttl=ttl, name=name))

    def join_tokens(self) -> list[JoinTokenState]:
        """Join tokens without their secrets, newest first; those that are over for a week longer."""
        return self._portal.call(self._client.join_tokens())

    def remove_join_token(self, token: str) -> None:
        """Let nobody join any more with the token of this id."""
        self._portal.call(self._client.remove_join_token(token))

    def workers(self) -> list[Worker]:
        """All workers."""
        return self._portal.call(self._client.workers())

    def worker(self, worker: str) -> Worker:
        """One worker by id or name."""
        return self._portal.call(self._client.worker(worker))

    def worker_loads(self, workers: Collection[str] = ()) -> list[WorkerNow]:
        """How connected workers fare now, in few bytes: these by id (at most 500), or all."""
        return self._portal.call(self._client.worker_loads(workers))

    def worker_load(self, worker: str, *, since: datetime | None = None, step: float | None = None) -> WorkerLoad:
        """How a worker fared since a time (an hour ago), a number for each `step` seconds (15)."""
        return self._portal.call(self._client.worker_load(worker, since=since, step=step))

    def pause_worker(self, worker: str) -> Worker:
        """Give a worker nothing new; what runs there goes on."""
        return self._portal.call(self._client.pause_worker(worker))

    def drain_worker(self, worker: str, *, deadline: float | datetime | None = None) -> Worker:
        """Have a worker finish what it has and leave; after `deadline`, seconds or a time, the rest is put back."""
        return self._portal.call(self._client.drain_worker(worker, deadline=deadline))

    def resume_worker(self, worker: str) -> Worker:
        """Give a worker jobs again: takes back a pause, and a drain that is under way."""
        return self._portal.call(self._client.resume_worker(worker))

    def label_worker(self, worker: str, labels: Mapping[str, str | None]) -> Worker:
        """Set labels over a worker's own; None takes one away again that was set so."""
        return self._portal.call(self._client.label_worker(worker, labels))

    def size_worker(self, worker: str, capacity: Mapping[str, int | None]) -> Worker:
        """Set `slots`, `cpu_millis`, `memory` or `disk` over a worker's own; None takes one back."""
        return self._portal.call(self._client.size_worker(worker, capacity))

    def worker_history(self, worker: str, *, limit: int | None = 100) -> Iterator[WorkerStep]:
        """What happened to a worker, newest first, at most `limit` (None: all)."""
        return self._portal.iterate(self._client.worker_history(worker, limit=limit))

    def rename_worker(self, worker: str, name: str) -> Worker:
        """Call a worker otherwise."""
        return self._portal.call(self._client.rename_worker(worker, name))

    def remove_worker(self, worker: str) -> None:
        """Forget a worker that was revoked."""
        self._portal.call(self._client.remove_worker(worker))

    def revoke(self, worker: str) -> None:
        """Shut a worker out for good."""
        self._portal.call(self._client.revoke(worker))

    def usage(
        self,
        by: str = "project",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        project: str | None = None,
        limit: int = 100,
    ) -> Usage:
        """What the jobs used that ended from `since` (a week ago) to `until` (now), a line for each `project`, `user`
        or `name`, in one project or in all of one's own.
        """
        return self._portal.call(self._client.usage(by, since=since, until=until, project=project, limit=limit))

    def overview(self, *, project: str | None = None) -> Overview:
        """The swarm at a glance: jobs and workers by state, the last hour, and alarms; of one project, or of
        all of one's own (`*`).
        """
        return self._portal.call(self._client.overview(project=project))

    @property
    def cores(self) -> SyncCores:
        """The verbs of `Client.cores`."""
        return SyncCores(self._portal, self._client.cores)

    @property
    def schedules(self) -> SyncSchedules:
        """The verbs of `Client.schedules`."""
        return SyncSchedules(self._portal, self._client.schedules)

    @property
    def users(self) -> SyncUsers:
        """The verbs of `Client.users`."""
        return SyncUsers(self._portal, self._client.users)

    @property
    def projects(self) -> SyncProjects:
        """The verbs of `Client.projects`."""
        return SyncProjects(self._portal, self._client.projects)

    @property
    def tokens(self) -> SyncApiTokens:
        """The verbs of `Client.tokens`."""
        return SyncApiTokens(self._portal, self._client.tokens)

    @property
    def secrets(self) -> SyncSecrets:
        """The verbs of `Client.secrets`."""
        return SyncSecrets(self._portal, self._client.secrets)

    @property
    def syslog(self) -> SyncSyslog:
        """The verbs of `Client.syslog`."""
        return SyncSyslog(self._portal, self._client.syslog)

    @property
    def settings(self) -> SyncSettings:
        """The verbs of `Client.settings`."""
        return SyncSettings(self._portal, self._client.settings)

    @property
    def audit(self) -> SyncAudit:
        """The verbs of `Client.audit`."""
        return SyncAudit(self._portal, self._client.audit)

    @property
    def interactions(self) -> SyncInteractions:
        """The verbs of `Client.interactions`."""
        return SyncInteractions(self._portal, self._client.interactions)

    @property
    def mounts(self) -> SyncMounts:
        """The verbs of `Client.mounts`."""
        return SyncMounts(self._portal, self._client.mounts)

    @property
    def webhooks(self) -> SyncWebhooks:
        """The verbs of `Client.webhooks`."""
        return SyncWebhooks(self._portal, self._client.webhooks)
