"""The distribution's static busybox: the one file that the sample image is made of."""

import os
import struct
import subprocess
from pathlib import Path

from tools.failure import Failure
from tools.machine import Machine, apt_install

PLACES = (Path("/bin/busybox"), Path("/usr/bin/busybox"), Path("/usr/lib/busybox/busybox-static"))
_INTERPRETER = 3
"""The ELF program header that a file linked at run time has, and a static one lacks."""


def find_busybox() -> Path:
    """Its path; installed first where that can be done. Raises Failure that says what to install."""
    if found := _find():
        return found
    machine = Machine.here()
    if machine.root and machine.debian:
        apt_install(machine, "busybox-static")
    if found := _find():
        return found
    sudo = "" if machine.root else "sudo "
    command = f"{sudo}apt-get install -y busybox-static" if machine.debian else "your package manager"
    raise Failure(f"the sample image is made of a static busybox, and there is none here; install it with: {command}")


def _find() -> Path | None:
    return next((path for path in PLACES if path.is_file() and is_static(path)), None)


def is_static(path: Path) -> bool:
    """Whether a 64-bit ELF program runs without libraries, as it must in an image that has none."""
    head = path.read_bytes()[:4096]
    if head[:5] != b"\x7fELF\x02":
        return False
    order = "<" if head[5] == 1 else ">"
    start, size, count = (*struct.unpack_from(f"{order}Q", head, 32), *struct.unpack_from(f"{order}HH", head, 54))
    kinds = [struct.unpack_from(f"{order}I", head, start + index * size)[0] for index in range(count)]
    return _INTERPRETER not in kinds


def applets(busybox: Path) -> list[str]:
    """The names it answers to, sorted."""
    told = subprocess.run([busybox, "--list"], capture_output=True, check=True, timeout=30, env={"PATH": os.defpath})
    return sorted(set(told.stdout.decode().split()))
