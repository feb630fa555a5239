"""Processes as the kernel lists them in /proc (proc(5))."""

from collections import defaultdict
from pathlib import Path


def family(root: int, proc: Path = Path("/proc")) -> list[int]:
    """A process and all that descend from it, as far as they can be seen from here; parents first."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in proc.glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold anything, so what follows it is read from its end.
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):  # it has just ended
            continue
        children[parent].append(int(path.parent.name))
    found = [root] if (proc / str(root)).exists() else []
    for pid in found:
        found += children[pid]
    return found
