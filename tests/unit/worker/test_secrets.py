"""Files of secrets: in memory, for one user, and nowhere else."""

import os
import stat
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from swarm_protocol.messages import Ref
from swarm_protocol.states import FailureKind
from swarm_worker.failures import AttemptFailed
from swarm_worker.secrets import Secret, Secrets, is_in_memory

REF = Ref(7, 2)
SHM = Path("/dev/shm")


async def two(ref: Ref) -> Sequence[Secret]:
    return [Secret("db", "db-password", 3, b"hush\n"), Secret(".pgpass", "pg", 1, b"\0\xff")]


@pytest.fixture
def worker() -> Iterator[str]:
    made = str(uuid.uuid4())
    yield made
    assert not list(SHM.glob(f"*{made}*"))


async def test_they_are_files_in_memory_that_one_user_may_read(worker: str) -> None:
    secrets = Secrets(worker, two)
    await secrets.bring(REF, 5)
    folder = secrets.folder(REF)
    assert is_in_memory(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"db": b"hush\n", ".pgpass": b"\0\xff"}
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, folder, folder / "db", folder / ".pgpass")]
    assert modes == [0o700, 0o500, 0o400, 0o400]
    secrets.give(REF, os.getuid())
    assert secrets.kept() == [REF]
    await secrets.bring(REF, 5)  # a successor begins anew
    secrets.remove(REF)
    assert not folder.exists()
    assert secrets.kept() == []
    secrets.remove(REF)


async def test_one_attempts_end_leaves_those_of_others(worker: str) -> None:
    secrets = Secrets(worker, two)
    other = Ref(8, 1)
    await secrets.bring(REF, 5)
    await secrets.bring(other, 5)
    secrets.remove(REF)
    assert secrets.kept() == [other]
    secrets.remove(other)


async def test_never_on_a_disk(tmp_path: Path) -> None:
    place = next(path for path in (Path("/var/lib"), Path("/opt"), Path("/")) if not is_in_memory(path))
    secrets = Secrets("w", two, place)
    with pytest.raises(AttemptFailed, match="no place in memory for secrets") as caught:
        await secrets.bring(REF, 5)
    assert caught.value.kind is FailureKind.CREATE_FAILED
    assert "mount a tmpfs on /dev/shm" in str(caught.value)
    assert secrets.kept() == []
    assert not is_in_memory(tmp_path / "not there")


@pytest.mark.parametrize("how", ["link", "open", "file"])
async def test_a_folder_that_somebody_else_made_is_not_used(how: str, tmp_path: Path) -> None:
    worker = str(uuid.uuid4())
    root = SHM / f"swarm-secrets-{worker}"
    try:
        if how == "link":
            (tmp_path / "theirs").mkdir(mode=0o700)
            root.symlink_to(tmp_path / "theirs")
        elif how == "open":
            root.mkdir()
            root.chmod(0o755)
        else:
            root.touch()
        with pytest.raises(AttemptFailed):
            await Secrets(worker, two).bring(REF, 5)
        assert os.listdir(tmp_path / "theirs" if how == "link" else tmp_path) == []
    finally:
        remove: Callable[[], None] = root.rmdir if how == "open" else root.unlink
        remove()


async def test_a_secret_is_not_shown() -> None:
    assert "hush" not in repr(await two(REF))
