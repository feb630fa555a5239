"""Commands on another machine, by the system's ssh: its configuration, keys and known hosts are the person's.

One connection is opened and shared by all commands, so that a password or a passphrase is asked for once.
"""

import asyncio
import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Final, Self

from swarm_consumer.deploy.target import Target
from swarm_protocol.errors import SwarmError

_OWN_FAILURE: Final = 255
_HELLO: Final = b"swarm\n"
_OPEN_SECONDS: Final = 180.0
"""A person may have to type a password, or to say yes to a host's key."""
_OPTIONS: Final = (
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    # What a person's configuration may have for their own sessions is none of ours.
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    "ControlMaster=no",
    "ControlPersist=no",
)
_SHOWN: Final = 1500
"""Characters of what a failed command said last."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The end of what it said, for an error message."""
        return (self.err.strip() or self.out.strip())[-_SHOWN:]


class Ssh:
    """Runs commands on one machine; use it as an async context manager."""

    def __init__(self, target: Target, command: str = "ssh") -> None:
        """`command`: the client, with options of one's own where it needs any."""
        self.target = target
        self._client = shlex.split(command) or ["ssh"]
        self._folder = ""
        self._shared: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Open the connection. Raises SwarmError."""
        if os.name == "posix":  # elsewhere the client can't share one
            # A short path: that of a socket has a limit of some hundred bytes.
            self._folder = tempfile.mkdtemp(prefix="sw-ssh-")
            try:
                await self._open()
            except BaseException:
                await self._close()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def run(
        self, words: Sequence[str], *, what: str, stdin: bytes | IO[bytes] = b"", seconds: float = 60.0
    ) -> Ran:
        """Run a command there, to its end; `what` it is for stands in errors.

        Raises SwarmError where ssh itself fails, or the time is up.
        """
        given, source = (stdin, PIPE) if isinstance(stdin, bytes) else (None, stdin)
        child = await self._start(words, source, PIPE)
        try:
            out, err = await asyncio.wait_for(child.communicate(given), seconds)
        except TimeoutError:
            text = f"{self.target}: could not {what} within {seconds:.0f} s"
            raise SwarmError(
                "unavailable", text, hint="see what that machine is busy with, then run this again"
            ) from None
        finally:
            await _end(child)
        ran = Ran(child.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
        if ran.code == _OWN_FAILURE:
            raise self._unreachable(ran.last_words)
        return ran

    async def _open(self) -> None:
        """One that says back what it is told, which proves that commands run, and ends when we do."""
        with tempfile.TemporaryFile() as said:  # no pipe: nobody reads what it may say later
            self._shared = child = await self._start(["cat"], PIPE, said, "-M")
            try:
                async with asyncio.timeout(_OPEN_SECONDS):
                    if await _echoes(child):
                        return
            except TimeoutError:
                raise self._unreachable(f"no answer within {_OPEN_SECONDS:.0f} s") from None
            said.seek(0)
            raise self._unreachable(said.read().decode(errors="replace"))

    async def _close(self) -> None:
        if self._shared is not None:
            await _end(self._shared)
            self._shared = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    async def _start(
        self, words: Sequence[str], stdin: int | IO[bytes], stderr: int | IO[bytes], *more: str
    ) -> asyncio.subprocess.Process:
        argv = [*self._client, *self._options(), *more, "-T", *self.target.words, shlex.join(words)]
        try:
            return await asyncio.create_subprocess_exec(*argv, stdin=stdin, stdout=PIPE, stderr=stderr)
        except OSError as error:
            text = f"the ssh client can't be started ({self._client[0]}): {error.strerror}"
            hint = "install OpenSSH's client, as with `apt-get install openssh-client`, or name one with --ssh"
            raise SwarmError("unavailable", text, hint=hint) from error

    def _options(self) -> list[str]:
        options = [*_OPTIONS, *([f"ControlPath={self._folder}/s"] if self._folder else [])]
        if not sys.stdin.isatty():
            options.append("BatchMode=yes")  # nobody is there to be asked
        return [word for option in options for word in ("-o", option)]

    def _unreachable(self, said: str) -> SwarmError:
        hint = f"see that `{shlex.join([*self._client, *self.target.words])} true` works, then run this again"
        return SwarmError("unavailable", f"ssh can't reach {self.target}: {_line(said)}", hint=hint)


async def _echoes(child: asyncio.subprocess.Process) -> bool:
    """Whether it says back what it is told, after whatever the machine greets with; False once it has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(_HELLO)
    while line := await child.stdout.readline():
        if line == _HELLO:
            return True
    return False


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
