"""The kinds of messages as a record keeps them: a number, who says it, and the few numbers that are kept of one.

Never what a job holds: of an assignment the size of its spec, of a log the count of its bytes. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from swarm_protocol import messages as m
from swarm_protocol.states import FailureKind

CORE: Final = "core"
WORKER: Final = "worker"
NONE: Final = -(1 << 31)
"""In place of a number that isn't there."""
RESULTS: Final = ("", "other", "succeeded", "released", *(str(kind) for kind in FailureKind))
"""How an attempt ended, by the number that is kept of it."""
_RESULT: Final = {name: number for number, name in enumerate(RESULTS)}


Facts = tuple[int, int, int, int, int]
"""What is kept of one message: job (0: it is about none), attempt, two numbers, and the number of a result."""
NOTHING: Final[Facts] = (0, 0, NONE, NONE, 0)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry."""

    code: int
    name: str
    sender: str
    receiver: str
    """The sender itself: it is said to nobody."""
    numbers: tuple[str, ...]
    """What the two numbers mean, in order."""
    of_jobs: bool
    """Whether each is about a job."""


class _Table:
    """Kinds are numbered in the order in which they are added."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self.tell: dict[type, tuple[int, Callable[[Any], Facts]]] = {}

    def add(self, name: str, sender: str, receiver: str, *numbers: str, of_jobs: bool = False) -> int:
        self.kinds.append(Kind(len(self.kinds), name, sender, receiver, numbers, of_jobs))
        return len(self.kinds) - 1

    def heard(self, form: type, tell: Callable[[Any], Facts], *numbers: str, of_jobs: bool = False) -> int:
        return self._message(form, WORKER, CORE, tell, numbers, of_jobs)

    def said(self, form: type, tell: Callable[[Any], Facts], *numbers: str, of_jobs: bool = False) -> int:
        return self._message(form, CORE, WORKER, tell, numbers, of_jobs)

    def _message(
        self,
        form: type,
        sender: str,
        receiver: str,
        tell: Callable[[Any], Facts],
        numbers: tuple[str, ...],
        of_jobs: bool,
    ) -> int:
        tag = str(form.__struct_config__.tag)  # type: ignore[attr-defined]
        self.tell[form] = (self.add(tag, sender, receiver, *numbers, of_jobs=of_jobs), tell)
        return len(self.kinds) - 1


def _ref(message: Any) -> Facts:
    ref = message.ref
    return ref.job, ref.attempt, NONE, NONE, 0


def _nothing(_: Any) -> Facts:
    return NOTHING


def _two(first: int, second: int = NONE) -> Facts:
    return 0, 0, first, second, 0


def _assign(message: m.Assign) -> Facts:
    return message.ref.job, message.ref.attempt, len(message.spec), NONE, 0


def _progress(message: m.Progress) -> Facts:
    percent = round(100 * message.fraction) if 0 <= message.fraction <= 1 else NONE
    return message.ref.job, message.ref.attempt, percent, NONE, 0


def _finished(message: m.Finished) -> Facts:
    code = NONE if message.exit_code is None else message.exit_code
    result = _RESULT.get(message.result, 1)
    return message.ref.job, message.ref.attempt, code, len(message.artifacts), result


def _log(message: m.Log) -> Facts:
    return message.ref.job, message.ref.attempt, len(message.data), NONE, 0


_table = _Table()
CONNECTED: Final = _table.add("connected", WORKER, CORE)
CLOSED: Final = _table.add("closed", CORE, CORE, "code")
QUIET: Final = _table.add("quiet", WORKER, CORE, "pings", "leases")
"""Beats, pings and renewals between two other messages; the count is that of the beats."""
_table.heard(m.Hello, lambda x: _two(x.capacity.slots, x.minor), "slots", "minor")
_table.said(m.Welcome, lambda x: _two(int(x.lease_seconds), x.minor), "lease_seconds", "minor")
RECONCILE: Final = _table.heard(m.Reconcile, lambda x: _two(len(x.held)), "held")
HELD: Final = _table.add("held", WORKER, CORE, of_jobs=True)
RECONCILED: Final = _table.said(m.Reconciled, lambda x: _two(len(x.keep), len(x.stop)), "keep", "stop")
KEEP: Final = _table.add("keep", CORE, WORKER, of_jobs=True)
STOP: Final = _table.add("stop", CORE, WORKER, of_jobs=True)
ASSIGN: Final = _table.said(m.Assign, _assign, "spec_bytes", of_jobs=True)
_table.heard(m.Accepted, _ref, of_jobs=True)
STARTED: Final = _table.heard(m.Started, _ref, of_jobs=True)
HARVESTING: Final = _table.heard(m.Harvesting, _ref, of_jobs=True)
_table.heard(m.Progress, _progress, "percent", of_jobs=True)
LOG: Final = _table.heard(m.Log, _log, "bytes", of_jobs=True)
LOG_ACK: Final = _table.said(m.LogAck, _ref, of_jobs=True)
FINISHED: Final = _table.heard(m.Finished, _finished, "exit_code", "artifacts", of_jobs=True)
_table.said(m.Ack, _ref, of_jobs=True)
_table.said(m.Cancel, _ref, of_jobs=True)
_table.said(m.Discard, _ref, of_jobs=True)
_table.heard(m.TokenRequest, _nothing)
_table.said(m.TokenGrant, lambda x: _two(int(x.expires_in)), "expires_in")
_table.heard(m.Status, lambda x: _two(x.image_count), "images")
_table.heard(m.Offers, lambda x: _two(len(x.mounts), sum(x.gpus.values())), "mounts", "gpus")
_table.heard(m.Remarks, lambda x: _two(len(x.remarks)), "lines")
_table.said(m.Mounts, lambda x: _two(len(x.mounts)), "mounts")
_table.said(m.Drain, lambda x: _two(int(x.wanted), int(x.now)), "wanted", "now")
_table.said(m.Resize, lambda x: _two(x.slots), "slots")
_table.heard(m.Goodbye, _nothing)
_table.said(m.TerminalOpen, _ref, of_jobs=True)
_table.said(m.TerminalSize, _nothing, of_jobs=True)
_table.said(m.TerminalSeen, _nothing, of_jobs=True)
_table.said(m.TerminalClose, _nothing, of_jobs=True)
_table.said(m.TerminalInput, lambda x: _two(len(x.data)), "bytes", of_jobs=True)
_table.heard(m.TerminalOpened, _nothing, of_jobs=True)
_table.heard(m.TerminalTaken, _nothing, of_jobs=True)
_table.heard(m.TerminalEnded, _nothing, of_jobs=True)
_table.heard(m.TerminalOutput, lambda x: _two(len(x.data)), "bytes", of_jobs=True)
PING: Final = _table.heard(m.Ping, _nothing)
LEASE: Final = _table.said(m.Lease, _nothing)

KINDS: Final = tuple(_table.kinds)
TELL: Final[Mapping[type, tuple[int, Callable[[Any], Facts]]]] = _table.tell
"""What to keep of a message, by its type."""
