"""The record of one worker's messages: the newest few hundred in a ring of a few bytes each, and what repeats as sums.

It is filled in the path of every job, so it does little there: a message one by one costs less than a microsecond, and
past a number of them in a second they are only counted by kind. A reader gets what is there, from a number on. Pure.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from swarm_core.interactions import kinds as k
from swarm_core.interactions.kinds import KINDS, NONE, NOTHING, TELL, Facts
from swarm_protocol import messages as m
from swarm_protocol.messages import OfTerminal, ToTerminal

_ENTRY: Final = struct.Struct("<dqqiiIBBB")
ENTRIES: Final = 256
"""With what is around them at most 16 KB; a power of two, for the ring grows in doublings."""
_BURST: Final = 128
"""Messages of a second that are kept one by one."""
_SUMS: Final = 8
"""Attempts and terminals whose bytes are summed up at once."""
_GATHER: Final = 10.0
"""Seconds for which bytes are summed up, where nobody reads."""
_READ: Final = 1.0
"""Seconds after which a reader gets such a sum."""
_LOOK_BACK: Final = 64
_BYTES: Final = frozenset({m.TerminalInput, m.TerminalOutput, m.TerminalSeen, m.TerminalTaken})
_SUMMED: Final = (m.Ping, m.Lease, m.Log, m.LogAck, m.Reconcile, m.Reconciled)
_SPECIAL: Final = frozenset(TELL[form][0] for form in (*_SUMMED, *OfTerminal.__args__, *ToTerminal.__args__))
"""Kinds that take more than to be kept."""
_TERMINALS: Final = 4
_HELD: Final = 16
_REFUSED: Final = 1
_MANY: Final = 2
_LIMITS: Final = ((1 << 63) - 1, (1 << 63) - 1, (1 << 31) - 1, (1 << 31) - 1, (1 << 32) - 1)


class Note(NamedTuple):
    """One entry. `seq` grows from record to record too, for it begins with the time in milliseconds."""

    seq: int
    at: float
    """Seconds since the epoch."""
    job: int
    first: int
    second: int
    attempt: int
    stands_for: int
    """Messages that it stands for."""
    kind: int
    refused: bool
    many: bool
    """They came too fast to be kept one by one."""
    result: int


class Quiet(NamedTuple):
    """What goes on beside: since when, and how many beats, pings and renewals of the lease."""

    since: float
    beats: int
    pings: int
    leases: int


class Told(NamedTuple):
    """What a reader gets."""

    notes: list[Note]
    missed: bool
    """There were more before the first of these, which are gone."""
    quiet: Quiet
    connected: bool


class _Sum:
    """Messages about the bytes of one attempt or terminal in one direction."""

    __slots__ = ("at", "bytes", "count", "refused")

    def __init__(self, at: float) -> None:
        self.at = at
        self.count = self.bytes = 0
        self.refused = False


_SumKey = tuple[int, int, int]
"""Kind, job and attempt."""


class Record:
    """What one worker and this core said to one another."""

    __slots__ = (
        "_burst",
        "_burst_at",
        "_first",
        "_leases",
        "_left",
        "_next",
        "_pings",
        "_ring",
        "_since",
        "_sums",
        "_terminals",
        "_window",
        "beats",
        "connections",
        "waiting",
    )  # fmt: skip

    def __init__(self, now: float = 0.0) -> None:
        self._ring = bytearray()
        self._first = self._next = int(now * 1000) + 1
        self._window, self._left = now, _BURST
        self._burst: Counter[type] | None = None
        self._burst_at = now
        self._sums: dict[_SumKey, _Sum] | None = None
        self._terminals: dict[UUID, m.Ref] | None = None
        self._since, self._pings, self._leases = now, 0, 0
        self.beats = 0
        """Since the last other message; whoever takes one counts it here."""
        self.connections = 0
        """Open ones of this worker."""
        self.waiting: set[asyncio.Event] = set()
        """Set when there may be something new."""

    # Writing ---------------------------------------------------------------------------------------------

    def note(self, batch: Sequence[Any], now: float) -> None:
        """The messages of a frame, of either direction."""
        if now - self._window >= 1.0:
            self._turn(now)
        if len(batch) > self._left:
            self._count(batch[self._left :] if self._left else batch, now)
        for message in batch[: self._left]:
            code, tell = TELL[type(message)]
            if code not in _SPECIAL:
                facts = tell(message)
                self._settle_of(facts, now)
                self._push(code, now, facts)
            else:
                self._one(message, code, tell(message), now)
        self._left = max(0, self._left - len(batch))
        for event in self.waiting:
            event.set()

    def mark(self, kind: int, now: float, first: int = NONE) -> None:
        """Something of the connection itself."""
        self._settle(now)
        self._push(kind, now, (0, 0, first, NONE, 0))
        for event in self.waiting:
            event.set()

    def refuse(self, message: Any, now: float) -> None:
        """What was heard just now is stale, and changes nothing."""
        code, tell = TELL[type(message)]
        facts = tell(message)
        if code == k.LOG:
            self._sum(code, facts, now).refused = True
        elif not self._flag(code, facts):
            self._push(code, now, facts, flags=_REFUSED)

    def _turn(self, now: float) -> None:
        """A second is over."""
        self._window, self._left = now, _BURST
        self._end_burst()
        if self._sums:
            self._end_sums(now - _GATHER)

    def _count(self, batch: Sequence[Any], now: float) -> None:
        if self._burst is None:
            self._burst, self._burst_at = Counter(), now
        self._burst.update(map(type, batch))

    def _end_burst(self) -> None:
        if self._burst is None:
            return
        counted, self._burst = self._burst, None
        pings, leases = counted.pop(m.Ping, 0), counted.pop(m.Lease, 0)
        if counted:
            self._end_quiet(self._burst_at)
        self._pings += pings
        self._leases += leases
        for form, count in counted.items():
            self._push(TELL[form][0], self._burst_at, NOTHING, count, _MANY)

    def _one(self, message: Any, code: int, facts: Facts, now: float) -> None:
        """A message that is not just kept."""
        if code == k.PING:
            self._pings += 1
        elif code == k.LEASE:
            self._leases += 1
        elif code in (k.LOG, k.LOG_ACK):
            self._add(code, facts, now)
        elif code in (k.RECONCILE, k.RECONCILED):
            self._settle_of(facts, now)
            self._push(code, now, facts)
            self._held(message, now)
        else:
            self._word(message, code, self._of_terminal(message, facts), now)

    def _word(self, message: Any, code: int, facts: Facts, now: float) -> None:
        """About a terminal."""
        if type(message) in _BYTES:
            self._add(code, facts, now)
        else:
            self._settle_of(facts, now)
            self._push(code, now, facts)

    def _held(self, message: m.Reconcile | m.Reconciled, now: float) -> None:
        if isinstance(message, m.Reconcile):
            self._each(k.HELD, (held.ref for held in message.held), now)
        else:
            self._each(k.KEEP, message.keep, now)
            self._each(k.STOP, message.stop, now)

    def _each(self, kind: int, refs: Iterable[m.Ref], now: float) -> None:
        for ref, _ in zip(refs, range(_HELD), strict=False):
            self._push(kind, now, (ref.job, ref.attempt, NONE, NONE, 0))

    def _of_terminal(self, message: Any, facts: Facts) -> Facts:
        """Whose terminal it is: words about one don't name its job."""
        if self._terminals is None:
            self._terminals = {}
        if isinstance(message, m.TerminalOpen):
            if len(self._terminals) >= _TERMINALS:
                del self._terminals[next(iter(self._terminals))]
            self._terminals[message.terminal] = message.ref
            return facts
        over = isinstance(message, m.TerminalEnded | m.TerminalClose)
        found = (self._terminals.pop if over else self._terminals.get)(message.terminal, None)
        return facts if found is None else (found.job, found.attempt, *facts[2:])

    # Sums ------------------------------------------------------------------------------------------------

    def _add(self, code: int, facts: Facts, now: float) -> None:
        found = self._sum(code, facts, now)
        found.count += 1
        found.bytes += facts[2] if facts[2] != NONE else 0

    def _sum(self, code: int, facts: Facts, now: float) -> _Sum:
        if self._sums is None:
            self._sums = {}
        key = (code, facts[0], facts[1])
        found = self._sums.get(key)
        if found is None:
            if len(self._sums) >= _SUMS:
                self._end_sums(now)
            found = self._sums[key] = _Sum(now)
        return found

    def _end_sums(self, before: float) -> None:
        """Keep the sums that were begun before then."""
        for key in [key for key, each in (self._sums or {}).items() if each.at <= before]:
            self._keep_sum(key)

    def _keep_sum(self, key: _SumKey) -> None:
        assert self._sums is not None
        found, (code, job, attempt) = self._sums.pop(key), key
        self._end_quiet(found.at)
        size = found.bytes if "bytes" in KINDS[code].numbers else NONE
        flags = _REFUSED if found.refused else 0
        self._push(code, found.at, (job, attempt, size, NONE, 0), max(1, found.count), flags)

    def _settle_of(self, facts: Facts, now: float) -> None:
        """What was said of an attempt's bytes comes before what else is said of it."""
        if self._sums:
            for key in [key for key in self._sums if key[1:] == facts[:2]]:
                self._keep_sum(key)
        if self.beats or self._pings or self._leases:
            self._end_quiet(now)
        self._since = now

    def _settle(self, now: float) -> None:
        self._end_burst()
        self._end_sums(now)
        self._end_quiet(now)

    def _end_quiet(self, now: float) -> None:
        if self.beats or self._pings or self._leases:
            self._push(k.QUIET, self._since, (0, 0, self._pings, self._leases, 0), self.beats)
            self.beats = self._pings = self._leases = 0
        self._since = now

    # The ring --------------------------------------------------------------------------------------------

    def _push(self, kind: int, at: float, facts: Facts, count: int = 1, flags: int = 0) -> None:
        job, attempt, first, second, result = facts
        try:
            entry = _ENTRY.pack(at, job, first, second, attempt, count, kind, flags, result)
        except struct.error:  # a worker may say any number
            cut = [
                max(-most, min(most, value))
                for value, most in zip((job, first, second, attempt, count), _LIMITS, strict=True)
            ]
            entry = _ENTRY.pack(at, *cut, kind, flags, result)
        place = (self._next - self._first) % ENTRIES * _ENTRY.size
        if place >= len(self._ring):
            self._grow()
        self._ring[place : place + _ENTRY.size] = entry
        self._next += 1

    def _grow(self) -> None:
        """To exactly twice as much: an idle worker's ring stays small, and none has room that is never used."""
        bigger = bytearray(max(8 * _ENTRY.size, 2 * len(self._ring)))
        bigger[: len(self._ring)] = self._ring
        self._ring = bigger

    def _flag(self, kind: int, facts: Facts) -> bool:
        """Mark the newest such entry as refused, if it is among the last."""
        for seq in range(self._next - 1, max(self._oldest, self._next - _LOOK_BACK) - 1, -1):
            place = (seq - self._first) % ENTRIES * _ENTRY.size
            entry = _ENTRY.unpack_from(self._ring, place)
            if entry[6] == kind and (entry[1], entry[4]) == facts[:2]:
                self._ring[place + _ENTRY.size - 2] |= _REFUSED
                return True
        return False

    @property
    def _oldest(self) -> int:
        return max(self._first, self._next - ENTRIES)

    # Reading ---------------------------------------------------------------------------------------------

    @property
    def gathers(self) -> bool:
        """Whether something waits to be summed up: it may be there in a second, without another message."""
        return bool(self._sums) or self._burst is not None

    def read(self, after: int, now: float, job: int = 0) -> Told:
        """What is there after a number (0: all); of one job, where it is given."""
        if now - self._window >= 1.0:
            self._end_burst()
        self._end_sums(now - _READ)
        begin = max(self._oldest, after + 1)
        notes = [self._at(seq) for seq in range(begin, self._next)]
        if job:
            notes = [each for each in notes if each.job == job]
        missed = self._oldest > self._first and after + 1 < self._oldest
        quiet = Quiet(self._since, self.beats, self._pings, self._leases)
        return Told(notes, missed, quiet, self.connections > 0)

    def _at(self, seq: int) -> Note:
        entry = _ENTRY.unpack_from(self._ring, (seq - self._first) % ENTRIES * _ENTRY.size)
        at, job, first, second, attempt, count, kind, flags, result = entry
        refused, many = bool(flags & _REFUSED), bool(flags & _MANY)
        return Note(seq, at, job, first, second, attempt, count, kind, refused, many, result)
