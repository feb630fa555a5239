"""A job on a real engine, from the assignment to the acknowledged outcome."""

import hashlib

from swarm_protocol import messages as msg

from .conftest import Home
from .fake_core import FakeCore


async def test_a_job_runs_and_its_log_and_outcome_come_back(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, {"command": ["sh", "-c", "echo hello; echo oops >&2; exit 3"]}, 1)
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code, finished.oom) == ("exit_nonzero", 3, False)
    assert await core.whole_log(finished) == b"hello\n"
    assert await core.whole_log(finished, 2) == b"oops\n"
    assert {"pull", "load", "create", "run", "collect"} <= finished.timings.keys()
    kinds = [type(m) for m in core.heard if getattr(m, "ref", None) == ref and not isinstance(m, msg.Log)]
    assert kinds == [msg.Accepted, msg.Started, msg.Finished]
    await worker.until_no_jobs()


async def test_inputs_go_in_and_outputs_come_out(core: FakeCore, worker: Home, image: str) -> None:
    data = bytes(range(256)) * 8192
    inputs = [{"name": "a b/ü.bin", "digest": core.put(data), "size": len(data)}]
    command = "cat '/in/a b/ü.bin' > /out/copy.bin; mkdir -p /out/x/y; echo hi > /out/x/y/z.txt; echo no > /out/left"
    spec = {
        "command": ["busybox", "sh", "-c", command.replace("mkdir", "busybox mkdir")],
        "inputs": inputs,
        "outputs": ["*.bin", "**/*.txt"],
    }
    ref = await core.assign(image, spec, 2)
    finished = await core.finished(ref)
    assert (finished.result, finished.message) == ("succeeded", "")
    found = {a.name: a for a in finished.artifacts}
    assert sorted(found) == ["copy.bin", "x/y/z.txt"]
    assert core.blobs[found["copy.bin"].digest] == data
    assert found["copy.bin"].digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert core.blobs[found["x/y/z.txt"].digest] == b"hi\n"
    assert core.all_of(msg.Harvesting, ref)
