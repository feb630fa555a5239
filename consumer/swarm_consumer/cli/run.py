"""`swarm run`: submit, show the log as it comes, exit as the job did."""

import asyncio
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, BinaryIO

import typer

from swarm_consumer.cli.completion import image_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.exits import EXIT_PIPE, exit_code
from swarm_consumer.cli.flags import Flags, build, with_flags
from swarm_consumer.cli.follow import LogPrinter
from swarm_consumer.cli.jobs import ran
from swarm_consumer.cli.lazy import WORDS
from swarm_consumer.cli.output import document, give_up_stdout, status
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.submit import no_fit
from swarm_consumer.cli.text import reason
from swarm_consumer.client import Client
from swarm_consumer.draft import Draft
from swarm_consumer.models import Job
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
    draft = build(flags, image, ctx.meta.get(WORDS), None, datetime.now(UTC))
    raise typer.Exit(with_client(lambda client: _run(client, draft, flags.idempotency_key, json)))


async def _run(client: Client, draft: Draft, key: str | None, json: bool) -> int:
    with Bar() as bar:
        spec = await client.with_inputs(draft.spec, draft.inputs, bar)
    submitted = await client.submit(spec, key=key)
    status(f"job {submitted.id} is {submitted.state}")
    out: BinaryIO = sys.stderr.buffer if json else sys.stdout.buffer
    printer = LogPrinter(out, sys.stderr.buffer, tell=lambda text: status(f"job {submitted.id} {text}"))
    printer.state = submitted.state
    return await _Session(client, submitted.id, spec, printer, json).run()


class _Session:
    """A job that a person watches: its log, and what Ctrl-C does."""

    def __init__(self, client: Client, job: int, spec: JobSpec, printer: LogPrinter, json: bool) -> None:
        self._client = client
        self._job = job
        self._spec = spec
        self._printer = printer
        self._json = json
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
        leaving = asyncio.create_task(self._detached.wait())
        explaining = asyncio.create_task(self._explain())
        try:
            await asyncio.wait((following, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                status(f"left job {self._job} to itself; see it again with `swarm logs -f {self._job}`")
                return EXIT_CANCELLED
            self._check(following)
            return self._ended(await self._client.job(self._job))
        finally:
            for task in (following, leaving, explaining):
                task.cancel()
            await asyncio.gather(following, leaving, explaining, return_exceptions=True)

    async def _explain(self) -> None:
        """Where it stays queued for a while: whether any worker could ever run it."""
        await asyncio.sleep(QUEUED_SECONDS)
        if self._printer.state == JobState.QUEUED:
            found = await self._client.dry_run(self._spec)
            if not found.fits:
                status(f"job {self._job} waits: {no_fit(found)}")

    def _check(self, following: "asyncio.Task[None]") -> None:
        try:
            following.result()
        except SwarmError as error:
            if error.code != "unavailable":
                raise
            hint = f"the job goes on; once the core is back: `swarm logs -f {self._job}`"
            raise SwarmError(error.code, f"lost sight of job {self._job}: {error.message}", hint=hint) from None

    def _ended(self, job: Job) -> int:
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
