"""Terminals: people's commands in the containers of running jobs, and what they type for a job itself.

A terminal is a line from a person on this core to a worker, which is on this core too, or on another: then the words
go through Redis, and the core that has the worker keeps a guest. Nothing of it is in the database but the audit: a
terminal is over when either side of it has gone.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.queues import QueueDepth
from swarm_core.session import Session, WorkerView
from swarm_core.store import terminals as rows
from swarm_core.store.database import Database, transaction
from swarm_core.store.keys import audit
from swarm_core.terminal_guests import LOST, SINCE, Far, Guests, Sessions
from swarm_core.terminal_line import Line
from swarm_core.terminal_relay import TerminalRelay
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId, uuid7
from swarm_protocol.messages import (
    OfTerminal,
    Ref,
    TerminalClose,
    TerminalEnded,
    TerminalOpen,
    TerminalSeen,
    ToTerminal,
)
from swarm_protocol.states import JobState
from swarm_protocol.terminal import MAX_COMMAND, MAX_SIDE, MAX_WORDS, Open

ROLES: Final = ("observer", "consumer", "operator", "admin")
NOBODY: Final = "nobody"
_MOST: Final = 256
"""Terminals at once that people of this core have open."""
_ALIVE: Final = 5.0
"""Seconds between two signs of life between cores."""
_GONE: Final = 20.0
"""Seconds without one after which the other core counts as gone."""
_AUDITED: Final = 1024
"""Characters of a command that the audit keeps."""


class Caller(Protocol):
    """Who asks."""

    @property
    def name(self) -> str: ...
    @property
    def project(self) -> ProjectId: ...
    @property
    def role(self) -> str: ...


class Terminals:
    """All terminals that this core has to do with. A module: `run` sees to those between two cores."""

    name = "terminals"

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        relay: TerminalRelay,
        views: Callable[[], Awaitable[list[WorkerView]]],
        clock: Clock,
        *,
        least_role: Callable[[], str],
    ) -> None:
        """`views` are the connected workers of all cores. `least_role` may open one; `nobody`: they are off."""
        self._database = database
        self._sessions = sessions
        self._relay = relay
        self._views = views
        self._clock = clock
        self._least_role = least_role
        self._lines: dict[UUID, tuple[Line, Session | Far]] = {}
        self._guests = Guests(sessions, relay, clock)
        relay.received = self._relayed
        relay.broken = self._broken

    def queue_depths(self) -> list[QueueDepth]:
        """Terminals that are open."""
        return [QueueDepth(name="open", depth=len(self._lines), bound=_MOST)]

    async def run(self) -> None:
        """Let cores that share a terminal know of one another, until cancelled."""
        while True:
            await self._clock.sleep(_ALIVE)
            self._tell_and_drop()

    # For people ------------------------------------------------------------------------------------------

    def allows(self, role: str) -> bool:
        """Whether this role may open terminals."""
        least = self._least_role()
        return least in ROLES and ROLES.index(role) >= ROLES.index(least)

    async def check(self, who: Caller, job: int) -> None:
        """Whether there is such a job for them, and terminals. Raises SwarmError(not_found | forbidden)."""
        await self._target(who, job)
        self.check_role(who)

    def check_role(self, who: Caller) -> None:
        """Raises SwarmError(forbidden) for who may have no terminals."""
        if not self.allows(who.role):
            least = self._least_role()
            if least == NOBODY:
                hint = "an admin turns them on: `swarm settings set terminal_role operator`"
                raise SwarmError("forbidden", "terminals are off", hint=hint)
            text = f"a terminal needs the role {least}; {who.name} is {who.role}"
            raise SwarmError("forbidden", text, hint="ask an admin for the role; the setting terminal_role says which")

    async def open(self, who: Caller, job: int, wanted: Open) -> Line:
        """A line to a job that runs; to be given to `close`. Raises SwarmError."""
        _check(wanted)
        await self.check(who, job)
        if len(self._lines) >= _MOST:
            raise SwarmError("too_many_requests", f"this core has {_MOST} terminals open", hint="close one")
        target = await self._target(who, job)
        if target.state != JobState.RUNNING or target.worker is None:
            raise SwarmError(
                "conflict",
                f"job {job} is {target.state}, a terminal needs a running one",
                hint=f"see `swarm show {job}`",
            )
        if not wanted.command and not target.stdin:
            hint = f"run a command in it: `swarm exec -it {job} -- sh`"
            raise SwarmError("conflict", f"job {job} reads no input: it was not made with `run -i`", hint=hint)
        terminal, ref = uuid7(), Ref(job, target.attempt)
        way, send = await self._way_to(target.worker, target.worker_name)
        line = Line(terminal, ref, target.worker, target.worker_name, send)
        await self._note(who, "open_terminal", line, command=" ".join(wanted.command)[:_AUDITED])
        self._lines[terminal] = (line, way)
        line.send(
            TerminalOpen(
                terminal=terminal,
                ref=ref,
                command=wanted.command,
                tty=wanted.tty,
                stdin=wanted.stdin,
                rows=wanted.rows,
                columns=wanted.columns,
            )
        )
        return line

    async def close(self, who: Caller, line: Line) -> None:
        """The person has gone, or the terminal has ended. Raises what the database raises."""
        if line.ended is None:
            line.send(TerminalClose(terminal=line.terminal))
        self._lines.pop(line.terminal, None)
        self._relay.forget(line.terminal)
        ended = line.ended or TerminalEnded(terminal=line.terminal, message="left")
        await self._note(
            who,
            "close_terminal",
            line,
            exit_code=ended.exit_code,
            message=ended.message,
            bytes_in=line.bytes_in,
            bytes_out=line.bytes_out,
        )

    async def _target(self, who: Caller, job: int) -> rows.Target:
        found = await rows.target(self._database.api, who.project, job)
        if found is None:
            raise SwarmError("not_found", f"there is no job {job}", hint="`swarm jobs` lists yours")
        return found

    async def _note(self, who: Caller, action: str, line: Line, **detail: object) -> None:
        subject = f"{line.ref.job}.{line.ref.attempt}"
        async with transaction(self._database.api) as connection:
            await audit(
                connection, f"user:{who.name}", action, subject, who.project, terminal=str(line.terminal), **detail
            )

    async def _way_to(self, worker: UUID, name: str) -> tuple[Session | Far, Callable[[ToTerminal], None]]:
        session = self._sessions.session(worker)
        if session is not None:
            if session.minor < SINCE:
                raise SwarmError("conflict", f"worker {name} is of an earlier version", hint="upgrade it")
            return session, session.send
        core = next((view.core for view in await self._views() if view.id == worker), None)
        if core is None:
            text = f"worker {name} is not connected to this core, and no other core says that it has it"
            raise SwarmError("unavailable", text, hint="try again in a moment; between cores terminals need Redis")
        return Far(core, self._clock.monotonic()), partial(self._relay.send, core, worker)

    # For workers of this core ----------------------------------------------------------------------------

    def heard(self, session: Session, message: OfTerminal) -> None:
        """A worker's word; it is told to close what nobody has open."""
        line, way = self._lines.get(message.terminal, (None, None))
        if line is not None and way is session:
            line.take(message)
        elif not self._guests.heard(session, message) and not isinstance(message, TerminalEnded):
            session.send(TerminalClose(terminal=message.terminal))

    def lost(self, session: Session) -> None:
        """A worker's connection has ended, and with it its terminals."""
        for line, way in list(self._lines.values()):
            if way is session:
                line.end(LOST)
        self._guests.lost(session)

    # Between cores ---------------------------------------------------------------------------------------

    def _relayed(self, core: UUID, worker: UUID, message: ToTerminal | OfTerminal) -> None:
        if not isinstance(message, OfTerminal):
            self._guests.told(core, worker, message)
            return
        line, way = self._lines.get(message.terminal, (None, None))
        if line is not None and isinstance(way, Far) and way.core == core:
            way.heard = self._clock.monotonic()
            line.take(message)

    def _broken(self, terminal: UUID) -> None:
        if (known := self._lines.get(terminal)) is not None:
            known[0].end("words between two cores were lost")
        self._guests.drop(terminal)

    def _tell_and_drop(self) -> None:
        late = self._clock.monotonic() - _GONE
        for line, way in list(self._lines.values()):
            if isinstance(way, Far) and line.ended is None:
                line.send(TerminalSeen(terminal=line.terminal, count=0))
                if way.heard < late:
                    line.end("the core that has its worker is gone")
        self._guests.tell_and_drop(late)


def _check(wanted: Open) -> None:
    words: Sequence[str] = wanted.command
    if len(words) > MAX_WORDS or sum(len(word.encode()) for word in words) > MAX_COMMAND:
        raise SwarmError(
            "bad_request", f"a command has at most {MAX_WORDS} words and {MAX_COMMAND} bytes", field="command"
        )
    if any("\0" in word for word in words) or (words and not words[0]):
        raise SwarmError("bad_request", "that is no command: empty, or with a NUL in it", field="command")
    if not (0 < wanted.rows <= MAX_SIDE and 0 < wanted.columns <= MAX_SIDE):
        raise SwarmError("bad_request", f"rows and columns are from 1 to {MAX_SIDE}", field="rows")
