"""Resumable uploads on a real folder and a real Postgres."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.storage.vault import ANA, OURS, Vault, Who, digest_of, pieces, vault

from swarm_core.store.blobs import Owner
from swarm_core.uploads import OffsetMismatch
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import uuid7


async def test_an_upload_goes_on_after_a_restart_of_the_core(database_url: str, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    digest = digest_of(data)
    async with vault(database_url, tmp_path) as one:
        upload, offset = await one.uploads.open(OURS, digest, len(data))
        assert offset == 0
        assert await one.uploads.append(ANA, upload, 0, pieces(data[:1_234_567])) == 1_234_567
    async with vault(database_url, tmp_path) as two:
        assert await two.uploads.open(OURS, digest, len(data)) == (upload, 1_234_567)
        assert await two.uploads.append(ANA, upload, 1_234_567, pieces(data[1_234_567:])) == len(data)
        assert await two.uploads.finish(ANA, upload) == (digest, len(data))
        assert await two.read(digest) == data
        assert await two.read(digest, 10, 20) == data[10:20]
        assert not list((tmp_path / "uploads").iterdir())


async def test_what_arrived_before_a_broken_connection_stays(database_url: str, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)

    async def broken() -> AsyncIterator[bytes]:
        yield data[:700_000]
        raise ConnectionError("gone")

    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(data), len(data))
        with pytest.raises(ConnectionError):
            await one.uploads.append(ANA, upload, 0, broken())
        assert (await one.uploads.status(ANA, upload))[0] == 700_000
        with pytest.raises(OffsetMismatch) as wrong:
            await one.uploads.append(ANA, upload, 0, pieces(data))
        assert wrong.value.offset == 700_000
        with pytest.raises(OffsetMismatch):
            await one.uploads.finish(ANA, upload)
        await one.uploads.append(ANA, upload, 700_000, pieces(data[700_000:]))
        await one.uploads.finish(ANA, upload)
        assert await one.read(digest_of(data)) == data


async def test_other_bytes_than_the_digest_names_are_refused_and_forgotten(database_url: str, tmp_path: Path) -> None:
    wanted, other = b"a" * 100, b"b" * 100
    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(wanted), 100)
        await one.uploads.append(ANA, upload, 0, pieces(other))
        with pytest.raises(SwarmError, match="are those of") as error:
            await one.uploads.finish(ANA, upload)
        assert error.value.code == "digest_mismatch"
        with pytest.raises(SwarmError) as gone:
            await one.uploads.status(ANA, upload)
        assert gone.value.code == "not_found"
        for digest in (digest_of(wanted), digest_of(other)):
            assert not await one.store.exists(digest)
        assert (await one.uploads.open(OURS, digest_of(wanted), 100))[1] == 0


async def test_more_bytes_than_announced_are_refused(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(b"abc"), 3)
        with pytest.raises(SwarmError) as error:
            await one.uploads.append(ANA, upload, 0, pieces(b"abcd"))
        assert error.value.code == "too_large"


async def test_one_writer_at_a_time_over_cores_too(database_url: str, tmp_path: Path) -> None:
    data = os.urandom(1000)
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        started.set()
        await go_on.wait()
        yield data

    async with vault(database_url, tmp_path) as one, vault(database_url, tmp_path) as two:
        upload, _ = await one.uploads.open(OURS, digest_of(data), len(data))
        writing = asyncio.create_task(one.uploads.append(ANA, upload, 0, slow()))
        await started.wait()
        for core in (one, two):
            with pytest.raises(SwarmError) as error:
                await core.uploads.append(ANA, upload, 0, pieces(data))
            assert error.value.code == "too_many_requests"
        go_on.set()
        assert await writing == 1000
        assert await two.uploads.finish(ANA, upload) == (digest_of(data), 1000)


async def test_a_chunk_that_another_core_took_is_caught_up(database_url: str, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    async with vault(database_url, tmp_path) as one, vault(database_url, tmp_path) as two:
        upload, offset = await one.uploads.open(OURS, digest_of(data), len(data))
        for number in range(3):
            core = (one, two)[number % 2]
            offset = await core.uploads.append(ANA, upload, offset, pieces(data[offset : offset + 1_000_000]))
        await one.uploads.finish(ANA, upload)
        assert await two.read(digest_of(data)) == data


async def test_two_uploaders_of_the_same_bytes_at_once(database_url: str, tmp_path: Path) -> None:
    data = os.urandom(500_000)
    digest = digest_of(data)

    async def upload(core: Vault, who: Who) -> None:
        owner = Owner(who.project, who.project)
        number, offset = await core.uploads.open(owner, digest, len(data))
        await core.uploads.append(who, number, offset, pieces(data[offset:]))
        await core.uploads.finish(who, number)

    async with vault(database_url, tmp_path) as one, vault(database_url, tmp_path) as two:
        ben = await one.new_project("bens")
        await asyncio.gather(upload(one, ANA), upload(two, ben))
        for who in (ANA, ben):
            assert await one.library.size(who, digest) == len(data)
        assert await two.read(digest) == data


async def test_what_is_there_needs_no_bytes_but_only_for_who_proved_to_have_it(
    database_url: str, tmp_path: Path
) -> None:
    async with vault(database_url, tmp_path) as one:
        digest = await one.add(b"hello")
        ben = await one.new_project("bens")
        upload, offset = await one.uploads.open(OURS, digest, 5)
        assert offset == 5
        assert await one.uploads.finish(ANA, upload) == (digest, 5)
        theirs = Owner(ben.project, ben.project)
        stolen, offset = await one.uploads.open(theirs, digest, 5)
        assert offset == 0
        with pytest.raises(OffsetMismatch):
            await one.uploads.finish(ben, stolen)
        assert (await one.library.inventory(theirs, [digest])).missing == [digest]
        with pytest.raises(SwarmError) as hidden:
            await one.library.size(ben, digest)
        assert hidden.value.code == "not_found"
        other, _ = await one.uploads.open(OURS, digest_of(b"x"), 1)
        with pytest.raises(SwarmError):
            await one.uploads.append(ben, other, 0, pieces(b"x"))


async def test_a_worker_uploads_for_its_open_attempt_and_may_end_what_it_began(
    database_url: str, tmp_path: Path
) -> None:
    async with vault(database_url, tmp_path) as one:
        worker, job = await one.running(ANA)
        owner = await one.library.owner(worker, f"{job}.1")
        upload, _ = await one.uploads.open(owner, digest_of(b"out"), 3)
        await one.end(job)
        await one.uploads.append(worker, upload, 0, pieces(b"out"))
        await one.uploads.finish(worker, upload)
        assert await one.library.size(ANA, digest_of(b"out")) == 3
        for text, code in (
            (f"{job}.1", "forbidden"),
            ("", "bad_request"),
            ("1.x", "bad_request"),
            (None, "bad_request"),
        ):
            with pytest.raises(SwarmError) as error:
                await one.library.owner(worker, text)
            assert error.value.code == code


async def test_a_full_disk_is_said_and_the_upload_goes_on_after(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(2_000_000)
    real = os.write
    room = 600_000

    def write(handle: int, chunk: bytes | memoryview) -> int:
        nonlocal room
        if len(chunk) > room:
            if room:
                written, room = real(handle, chunk[:room]), 0
                return written
            raise OSError(28, "No space left on device")
        room -= len(chunk)
        return real(handle, chunk)

    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(data), len(data))
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(SwarmError) as full:
            await one.uploads.append(ANA, upload, 0, pieces(data))
        assert full.value.code == "disk_full"
        room = 1 << 40
        offset, _ = await one.uploads.status(ANA, upload)
        await one.uploads.append(ANA, upload, offset, pieces(data[offset:]))
        await one.uploads.finish(ANA, upload)
        assert await one.read(digest_of(data)) == data


async def test_bytes_that_could_not_be_forced_to_disk_do_not_count(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with vault(database_url, tmp_path) as one:
        upload, _ = await one.uploads.open(OURS, digest_of(b"abcd"), 4)
        await one.uploads.append(ANA, upload, 0, pieces(b"ab"))

        def fails(handle: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="Input/output"):
            await one.uploads.append(ANA, upload, 2, pieces(b"cd"))
        with pytest.raises(OSError, match="Input/output"):
            await one.add(b"small")
        monkeypatch.undo()
        assert (await one.uploads.status(ANA, upload))[0] == 0
        assert not list((tmp_path / "staging").iterdir())
        await one.uploads.append(ANA, upload, 0, pieces(b"abcd"))
        await one.uploads.finish(ANA, upload)


@pytest.mark.parametrize(
    "name", ["sha256:../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 64, "", "sha256:" + "0" * 63 + "/"]
)
async def test_no_name_leads_out_of_the_store(database_url: str, tmp_path: Path, name: str) -> None:
    async with vault(database_url, tmp_path) as one:
        for call in (one.store.exists(name), one.store.delete(name), one.store.open_range(name)):
            with pytest.raises(SwarmError, match="no digest"):
                await call
        with pytest.raises(SwarmError, match="no digest"):
            await one.uploads.open(OURS, name, 1)


async def test_leftovers_of_a_killed_core_are_swept(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        staged = await one.store.stage(b"staged")
        renamed = await one.store.put(b"a file without a row")
        await one.add(b"a blob")
        stray = tmp_path / "uploads" / str(uuid7())
        stray.write_bytes(b"x")
        upload, _ = await one.uploads.open(OURS, digest_of(b"open"), 4)
        await one.uploads.append(ANA, upload, 0, pieces(b"op"))
        await one.uploads.sweep()
        assert not stray.exists()
        assert (await one.uploads.status(ANA, upload)) == (2, 4)
        assert await one.library.sweep() == 1
        assert not await one.store.exists(renamed.digest)
        assert await one.read(digest_of(b"a blob")) == b"a blob"
        assert await one.store.drop_stale(staged.path.stat().st_mtime + 1) == 1
