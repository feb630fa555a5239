"""One supervisor a home: the kernel's lock on a file, which ends with the process however that ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Locked(Exception):
    """Another process holds it."""


@contextlib.contextmanager
def hold(file: Path) -> Iterator[None]:
    """Hold the lock for the block. Raises Locked at once when another has it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Locked(str(file)) from error
        yield
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether a process holds it now."""
    if not file.exists():
        return False
    try:
        with hold(file):
            return False
    except Locked:
        return True
