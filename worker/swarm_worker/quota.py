"""The watched quota of `/out` and `/tmp`: looked at each second while a job runs, and at its end.

`/tmp` is a tmpfs with a size of its own; what it holds is seen through the container's process where the worker may.
"""

import os
from pathlib import Path
from typing import Final

from swarm_protocol.quantities import show_size

MAX_ENTRIES: Final = 100_000
"""Files and folders in `/out`: the host's inodes are a resource too."""


def overrun(out: Path, limit: int, pid: int | None = None, also: Path | None = None) -> str | None:
    """What to tell the job's owner when the quota is passed, else None. Blocks: call it in a thread.

    `also` is a file beside `out` that the job can write to.
    """
    used, entries = _usage(out)
    used += _size(also)
    if entries > MAX_ENTRIES:
        return f"more than {MAX_ENTRIES:,} files in /out; pack them into an archive"
    if used + _tmp_usage(pid) > limit:
        return f"/out and /tmp hold more than {show_size(limit)}; ask for more with --disk"
    return None


def _usage(out: Path) -> tuple[int, int]:
    used = entries = 0
    folders = [str(out)]
    while folders and entries <= MAX_ENTRIES:
        try:
            with os.scandir(folders.pop()) as listed:
                for entry in listed:
                    entries += 1
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    if entries > MAX_ENTRIES:
                        break
        except OSError:
            continue  # gone or closed meanwhile: the job is still at work
    return used, entries


def _size(file: Path | None) -> int:
    try:
        return 0 if file is None else os.lstat(file).st_blocks * 512
    except OSError:
        return 0


def _tmp_usage(pid: int | None) -> int:
    if not pid:
        return 0
    try:
        seen = os.statvfs(os.path.join("/proc", str(pid), "root", "tmp"))
    except OSError:
        return 0  # ended, or not ours to look into
    return (seen.f_blocks - seen.f_bfree) * seen.f_frsize
