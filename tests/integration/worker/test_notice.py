"""What a job is told of itself, what it says of its progress, and its warning, on the real engine."""

from typing import Any

import msgspec

from swarm_protocol import messages as msg
from swarm_protocol.messages import Ref

from .conftest import Home
from .fake_core import FakeCore

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNTIL_GO = "until [ -e /out/go ]; do sleep 0.05; done"
ENV = "busybox env | busybox grep -E '^(SWARM_|TRACEPARENT)' | busybox sort"
HOSTILE = """
    rm -f $SWARM_PROGRESS; ln -sf /etc/passwd $SWARM_PROGRESS; mkfifo $SWARM_PROGRESS; touch /run/swarm/other
    yes 0.1 none | head -c 1000000 > $SWARM_PROGRESS
    printf '\\n\\033[2J0.5 \\033[31mred\\n' >> $SWARM_PROGRESS
"""


async def begun(core: FakeCore, image: str, script: str, job: int = 1, **spec: Any) -> Ref:
    """An attempt of a job of the project `lab`."""
    ref = Ref(job, 1)
    plain = core.assignment(image, {"command": ["sh", "-c", script], **spec}, ref)
    await core.say(msgspec.structs.replace(plain, project_name="lab", traceparent=TRACE))
    return ref


def release(home: Home, ref: Ref) -> None:
    (home.settings.data / "attempts" / f"{ref.job}.{ref.attempt}" / "out" / "go").touch()


def fractions(core: FakeCore, ref: Ref) -> list[float]:
    return [said.fraction for said in core.all_of(msg.Progress, ref)]


async def test_a_job_knows_which_it_is_and_says_how_far(core: FakeCore, worker: Home, image: str) -> None:
    script = f"{ENV}; echo '0.42 reads data' > $SWARM_PROGRESS; {UNTIL_GO}; echo '100% done' > $SWARM_PROGRESS"
    ref = await begun(core, image, script, user="1234:77")
    said = await core.first(msg.Progress, ref)
    assert (said.fraction, said.text) == (0.42, "reads data")
    release(worker, ref)
    finished = await core.finished(ref)
    assert fractions(core, ref) == [0.42, 1.0]
    words = [type(message).__name__ for message in core.heard if getattr(message, "ref", None) == ref]
    assert words.index("Finished") > len(words) - 1 - words[::-1].index("Progress"), (
        "its last word comes before its end"
    )
    assert (await core.whole_log(finished)).decode().splitlines() == [
        "SWARM_ATTEMPT=1",
        "SWARM_JOB=1",
        "SWARM_PROGRESS=/run/swarm/progress",
        "SWARM_PROJECT=lab",
        f"TRACEPARENT={TRACE}",
    ]
    assert await core.whole_log(finished, 2) == b""


async def test_nothing_that_a_job_does_there_harms(core: FakeCore, worker: Home, image: str) -> None:
    ref = await begun(core, image, f"({HOSTILE}) 2>/dev/null; {UNTIL_GO}; echo soon > $SWARM_PROGRESS; echo -n x >&2")
    said = await core.first(msg.Progress, ref)
    assert (said.fraction, said.text) == (0.5, "red")
    file = worker.settings.data / "attempts" / "1.1" / "progress"
    assert file.is_file()
    assert not file.is_symlink()
    release(worker, ref)
    finished = await core.finished(ref)
    assert finished.result == "succeeded"
    complaint = b"[swarm: 'soon' in $SWARM_PROGRESS is no progress: write `0.42 what it does`]\n"
    assert await core.whole_log(finished, 2) == b"x\n" + complaint


async def test_a_progress_without_end_ends_at_the_jobs_disk(core: FakeCore, worker: Home, image: str) -> None:
    ref = await begun(core, image, "yes 0.1 more > $SWARM_PROGRESS", resources={"disk": 2 * 1024 * 1024})
    assert (await core.finished(ref)).result == "output_too_large"


async def test_a_job_is_warned_before_its_time_is_up(core: FakeCore, worker: Home, image: str) -> None:
    script = "trap 'echo warned; exit 5' USR1; echo up; while :; do sleep 0.05; done"
    ref = await begun(core, image, script, timeouts={"run": 60, "warn": 59.5, "warn_signal": "SIGUSR1"})
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("exit_nonzero", 5)
    assert await core.whole_log(finished) == b"up\nwarned\n"


async def test_one_that_does_not_listen_goes_on_and_a_successor_warns_no_second_time(
    core: FakeCore, worker: Home, image: str
) -> None:
    deaf = await begun(core, image, f"echo up; {UNTIL_GO}", timeouts={"run": 600, "warn": 599.5})
    script = f"trap 'echo warned' URG; echo up; echo 0.5 > $SWARM_PROGRESS; {UNTIL_GO}"
    ref = await begun(core, image, script, job=2, timeouts={"run": 600, "warn": 599.5})
    await core.until(lambda: core.log(ref) == b"up\nwarned\n", "the warning")
    await core.until(lambda: core.log(deaf) == b"up\n", "the deaf one")
    await worker.stop()
    await worker.start()
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "its successor")
    await core.until(lambda: fractions(core, ref) == [0.5, 0.5], "the progress, told anew")
    release(worker, ref)
    release(worker, deaf)
    assert await core.whole_log(await core.finished(ref)) == b"up\nwarned\n"
    assert (await core.finished(deaf)).result == "succeeded"


async def test_a_warning_that_is_due_meanwhile_comes_from_the_successor(
    core: FakeCore, worker: Home, image: str
) -> None:
    script = "trap 'echo warned; exit 5' URG; echo up; while :; do sleep 0.05; done"
    ref = await begun(core, image, script, timeouts={"run": 600, "warn": 598.5})
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    await worker.stop()
    await worker.start()
    finished = await core.finished(ref)
    assert (finished.exit_code, await core.whole_log(finished)) == (5, b"up\nwarned\n")
