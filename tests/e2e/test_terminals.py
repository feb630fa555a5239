"""Terminals on running jobs through the command, at a terminal of the test's own where they need one."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from .harness import IMAGE, SECONDS, SWARM, Home

LEAVE = b"\x10\x11"
"""Ctrl-P Ctrl-Q."""


class Person:
    """Someone who runs a command at a terminal of 33 rows and 99 columns, and reads and types there."""

    def __init__(self, home: Home, *words: str) -> None:
        self.seen = b""
        self._read = 0
        child, self._terminal = pty.fork()
        if child == 0:
            os.execve(SWARM, [str(SWARM), *words], home.env)
        self._child = child
        self.resize(33, 99)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, text: bytes) -> None:
        os.write(self._terminal, text)

    def reads(self, text: bytes) -> None:
        """Until the text is there, after what was read before."""
        until = time.monotonic() + SECONDS
        while (at := self.seen.find(text, self._read)) < 0:
            assert self._more(until - time.monotonic()), f"{text!r} did not come: {self.seen!r}"
        self._read = at + len(text)

    def leaves(self) -> int:
        """Until the command has ended; its exit code."""
        until = time.monotonic() + SECONDS
        while self._more(until - time.monotonic()):
            continue
        return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])

    def _more(self, seconds: float) -> bool:
        """Take what comes within a time; whether any did."""
        if not select.select([self._terminal], [], [], max(0.0, seconds))[0]:
            os.kill(self._child, 9)
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # the other end is closed
            return False
        self.seen += data
        return bool(data)


def test_a_command_in_a_running_job(home: Home) -> None:
    job = home.sh("echo up; sleep 600")
    try:
        home.writes(job, b"up")
        done = home.swarm("exec", "-i", str(job), "--", "sh", "-c", "cat; echo err >&2; exit 7", stdin=b"in", check=7)
        assert (done.stdout, done.stderr) == (b"in", b"err\n")

        person = Person(home, "exec", "-it", str(job), "--", "sh")
        person.reads(b"$ ")
        person.types(b"busybox stty size; tty\n")
        person.reads(b"33 99")
        person.reads(b"/dev/pts/")
        person.types(b"exit 3\n")
        assert person.leaves() == 3
    finally:
        home.swarm("cancel", str(job))
    done = home.swarm("exec", str(job), "--", "true", check=125)
    assert b"a terminal needs a running one" in done.stderr


def test_a_job_reads_what_is_piped_into_run(home: Home) -> None:
    text = os.urandom(1 << 20)
    done = home.swarm("run", "-i", IMAGE, "--", "cat", stdin=text)
    assert done.stdout == text


def test_a_terminal_of_a_job_is_left_and_taken_up(home: Home) -> None:
    person = Person(home, "run", "-it", IMAGE, "--", "sh")
    person.reads(b"$ ")
    person.types(b"busybox stty size; A=hel\n")
    person.reads(b"33 99")
    person.resize(10, 20)
    person.types(b'until [ "$(busybox stty size)" = "10 20" ]; do :; done; echo re${A}sized\n')
    person.reads(b"rehelsized")
    person.types(LEAVE)
    person.reads(b"swarm attach ")
    assert person.leaves() == 130
    [job] = re.findall(rb"swarm attach (\d+)", person.seen)

    person = Person(home, "attach", job.decode())
    person.reads(b"rehelsized")
    person.reads(b"$ ")
    person.types(b"echo ${A}lo; exit 4\n")
    person.reads(b"hello")
    assert person.leaves() == 4
    assert home.job(int(job)).exit_code == 4


def test_what_makes_no_sense_is_said(home: Home) -> None:
    assert b"this is no terminal" in home.swarm("run", "-it", IMAGE, "--", "sh", check=2).stderr
    assert b"name a command" in home.swarm("exec", "1", check=2).stderr
    job = home.sh("exit 0")
    assert b"reads no input" in home.swarm("attach", str(job), check=125).stderr
