"""The systemd unit of a worker: its text, and whether it may be put where another one is. Pure.

A unit of ours begins with a mark: the worker's folder, and a digest of what follows. So one that nobody has touched
is brought up to date, and one that somebody wrote or changed is left alone.
"""

import enum
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Scope = Literal["system", "user"]
SUFFIX: Final = ".service"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.-]{0,200}\Z")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@+=:,./-]+\Z")
_MADE: Final = "# Made by `swarm worker join` for the worker in"
_MARK: Final = re.compile(_MADE + r" (?P<data>.*); sha256 (?P<digest>[0-9a-f]{64})")
EXIT_DONT_RESTART: Final = (2, 4)
"""Exit codes that a restart does not mend: wrong settings, a worker that was revoked."""

_UNIT: Final = """\
# Changes of yours belong in a drop-in, which later versions leave alone: {systemctl} edit {name}

[Unit]
Description=Worker of a swarm: runs jobs in containers
StartLimitIntervalSec=300
StartLimitBurst=10
{after}
[Service]
Type=notify
ExecStart={start}
{environment}Restart=on-failure
RestartSec=5
RestartPreventExitStatus={final}
# SIGTERM hands over within 10 s: containers stay, and the worker that starts next takes them up again.
KillMode=mixed
TimeoutStopSec=20
LimitNOFILE=65536
{hardening}
[Install]
WantedBy={wanted_by}
"""

_AFTER: Final = """\
Wants=network-online.target
After=network-online.target docker.service
"""

# What a worker lives without in either scope: these are filters of system calls, which need no privilege.
_BOTH: Final = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
"""

# It must reach the engine's socket, look at processes of containers, give files to the users of containers, and see
# the devices and folders that jobs may be given.
_SYSTEM: Final = """\
ProtectSystem=strict
ReadWritePaths={writable}{lock}
ProtectHome=read-only
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectHostname=yes
CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME{network}
OOMScoreAdjust=-250
"""


_LOCK: Final = " -/run/xtables.lock"
"""What `iptables` takes while it changes rules."""


class Found(enum.Enum):
    """What stands where the unit is to go."""

    NOTHING = "nothing"
    SAME = "the same unit"
    OURS = "an older one of ours"
    CHANGED = "one of ours that somebody has changed"
    ANOTHERS = "one for another worker's folder"
    FOREIGN = "one that is none of ours"

    @property
    def may_be_replaced(self) -> bool:
        """Whether nothing of anybody's is lost by that."""
        return self in (Found.NOTHING, Found.SAME, Found.OURS)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """All that a unit says."""

    name: str
    """With `.service`."""
    scope: Scope
    command: Sequence[str]
    """The program and its words."""
    data: Path
    writable: Sequence[Path] = ()
    """Folders beside the data that the worker writes to."""
    environment: Mapping[str, str]
    egress: bool = False
    """Whether it sets netfilter rules, for jobs with a way to the internet."""

    def __post_init__(self) -> None:
        """Raises ValueError for a path that a unit can't hold."""
        for text in (*self.command, *self.environment.values()):
            if not text.isprintable():
                raise ValueError(f"{text!r} has characters that a unit can't hold")

    def text(self) -> str:
        """The file's content."""
        body = _UNIT.format(
            systemctl=systemctl(self.scope),
            name=self.name,
            after=_AFTER if self.scope == "system" else "",
            start=" ".join(quoted(word, dollar=True) for word in self.command),
            environment="".join(f"Environment={quoted(f'{k}={v}')}\n" for k, v in sorted(self.environment.items())),
            final=" ".join(map(str, EXIT_DONT_RESTART)),
            hardening=self._hardening(),
            wanted_by="multi-user.target" if self.scope == "system" else "default.target",
        )
        return f"{_MADE} {self.data}; sha256 {_digest(body)}\n{body}"

    def _hardening(self) -> str:
        if self.scope == "user":
            return _BOTH
        writable = " ".join(quoted(str(path)) for path in (self.data, *self.writable))
        rules = ("", _LOCK) if self.egress else (" CAP_NET_ADMIN CAP_NET_RAW", "")
        return _BOTH + _SYSTEM.format(writable=writable, network=rules[0], lock=rules[1])

    @property
    def commands(self) -> str:
        """What makes systemd start it now and at each boot."""
        call = systemctl(self.scope)
        return f"{call} daemon-reload && {call} enable --now {self.name}"


def systemctl(scope: Scope) -> str:
    """The command that speaks to the systemd of a scope."""
    return "systemctl --user" if scope == "user" else "systemctl"


def unit_name(text: str) -> str:
    """A unit's file name. Raises ValueError."""
    name = text if text.endswith(SUFFIX) else text + SUFFIX
    if not _NAME.match(name):
        raise ValueError(f"{text!r} is no name of a unit: letters, digits and : _ . -")
    return name


def folder_of(scope: Scope, environ: Mapping[str, str], home: Path) -> Path:
    """Where systemd looks for units that an administrator, or a person, has made."""
    if scope == "system":
        return Path("/etc/systemd/system")
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user"


def compare(there: str | None, wanted: str) -> Found:
    """What is there, seen beside the unit that is wanted."""
    if there is None:
        return Found.NOTHING
    if there == wanted:
        return Found.SAME
    head, _, body = there.partition("\n")
    old, new = _MARK.fullmatch(head), _MARK.fullmatch(wanted.partition("\n")[0])
    if old is None or new is None:
        return Found.FOREIGN
    if old["data"] != new["data"]:
        return Found.ANOTHERS
    return Found.OURS if old["digest"] == _digest(body) else Found.CHANGED


def quoted(word: str, *, dollar: bool = False) -> str:
    """A word as systemd reads it back; `dollar`: where it would replace variables."""
    if _PLAIN.match(word):
        return word
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if dollar else text}"'


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
