"""What of a machine's changes is told to the core."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from swarm_protocol.messages import HeldImage, Status, SysInfo
from swarm_worker import sysinfo
from swarm_worker.reporter import is_news

GIB = 1 << 30
MACHINE = SysInfo(
    hostname="h", os="linux", arch="amd64", cpus=8, memory=10 * GIB, engine="20.10", version="0", disk=100 * GIB
)
SAID = Status(load=(1.0, 1.0, 1.0), memory_free=5 * GIB, disk_free=50 * GIB)


@pytest.mark.parametrize(
    ("change", "news"),
    [
        ({}, False),
        ({"load": (2.9, 9.0, 9.0), "memory_free": 4 * GIB, "disk_free": 49 * GIB}, False),
        ({"load": (3.1, 1.0, 1.0)}, True),
        ({"memory_free": 2 * GIB}, True),
        ({"disk_free": 47 * GIB}, True),
        ({"images": [HeldImage(digest="sha256:a", size=1)]}, True),
        ({"image_count": 201}, True),
    ],
)
def test_what_is_news(change: dict[str, object], news: bool) -> None:
    assert is_news(SAID, replace(SAID, **change), MACHINE) is news


def test_the_first_word_is_news() -> None:
    assert is_news(None, SAID, MACHINE)


def test_this_machine(tmp_path: Path) -> None:
    found = sysinfo.sysinfo(tmp_path, "20.10", "1.1")
    assert found.os == "linux"
    assert all((found.os_name, found.kernel, found.cpus, found.memory, found.disk, found.booted_at))
    assert (found.engine, found.runc, found.cgroup in ("1", "2"), found.gpus) == ("20.10", "1.1", True, [])
    load, memory, disk = sysinfo.figures(tmp_path)
    assert len(load) == 3
    assert 0 < memory <= found.memory
    assert 0 < disk <= found.disk
