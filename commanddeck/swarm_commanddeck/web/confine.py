"""Keeps a deck that a browser drives off the files of the machine that serves it.

Screens offer no files of the machine to a browser; what is asked for comes as a download. This is for the one that
forgets it: a process that a browser steers must neither write into its server's folders, nor read from them what could
be submitted with a job. It is no cage for hostile code, which a deck doesn't run.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SYSTEM: Final = (
    "/usr",
    "/lib",
    "/proc/self",
    "/dev/null",
    "/dev/urandom",
    *(f"/etc/{name}" for name in ("ssl", "pki", "localtime", "timezone", "hosts", "resolv.conf", "mime.types")),
)
"""What Python reads by itself: code, certificates, time zones, names of hosts."""
_CHANGES: Final = {"os.rename": 2, "os.link": 2, "os.symlink": 2} | dict.fromkeys(
    ("os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.truncate", "os.utime"), 1
)
"""What changes files without opening them, and how many paths go with it."""
_LISTS: Final = ("os.listdir", "os.scandir")
_PROGRAMS: Final = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn"})
Judge = Callable[[str, tuple[Any, ...]], str]


def confine(home: Path) -> None:
    """From now on, for good: files are written in `home` alone, read there and where code is, and no program starts.

    What is refused raises PermissionError, which is an OSError like that of any file.
    """
    sys.dont_write_bytecode = True
    judge = judge_of(home, readable=(*_SYSTEM, sys.prefix, sys.base_prefix, *sys.path))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if wrong := judge(event, arguments):
            raise PermissionError(1, wrong)

    sys.addaudithook(hook)


def judge_of(home: Path, readable: Iterable[str]) -> Judge:
    """What says what is wrong with an event of Python's auditing; nothing: an empty text."""
    own = _roots([str(home)])
    known = own + _roots(path for path in readable if path)

    def judge(event: str, arguments: tuple[Any, ...]) -> str:
        if event == "open":
            return _judge_open(arguments, own, known)
        if event in _LISTS and not _within(arguments[0] or ".", known):
            return _refusal("reads")
        if not all(_within(path, own) for path in arguments[: _CHANGES.get(event, 0)]):
            return _refusal("changes")
        if event in _PROGRAMS:
            return "a deck in a browser starts no programs"
        return ""

    return judge


def _judge_open(arguments: tuple[Any, ...], own: tuple[str, ...], known: tuple[str, ...]) -> str:
    path, mode, flags = arguments
    writing = bool(flags & _WRITING) if isinstance(flags, int) else bool(set(str(mode)) & set("wax+"))
    if path == os.devnull or _within(path, own if writing else known):
        return ""
    return _refusal("writes" if writing else "reads")


def _refusal(what: str) -> str:
    return f"a deck in a browser {what} no files of the machine that serves it"


def _roots(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(os.path.realpath(path) + os.sep for path in paths)


def _within(path: Any, roots: tuple[str, ...]) -> bool:
    """Whether a path is below one of these; one that is no path is a file that is open already."""
    if not isinstance(path, str | bytes | os.PathLike):
        return True
    return (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(roots)
