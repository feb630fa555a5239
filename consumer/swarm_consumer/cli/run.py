"""`swarm run`: submit, show the log as it comes, exit as the job did."""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, BinaryIO

import msgspec
import typer

from swarm_consumer.cli.completion import image_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.exits import EXIT_PIPE, exit_code
from swarm_consumer.cli.flags import Flags, build, with_flags
from swarm_consumer.cli.follow import LogPrinter
from swarm_consumer.cli.jobs import ran
from swarm_consumer.cli.keyboard import needs_terminal
from swarm_consumer.cli.lazy import WORDS
from swarm_consumer.cli.output import document, give_up_stdout, status
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.terminal import Job, Keyboard
from swarm_consumer.cli.text import reason
from swarm_consumer.client import Client
from swarm_consumer.draft import Draft
from swarm_consumer.models import Job as JobModel
from swarm_protocol.errors import EXIT_CANCELLED, SwarmError
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import JobState

QUEUED_SECONDS = 3.0
"""After so long in the queue, a person is told why."""


@with_flags
def run(
    ctx: typer.Context,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Image that was pushed.", autocompletion=image_names)],
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document at the end on stdout; the log goes to stderr.")
    ] = False,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="Hand on what is typed.")] = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="With a terminal of its own; with -i as -it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", hidden=True)] = True,
    cron: Annotated[str | None, typer.Option("--cron", hidden=True)] = None,
    *,
    flags: Flags,
) -> None:
    """Run a job and show its output as it comes.

    Exits with the job's own code; 124 timed out, 125 our failure, 130 cancelled.

    Words after -- replace the image's CMD. Ctrl-C asks to cancel, a second one leaves the job to itself.
    """
    if cron is not None:
        raise UsageError(
            "--cron: a job that recurs has no one end to wait for", "swarm submit --cron, or swarm schedule"
        )
    if tty:
        needs_terminal()
    draft = build(flags, image, ctx.meta.get(WORDS), None, datetime.now(UTC))
    draft = replace(draft, spec=msgspec.structs.replace(draft.spec, stdin=interactive, tty=tty))
    raise typer.Exit(with_client(lambda client: _run(client, draft, flags.idempotency_key, json)))


def attach(job: Job) -> None:
    """Be at the terminal of a job made with `run -it`, again or from elsewhere; see its log from the start.

    Ctrl-P Ctrl-Q leaves it to itself. Exits with the job's own code.
    """
    raise typer.Exit(with_client(lambda client: _attach(client, job)))


async def _attach(client: Client, job: int) -> int:
    found = await client.job(job)
    if found.spec is None or not found.spec.stdin:
        hint = f"see its log with `swarm logs -f {job}`, run a command in it with `swarm exec {job}`"
        raise SwarmError("conflict", f"job {job} reads no input: it was not made with `run -i`", hint=hint)
    if found.spec.tty:
        needs_terminal()
    return await _watched(client, job, found.spec, found.state, json=False)


async def _run(client: Client, draft: Draft, key: str | None, json: bool) -> int:
    if draft.spec.stdin:
        await _may_have_terminals(client)
    with Bar() as bar:
        spec = await client.with_inputs(draft.spec, draft.inputs, bar)
    submitted = await client.submit(spec, key=key)
    status(f"job {submitted.id} is {submitted.state}")
    return await _watched(client, submitted.id, spec, submitted.state, json)


async def _may_have_terminals(client: Client) -> None:
    """Before there is a job that nobody can type for. Raises SwarmError(forbidden)."""
    who = await client.whoami()
    if not who.terminals:
        text = f"{who.user} is {who.role} in {who.project}, which may have no terminals there"
        raise SwarmError("forbidden", text, hint="ask an admin; SWARM_TERMINAL_ROLE of the core says which role may")


async def _watched(client: Client, job: int, spec: JobSpec, state: str, json: bool) -> int:
    out: BinaryIO = sys.stderr.buffer if json else sys.stdout.buffer
    printer = LogPrinter(out, sys.stderr.buffer, tell=lambda text: status(f"job {job} {text}"))
    printer.state = state
    keyboard = Keyboard(client, job, spec.tty) if spec.stdin else None
    if keyboard is not None:
        printer.moved = keyboard.state
    return await _Session(client, job, printer, json, keyboard).run()


class _Session:
    """A job that a person watches: its log, and what Ctrl-C does."""

    def __init__(self, client: Client, job: int, printer: LogPrinter, json: bool, keyboard: Keyboard | None) -> None:
        self._client = client
        self._job = job
        self._printer = printer
        self._json = json
        self._keyboard = keyboard
        self._interrupts = 0
        self._detached = asyncio.Event()
        self._cancelling: asyncio.Task[None] | None = None

    async def run(self) -> int:
        restore = on_interrupt(self._interrupted)
        try:
            return await self._watch()
        except BrokenPipeError:
            give_up_stdout()
            return EXIT_PIPE
        finally:
            restore()

    async def _watch(self) -> int:
        following = asyncio.create_task(self._printer.follow(self._client.logs(self._job)))
        leaving = asyncio.create_task(self._left())
        explaining = asyncio.create_task(self._explain())
        try:
            await asyncio.wait((following, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                leaving.result()
                again = "attach" if self._keyboard is not None else "logs -f"
                status(f"left job {self._job} to itself; see it again with `swarm {again} {self._job}`")
                return EXIT_CANCELLED
            self._check(following)
            return self._ended(await self._client.job(self._job))
        finally:
            for task in (following, leaving, explaining):
                task.cancel()
            await asyncio.gather(following, leaving, explaining, return_exceptions=True)

    async def _left(self) -> None:
        """Until the person leaves the job to itself. Raises SwarmError where they may not type for it."""
        if self._keyboard is None:
            await self._detached.wait()
            return
        typing = asyncio.create_task(self._keyboard.serve())
        detached = asyncio.create_task(self._detached.wait())
        try:
            await asyncio.wait((typing, detached), return_when=asyncio.FIRST_COMPLETED)
            if typing.done():
                typing.result()
        finally:
            for task in (typing, detached):
                task.cancel()
            await asyncio.gather(typing, detached, return_exceptions=True)

    async def _explain(self) -> None:
        """Where it stays queued for a while: what hinders it."""
        await asyncio.sleep(QUEUED_SECONDS)
        if self._printer.state == JobState.QUEUED:
            text = (await self._client.explain(self._job)).hindrance
            if text:
                status(f"job {self._job} waits for {text}")

    def _check(self, following: "asyncio.Task[None]") -> None:
        try:
            following.result()
        except SwarmError as error:
            if error.code != "unavailable":
                raise
            hint = f"the job goes on; once the core is back: `swarm logs -f {self._job}`"
            raise SwarmError(error.code, f"lost sight of job {self._job}: {error.message}", hint=hint) from None

    def _ended(self, job: JobModel) -> int:
        if self._json:
            document(job)
        took = f" after {ran(job)}" if ran(job) else ""
        code = "" if job.exit_code is None else f" with exit code {job.exit_code}"
        why = f": {reason(job.failure, job.message)}" if job.failure or job.message else ""
        status(f"job {job.id} {job.state}{code}{took}{why}")
        if job.artifacts:
            status(f"job {job.id} left {len(job.artifacts)} file(s): swarm fetch {job.id}")
        return exit_code(job.state, job.exit_code)

    def _interrupted(self) -> None:
        self._interrupts += 1
        if self._interrupts > 1:
            self._detached.set()
        else:
            status(f"cancelling job {self._job}; Ctrl-C again leaves it to itself")
            self._cancelling = asyncio.create_task(self._cancel())

    async def _cancel(self) -> None:
        try:
            await self._client.cancel(self._job)
        except SwarmError as error:
            if error.code != "already_ended":
                status(f"error: job {self._job} could not be cancelled: {error.message}")


def on_interrupt(act: Callable[[], None]) -> Callable[[], None]:
    """Call `act` in the event loop for each Ctrl-C; what is returned undoes it."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, act)
        return lambda: (loop.remove_signal_handler(signal.SIGINT), None)[1]
    except NotImplementedError:
        before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(act) and None)
        return lambda: (signal.signal(signal.SIGINT, before), None)[1]
