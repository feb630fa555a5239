"""Logs: bytes as written, live, whole after a lost connection and after the worker's restart."""

import random
from collections.abc import Awaitable, Callable
from functools import partial

from swarm_protocol import messages as msg
from swarm_worker.spool import STREAMS

from .conftest import Home
from .fake_core import FakeCore


def awkward_bytes() -> bytes:
    """Everything that could trip a line-minded log: long lines, no last newline, every byte, blank lines."""
    rng = random.Random(7)
    parts = [b"\n\n", bytes(range(256)), b"\r\nx\r", b"a" * 16384, b"\n", b"b" * 16383 + b"\n", b"c" * 50000 + b"\n"]
    parts += [rng.randbytes(rng.randrange(40000)) for _ in range(60)]
    return b"".join(parts) + b"no newline at the end"


async def test_each_stream_comes_byte_for_byte(core: FakeCore, worker: Home, image: str) -> None:
    data = awkward_bytes()
    item = {"name": "data", "digest": core.put(data), "size": len(data)}
    ref = await core.assign(image, {"command": ["sh", "-c", "cat /in/data; cat /in/data >&2"], "inputs": [item]}, 1)
    finished = await core.finished(ref)
    assert (finished.result, finished.stdout, finished.stderr) == ("succeeded", len(data), len(data))
    for stream in STREAMS:
        assert await core.whole_log(finished, stream) == data


async def test_the_first_line_comes_while_the_job_runs(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(
        image, {"command": ["sh", "-c", "echo first; while ! [ -e /out/go ]; do sleep 0.05; done"]}, 1
    )
    await core.until(lambda: core.log(ref) == b"first\n", "the first line")
    assert not core.all_of(msg.Finished, ref)
    (worker.settings.data / "attempts" / "1.1" / "out" / "go").touch()
    assert (await core.finished(ref)).result == "succeeded"


async def test_a_log_over_its_limit_is_cut_with_a_mark(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], image: str
) -> None:
    home = await make_home(log_cap=100_000)
    await home.start()
    ref = await core.assign(image, {"command": ["sh", "-c", "yes 0123456789 | head -c 3000000"]}, 1)
    finished = await core.finished(ref)
    log = await core.whole_log(finished)
    assert (finished.result, finished.log_truncated) == ("succeeded", True)
    assert log[:100_000] == (b"0123456789\n" * 10_000)[:100_000]
    assert b"the log is cut here" in log[100_000:]


async def test_after_a_lost_connection_the_log_goes_on_at_what_was_acknowledged(
    core: FakeCore, worker: Home, image: str
) -> None:
    core.auto_log_ack = False
    core.welcome_changes = {"log_window": 50_000}
    await core.until(lambda: core.socket, "a first session")
    await core.cut()
    await core.until(lambda: core.sessions == 2, "a second session")
    ref = await core.assign(image, {"command": ["sh", "-c", "yes abcdefg | head -c 400000"]}, 1)
    await core.finished(ref)
    assert len(core.log(ref)) == 50_000, "more than the window was sent without acknowledgement"
    core.auto_log_ack = True
    core.logs.clear()
    await core.cut()
    await core.until(lambda: len(core.log(ref)) == 400_000, "the whole log")
    assert core.log(ref) == b"abcdefg\n" * 50_000


async def test_a_restarted_worker_resumes_the_log_without_gap_or_double(
    core: FakeCore, worker: Home, image: str
) -> None:
    script = (
        "i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.05; done; echo end >&2"
    )
    ref = await core.assign(image, {"command": ["sh", "-c", script]}, 1)

    def log_has(size: int) -> bool:
        return len(core.log(ref)) >= size

    for seen in (1, 20_000):
        await core.until(partial(log_has, seen), f"{seen} bytes")
        assert await worker.stop() == 0
        assert [c.state for c in await worker.jobs()] == ["running"]
        await worker.start()
    finished = await core.finished(ref)
    assert finished.result == "succeeded"
    assert await core.whole_log(finished) == b"".join(b"line %d\n" % i for i in range(4000))
    assert await core.whole_log(finished, 2) == b"end\n"
    assert len(core.all_of(msg.Assign, ref)) == 0
    await worker.until_no_jobs()


async def test_a_container_that_ended_while_the_worker_was_away_is_reported(
    core: FakeCore, worker: Home, image: str
) -> None:
    ref = await core.assign(image, {"command": ["sh", "-c", "echo a; sleep 1; echo b; echo c > /out/c; exit 5"]}, 1)
    await core.first(msg.Started, ref)
    await worker.stop()

    async def ended() -> bool:
        return [c.state for c in await worker.jobs()] == ["exited"]

    await worker.until(ended, "the container's end")
    await worker.start()
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("exit_nonzero", 5)
    assert [a.name for a in finished.artifacts] == ["c"]
    assert await core.whole_log(finished) == b"a\nb\n"


async def test_many_small_writes_are_gathered(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(
        image, {"command": ["sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done"]}, 1
    )
    finished = await core.finished(ref)
    assert await core.whole_log(finished) == b"".join(b"%d\n" % i for i in range(3000))
    assert len(core.all_of(msg.Log, ref)) < 300


async def test_long_lines_are_whole_after_a_restart_too(core: FakeCore, worker: Home, image: str) -> None:
    first = b"x" * 40_000 + b"\n" + b"y" * 16_384 + b"\n" + b"z\n" + b"w" * 20_000 + b"\n"
    then = b"x" * 50_000 + b"\n" + b"z\n" + b"w" * 20_000 + b"\nlast"
    inputs = [{"name": name, "digest": core.put(data), "size": len(data)} for name, data in (("a", first), ("b", then))]
    script = "cat /in/a; while ! [ -e /out/go ]; do sleep 0.05; done; cat /in/b"
    ref = await core.assign(image, {"command": ["sh", "-c", script], "inputs": inputs}, 1)
    await core.until(lambda: len(core.log(ref)) == len(first), "the first part")
    await worker.stop()
    (worker.settings.data / "attempts" / "1.1" / "out" / "go").touch()
    await worker.start()
    finished = await core.finished(ref)
    assert not finished.log_truncated
    assert await core.whole_log(finished) == first + then
