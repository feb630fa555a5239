"""The words between core and worker on their websocket: two closed unions, one for each direction.

A frame is one msgpack array of messages (see `frames`). Every message about a job carries the attempt
number; a receiver that knows a newer attempt, or none, drops it (fencing).
"""

from typing import Final
from uuid import UUID

import msgspec

PROTOCOL_MAJOR: Final = 1
"""Differs: the two can't talk; the core closes with `CLOSE_VERSION`."""
PROTOCOL_MINOR: Final = 3
"""Differs: unknown messages and fields of the later one are ignored by the earlier.

1: `Goodbye`. 2: daily use. 3: `Remarks`.
"""

STEERED_SINCE: Final = 2
"""Minor version from which on a worker knows `Drain` and `Resize`, and a core `Status`."""
REMARKS_SINCE: Final = 3
"""Minor version from which on a core knows `Remarks`."""
MAX_IMAGES: Final = 200
"""Images that a `Status` names at most."""

CLOSE_PARTED: Final = 1000
"""The answer to a goodbye."""
CLOSE_VERSION: Final = 4001
CLOSE_REVOKED: Final = 4003
CLOSE_TOKEN: Final = 4004
"""The access token ran out and was not refreshed."""
CLOSE_SESSION_ENDED: Final = 4008
"""The session's lease ran out and a core ended it: connect again at once."""
CLOSE_REPLACED: Final = 4009
"""The same worker opened a newer session."""
CLOSE_SLOW: Final = 4010
"""A reader of the event stream did not keep up: go on from the last cursor."""
CLOSE_CORE_STOPS: Final = 1012


TERMINAL_WINDOW: Final = 256 * 1024
"""Bytes of a terminal that may be on their way in one direction without a word that they were taken."""
TERMINAL_PIECE: Final = 32 * 1024
"""Bytes of a terminal in one message, at most."""


class _Message(msgspec.Struct, frozen=True, tag_field="t", kw_only=True, omit_defaults=True):
    pass


class Ref(msgspec.Struct, frozen=True, array_like=True):
    """One attempt of one job."""

    job: int
    attempt: int


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker offers in all."""

    slots: int
    cpu_millis: int
    memory: int
    disk: int


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics card that jobs can be given."""

    id: str
    """Its UUID, by which the engine knows it."""
    kind: str
    """What jobs ask for, such as a100."""
    model: str
    """As its maker calls it."""


class SysInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker is; shown to people and matched by constraints through the labels derived from it.

    From `os_name` on since minor version 2; zero and empty is what isn't known. What changes comes as a `Status`.
    """

    hostname: str
    os: str
    arch: str
    """As OCI platforms name it: amd64, arm64."""
    cpus: int
    memory: int
    engine: str
    """Version of the container engine, or empty while none answers."""
    version: str
    """Version of the worker."""
    os_name: str = ""
    """For people, such as `Debian GNU/Linux 12 (bookworm)`."""
    kernel: str = ""
    runc: str = ""
    """Version of the runtime under the engine."""
    cgroup: str = ""
    """Version of the control groups: 1 or 2."""
    disk: int = 0
    """Bytes of the file system that has the worker's folder."""
    booted_at: float = 0.0
    """When the machine started, in seconds since the epoch."""
    gpus: list[Gpu] = []


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a beat that placement reads."""

    running: int
    free_slots: int
    load1: float
    """Load average of one minute, divided by the number of cpus."""
    memory_free: int


# --- worker → core ---------------------------------------------------------------------------------------


class Hello(_Message, frozen=True, tag="hello"):
    """First message of a worker."""

    major: int
    minor: int
    capacity: Capacity
    sysinfo: SysInfo
    labels: dict[str, str] = {}
    cluster: str = ""
    """Cluster id it last belonged to; empty at first."""


class HeldAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt that the worker still has, in whatever phase; `finished` once its outcome is in the journal."""

    ref: Ref
    phase: str
    """`preparing`, `running`, `harvesting` or `finished`."""
    stdout: int = 0
    stderr: int = 0
    """Bytes of each stream spooled so far."""


class Reconcile(_Message, frozen=True, tag="reconcile"):
    """Everything the worker holds; sent after each welcome, before anything else about jobs."""

    held: list[HeldAttempt]


class Accepted(_Message, frozen=True, tag="accepted"):
    """The assignment arrived and is being prepared."""

    ref: Ref


class Started(_Message, frozen=True, tag="started"):
    """The container runs. `timings` are seconds so far by phase: queue is the core's, `pull` and `load` are here."""

    ref: Ref
    timings: dict[str, float] = {}


class Harvesting(_Message, frozen=True, tag="harvesting"):
    """The container has ended and there are outputs to bring."""

    ref: Ref


class Log(_Message, frozen=True, tag="log"):
    """Bytes of one stream; `offset` counts from the attempt's first byte of that stream."""

    ref: Ref
    stream: int
    """1 stdout, 2 stderr."""
    offset: int
    data: bytes


class Artifact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One output file, already uploaded as a blob."""

    name: str
    """Path below `/out`, as text (`filenames`)."""
    digest: str
    size: int
    mode: int = 0o644


class Progress(_Message, frozen=True, tag="progress"):
    """How far an attempt says that it is; at most one a second of each. It came with minor version 2."""

    ref: Ref
    fraction: float
    """From 0 to 1."""
    text: str = ""
    """What it does, at most 200 characters."""


class Finished(_Message, frozen=True, tag="finished"):
    """The end of an attempt. Repeated after each reconnect until it is acknowledged."""

    ref: Ref
    result: str
    """`succeeded`, `released` (given back at no cost: the worker is being stopped) or a FailureKind."""
    exit_code: int | None = None
    """The job's own; none where its container never started, was stopped over its quota, or went with the engine."""
    oom: bool = False
    message: str = ""
    """One line for a person: what happened, and the flag that helps where one does."""
    timings: dict[str, float] = {}
    """Seconds by phase: pull, load, create, run, collect."""
    stdout: int = 0
    stderr: int = 0
    """Length of each stream: the log is whole when these many bytes are there."""
    log_truncated: bool = False
    artifacts: list[Artifact] = []


class Ping(_Message, frozen=True, tag="ping"):
    """Proof of life over the websocket, with the load a beat would carry; answered by `Lease` after a renewal."""

    seq: int
    load: Load


class TokenRequest(_Message, frozen=True, tag="token_request"):
    """Asks for a fresh access token; `assertion` is a JWT of a minute signed with the worker's own key."""

    assertion: str


class Goodbye(_Message, frozen=True, tag="goodbye"):
    """The worker leaves and holds no attempt: end its session now. The core closes the connection once that is done.

    Its last message; it takes no notice of what crosses it. A core of minor version 0 ignores it.
    """


class TerminalOpened(_Message, frozen=True, tag="term_opened"):
    """The terminal's command runs, or the job's own input is connected."""

    terminal: UUID


class TerminalOutput(_Message, frozen=True, tag="term_output"):
    """Bytes that the command wrote; with a tty all of them are stream 1."""

    terminal: UUID
    stream: int
    data: bytes


class TerminalTaken(_Message, frozen=True, tag="term_taken"):
    """So many bytes of input were handed on: as many more may come (`TERMINAL_WINDOW`)."""

    terminal: UUID
    count: int


class TerminalEnded(_Message, frozen=True, tag="term_ended"):
    """The terminal is over: its command has ended, or it could not be opened or kept. Nothing of it follows."""

    terminal: UUID
    exit_code: int | None = None
    """The command's own; None for a terminal on the job itself, and where `message` says what went wrong."""
    message: str = ""


class HeldImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that the worker keeps in its engine."""

    digest: str
    """Of the manifest that was asked for."""
    size: int
    """Bytes of its layers, compressed."""


class Status(_Message, frozen=True, tag="status"):
    """How the machine is. Said in the beginning of a session, then at most once a minute, and only when something has
    changed that a person would call a change; only to a core of minor version 2 or later."""

    load: tuple[float, float, float]
    """Load averages of 1, 5 and 15 minutes, as the machine counts them."""
    memory_free: int
    disk_free: int
    """Of the file system that has the worker's folder."""
    images: list[HeldImage] = []
    """The newest `MAX_IMAGES`."""
    image_count: int = 0
    image_bytes: int = 0
    """Of all images, also of those not listed."""


class Offers(_Message, frozen=True, tag="offers"):
    """What jobs may have of this machine beside cpu, memory and disk: the answer to `Mounts`, and again after changes.

    Each takes the place of the one before. Minor version 2.
    """

    mounts: list[str] = []
    gpus: dict[str, int] = {}
    """How many of each kind, in all."""
    networks: list[str] = []
    why: dict[str, str] = {}
    """Why something is not offered, by what it is (`mount data`, `gpu`, `network egress`), for a person."""


class Remark(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line of the worker's own log."""

    level: str
    """`warning` or `error`."""
    text: str
    ago: float = 0.0
    """Seconds between it and this message: the two clocks may differ."""
    ref: Ref | None = None
    """The attempt that it is about."""


class Remarks(_Message, frozen=True, tag="remarks"):
    """What the worker warns of and what fails there; only to a core of minor version 3 or later."""

    remarks: list[Remark]
    lost: int = 0
    """How many more there were that found no room."""


# --- core → worker ---------------------------------------------------------------------------------------


class Welcome(_Message, frozen=True, tag="welcome"):
    """The session begins."""

    major: int
    minor: int
    session: UUID
    cluster: str
    """Stable id of this swarm, for container labels."""
    core: UUID
    udp_host: str
    """Where to send beats; empty: the host this websocket goes to."""
    udp_port: int
    udp_key_id: int
    udp_key: bytes
    """32 bytes for this session's beats."""
    beat_seconds: float
    ping_seconds: float
    lease_seconds: float
    """How long the session lives after the last ping whose seq came back in a `Lease` was sent."""
    log_window: int = 4 * 1024 * 1024
    """Bytes of log that may be on their way without acknowledgement, over all attempts."""


class Reconciled(_Message, frozen=True, tag="reconciled"):
    """The answer to `Reconcile`: go on with `keep`, stop and discard `stop`."""

    keep: list[Ref]
    stop: list[Ref]


class ImageRef(msgspec.Struct, frozen=True, kw_only=True):
    """The pinned image of an assignment."""

    name: str
    """As the person asked for it; for messages only."""
    digest: str
    """Of the manifest, or of an index from which the worker picks its platform."""


class Assign(_Message, frozen=True, tag="assign"):
    """Run this attempt. `spec` is a JobSpec as JSON, as the Receiver stored it."""

    ref: Ref
    project: UUID
    image: ImageRef
    spec: bytes
    project_name: str = ""
    traceparent: str = ""
    """What the attempt runs under (W3C); empty for jobs from before there were traces."""


class Cancel(_Message, frozen=True, tag="cancel"):
    """Stop the attempt: SIGTERM, stop grace, SIGKILL; then report it as cancelled."""

    ref: Ref


class Discard(_Message, frozen=True, tag="discard"):
    """The attempt isn't yours any more: stop it, report nothing (a stale number, or a lost lease)."""

    ref: Ref


class Ack(_Message, frozen=True, tag="ack"):
    """The outcome is committed, or can never count: forget the attempt."""

    ref: Ref


class LogAck(_Message, frozen=True, tag="log_ack"):
    """Bytes below `offset` of that stream are safe; a `Log` beyond a gap is to be resent from here."""

    ref: Ref
    stream: int
    offset: int


class Lease(_Message, frozen=True, tag="lease"):
    """The lease was renewed; it counts from when the ping with this `seq` was sent."""

    seq: int


class TokenGrant(_Message, frozen=True, tag="token_grant"):
    """A fresh access token for HTTPS requests and this socket."""

    token: str
    expires_in: float


class TerminalOpen(_Message, frozen=True, tag="term_open"):
    """Run a command in the container of an attempt, or connect to what the job itself reads.

    Terminals belong to the session: they end with it. Sent to workers from minor version 2 on.
    """

    terminal: UUID
    ref: Ref
    command: list[str] = []
    """Empty: the job's own input. What it writes is in its log."""
    tty: bool = False
    stdin: bool = True
    rows: int = 24
    columns: int = 80


class TerminalInput(_Message, frozen=True, tag="term_input"):
    """Bytes for the command to read; none: there is no more."""

    terminal: UUID
    data: bytes


class TerminalSize(_Message, frozen=True, tag="term_size"):
    """The window of the person has another size."""

    terminal: UUID
    rows: int
    columns: int


class TerminalSeen(_Message, frozen=True, tag="term_seen"):
    """So many bytes of output were handed on: as many more may come (`TERMINAL_WINDOW`)."""

    terminal: UUID
    count: int


class TerminalClose(_Message, frozen=True, tag="term_close"):
    """The person has gone: end the command. The job itself goes on."""

    terminal: UUID


ToTerminal = TerminalOpen | TerminalInput | TerminalSize | TerminalSeen | TerminalClose
"""What a core says about a terminal."""
OfTerminal = TerminalOpened | TerminalOutput | TerminalTaken | TerminalEnded
"""What a worker says about one."""


class Drain(_Message, frozen=True, tag="drain"):
    """Take nothing new, finish what is held, then say goodbye and exit. For this session; since minor version 2."""

    wanted: bool = True
    """False takes it back: go on as before."""
    now: bool = False
    """Its deadline has passed: stop what is held and give it back."""


class Resize(_Message, frozen=True, tag="resize"):
    """Run that many attempts at once from now on; those that run go on. For this session; since minor version 2."""

    slots: int


class MountGrant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A project whose jobs may use a mount, and as whom; None: as any other job."""

    project: UUID
    uid: int | None = None
    gid: int | None = None


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of workers that operators gave a name."""

    name: str
    path: str
    read_only: bool
    grants: list[MountGrant]


class Mounts(_Message, frozen=True, tag="mounts"):
    """All mounts that there are, after each welcome and when one changes; said to workers of minor version 2."""

    mounts: list[Mount]


FromWorker = (
    Hello
    | Reconcile
    | Accepted
    | Started
    | Harvesting
    | Progress
    | Log
    | Finished
    | Ping
    | TokenRequest
    | Goodbye
    | Status
    | Offers
    | Remarks
    | OfTerminal
)
FromCore = (
    Welcome
    | Reconciled
    | Assign
    | Cancel
    | Discard
    | Ack
    | LogAck
    | Lease
    | TokenGrant
    | Drain
    | Resize
    | Mounts
    | ToTerminal
)
