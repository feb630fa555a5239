"""What survives the worker on its disk."""

import uuid
from pathlib import Path

from swarm_protocol.messages import Assign, Finished, ImageRef, Ref
from swarm_worker import identity as identities
from swarm_worker.identity import Identity, new_key
from swarm_worker.journal import Journal, Record, remove_tree

ASSIGN = Assign(ref=Ref(1, 2), project=uuid.UUID(int=1), image=ImageRef(name="i", digest="d"), spec=b'{"image":"i"}')


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record = Record.of(ASSIGN)
    record.outcome = Finished(ref=ASSIGN.ref, result="succeeded", exit_code=0, stdout=5)
    Journal(tmp_path).write(record, durable=True)
    records, problems = Journal(tmp_path).read_all()
    assert (records, problems) == ([record], [])
    assert records[0].assign() == ASSIGN


def test_a_damaged_record_is_told_and_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(Record.of(ASSIGN))
    (journal.folder(ASSIGN.ref) / "state.json").write_bytes(b"{")
    records, problems = journal.read_all()
    assert (records, len(problems)) == ([], 1)
    assert journal.folder(ASSIGN.ref).exists()


def test_a_folder_without_a_record_is_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.folder(ASSIGN.ref).mkdir()
    assert journal.read_all() == ([], [])
    assert not journal.folder(ASSIGN.ref).exists()


def test_forgetting_removes_all_and_follows_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "data")
    journal.write(Record.of(ASSIGN))
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    out = journal.folder(ASSIGN.ref) / "out"
    out.mkdir()
    (out / "link").symlink_to(kept)
    closed = out / "closed"
    closed.mkdir()
    (closed / "x").touch()
    closed.chmod(0)
    journal.forget(ASSIGN.ref)
    assert not journal.folder(ASSIGN.ref).exists()
    assert (kept / "file").exists()
    remove_tree(journal.folder(ASSIGN.ref))  # gone already


def test_the_identity_is_its_owners_alone(tmp_path: Path) -> None:
    made = Identity(worker_id=uuid.uuid4(), cluster="c", name="n", url="wss://h:1", ca_pem="p", key=new_key())
    identities.save(tmp_path, made)
    assert identities.load(tmp_path) == made
    assert identities.path_in(tmp_path).stat().st_mode & 0o777 == 0o600
    assert (made.host, made.api) == ("h", "https://h:1/api/v1")
