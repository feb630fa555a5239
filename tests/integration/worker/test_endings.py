"""How attempts end: each kind of failure on the real engine, with a message that helps."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from swarm_protocol import messages as msg
from swarm_protocol.filenames import to_bytes
from swarm_worker.runtimes.engine import Engine

from .conftest import PACKERS, Home, busybox_layer, put_image
from .fake_core import FakeCore


@pytest.mark.parametrize(
    ("spec", "result", "words"),
    [
        ({"command": ["nothere", "-x"]}, "command_not_found", "'nothere' is not in the image"),
        ({"command": ["/etc"]}, "command_not_found", "'/etc' can't be executed"),
        ({"command": []}, "command_not_found", "give one after --"),
        ({"command": ["sh", "-c", "echo x > /etc/x"]}, "exit_nonzero", "write to /out or /tmp"),
        ({"command": ["sh", "-c", "kill -9 $$"]}, "exit_nonzero", "killed by signal 9"),
        ({"command": ["true"], "outputs": ["*.csv"]}, "output_missing", "no file in /out matches '*.csv'"),
        ({"command": ["sh", "-c", "ln -s /etc/passwd /out/p"], "outputs": ["p"]}, "output_missing", "'p'"),
        ({"command": ["sh", "-c", "mkfifo /out/p"], "outputs": ["p"]}, "output_missing", "'p'"),
        ({"command": ["sleep", "60"], "timeouts": {"run": 0.3, "stop_grace": 0}}, "run_timeout", "--timeout"),
        (
            {"command": ["dd", "if=/dev/zero", "of=/tmp/big", "bs=1M", "count=64"], "resources": {"memory": 16 << 20}},
            "oom_killed",
            "--memory",
        ),
        (
            {"command": ["dd", "if=/dev/zero", "of=/out/big", "bs=1M", "count=6"], "resources": {"disk": 2 << 20}},
            "output_too_large",
            "--disk",
        ),
        ({"command": ["true"], "user": "root"}, "invalid", "--user"),
        ({"command": ["true"], "user": "nosuch"}, "invalid", "--user 1000"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
async def test_failures(
    core: FakeCore, worker: Home, image: str, spec: dict[str, Any], result: str, words: str
) -> None:
    ref = await core.assign(image, spec, 1)
    finished = await core.finished(ref)
    assert finished.result == result
    assert words in finished.message
    assert "\n" not in finished.message
    await worker.until_no_jobs()


async def test_a_job_over_its_quota_is_stopped_while_it_runs(core: FakeCore, worker: Home, image: str) -> None:
    spec = {
        "command": ["sh", "-c", "dd if=/dev/zero of=/out/big bs=1M count=6; sleep 600"],
        "resources": {"disk": 2 << 20},
        "timeouts": {"stop_grace": 0},
    }
    finished = await core.finished(await core.assign(image, spec, 1))
    assert (finished.result, finished.artifacts) == ("output_too_large", [])
    assert finished.exit_code is None, "an answer to our signal, and none of the job's own"


async def test_tmp_counts_towards_the_quota_too(core: FakeCore, worker: Home, image: str) -> None:
    script = "dd if=/dev/zero of=/out/a bs=1M count=3; dd if=/dev/zero of=/tmp/b bs=1M count=3; sleep 600"
    spec = {"command": ["sh", "-c", script], "resources": {"disk": 4 << 20}, "timeouts": {"stop_grace": 0}}
    assert (await core.finished(await core.assign(image, spec, 1))).result == "output_too_large"


async def test_outputs_of_a_failed_job_come_too(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, {"command": ["sh", "-c", "echo part > /out/part; exit 9"]}, 1)
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("exit_nonzero", 9)
    assert [core.blobs[a.digest] for a in finished.artifacts] == [b"part\n"]


async def test_names_that_are_no_text_come_as_text_that_leads_back(core: FakeCore, worker: Home, image: str) -> None:
    script = r"""
        for name in 'caf\351.txt' 'caf\\xe9.txt' 'a\nb' '\377dir/\376'; do
            name="$(printf "/out/$name.")"; name="${name%.}"
            mkdir -p "${name%/*}"; echo it > "$name"
        done"""
    finished = await core.finished(await core.assign(image, {"command": ["sh", "-c", script]}, 1))
    assert (finished.result, finished.message) == ("succeeded", "")
    names = {to_bytes(artifact.name) for artifact in finished.artifacts}
    assert names == {b"caf\xe9.txt", rb"caf\xe9.txt", b"a\nb", b"\xffdir/\xfe"}
    assert {core.blobs[artifact.digest] for artifact in finished.artifacts} == {b"it\n"}


async def test_a_file_that_cannot_be_brought_is_named_and_the_others_come(
    core: FakeCore, worker: Home, image: str
) -> None:
    long = "/".join(["d" * 250] * 9)
    script = f"cd /out; mkdir -p {long}; echo it > {long}/file; echo kept > kept; exit 0"
    finished = await core.finished(await core.assign(image, {"command": ["sh", "-c", script]}, 1))
    assert finished.result == "output_missing"
    assert "2,000 bytes" in finished.message
    assert [artifact.name for artifact in finished.artifacts] == ["kept"]


async def test_a_large_output_goes_in_chunks(core: FakeCore, worker: Home, image: str) -> None:
    spec = {"command": ["sh", "-c", "yes swarm | head -c 20000000 > /out/large"]}
    finished = await core.finished(await core.assign(image, spec, 1))
    assert core.blobs[finished.artifacts[0].digest] == (b"swarm\n" * 3333334)[:20_000_000]
    assert [offset for kind, _, offset in core.requests if kind == "PATCH"] == [0, 8 << 20, 16 << 20]


async def test_the_defaults_of_the_image_are_kept(core: FakeCore, worker: Home) -> None:
    config: dict[str, Any] = {
        "Entrypoint": ["sh", "-c", 'echo "$0 $HOME $TMPDIR $A"; id -u; [ -d /in ] && [ -d /out ] && echo both', "zero"],
        "User": "1234",
        "Env": ["PATH=/bin", "A=image"],
    }
    image = put_image(core, busybox_layer(), **config)
    finished = await core.finished(await core.assign(image, {"env": {"A": "job"}}, 1))
    assert await core.whole_log(finished) == b"zero /tmp /tmp job\n1234\nboth\n"


@pytest.mark.parametrize("user", ["", "0", "root", "0:0"])
async def test_root_becomes_nobody(core: FakeCore, worker: Home, user: str) -> None:
    image = put_image(core, busybox_layer(), User=user)
    command = ["sh", "-c", "id -u; echo > /out/mine; grep -c . /proc/self/status > /dev/null; echo ok"]
    finished = await core.finished(await core.assign(image, {"command": command}, 1))
    assert (await core.whole_log(finished)).startswith(b"65534\n")


PASSWD = b"root:x:0:0::/:/bin/sh\napp:x:1234:99::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"


async def ids(core: FakeCore, image: str, job: int, user: str | None = None) -> tuple[msg.Finished, bytes]:
    spec: dict[str, Any] = {"command": ["sh", "-c", "id -u; id -g; echo mine > /out/mine"]}
    finished = await core.finished(await core.assign(image, spec | ({"user": user} if user else {}), job))
    return finished, await core.whole_log(finished)


async def test_a_named_user_is_looked_up_and_never_root(core: FakeCore, worker: Home) -> None:
    layer = busybox_layer({"etc/passwd": PASSWD})
    for job, (name, expected) in enumerate({"app": b"1234\n99\n", "toor": b"65534\n65534\n"}.items(), 1):
        finished, said = await ids(core, put_image(core, layer, User=name), job)
        assert (finished.result, said) == ("succeeded", expected)


@pytest.mark.parametrize("user", ["toor", "toor:99", "+0", "-0", "nosuch", "٠"])
async def test_a_job_that_names_root_otherwise_is_refused(core: FakeCore, worker: Home, user: str) -> None:
    image = put_image(core, busybox_layer({"etc/passwd": PASSWD}))
    finished, said = await ids(core, image, 1, user)
    assert (finished.result, said) == ("invalid", b"")
    assert "--user" in finished.message
    await worker.until_no_jobs()


async def test_a_user_whose_passwd_cannot_be_read_as_a_file_is_refused(core: FakeCore, worker: Home) -> None:
    image = put_image(core, busybox_layer({"other": PASSWD}, links={"etc/passwd": "/other"}), User="app")
    finished, _ = await ids(core, image, 1)
    assert finished.result == "invalid"
    assert "--user" in finished.message


def unseen_layer() -> bytes:
    """One that the engine has to unpack: it reads none that it has."""
    return busybox_layer({"unseen": os.urandom(16)})


async def test_a_compressed_layer_loads(core: FakeCore, worker: Home) -> None:
    image = put_image(core, unseen_layer(), packed="+gzip")
    finished = await core.finished(await core.assign(image, {"command": ["echo", "hi"]}, 1))
    assert (finished.result, await core.whole_log(finished)) == ("succeeded", b"hi\n")


async def test_a_layer_of_zstd_loads_where_the_engine_can_unpack_it(
    core: FakeCore, worker: Home, engine: Engine
) -> None:
    major = int((await engine.open()).partition(".")[0])
    image = put_image(core, unseen_layer(), packed="+zstd")
    finished = await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    assert finished.result == ("succeeded" if major >= 23 else "pull_failed")
    assert ("push what `docker save` makes" in finished.message) == (major < 23)


@pytest.mark.parametrize(("packed", "named"), [("+gzip", False), ("+zstd", True)])
async def test_a_layer_that_cannot_be_unpacked_is_told_with_the_way_out_where_there_is_one(
    core: FakeCore, worker: Home, monkeypatch: pytest.MonkeyPatch, packed: str, named: bool
) -> None:
    whole = PACKERS[packed]
    monkeypatch.setitem(PACKERS, packed, lambda layer: whole(layer)[:200])
    image = put_image(core, unseen_layer(), packed=packed)
    finished = await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    assert finished.result == "pull_failed"
    assert ("push what `docker save` makes" in finished.message) == named


async def test_a_cut_download_goes_on_where_it_stopped(core: FakeCore, worker: Home, image: str) -> None:
    core.cut_downloads = [100_000, 300_000]
    assert (await core.finished(await core.assign(image, {"command": ["true"]}, 1))).result == "succeeded"
    offsets = sorted(offset for kind, path, offset in core.requests if kind == "GET" and "/blobs/" in path)
    assert offsets == [0, 0, 100_000, 400_000]  # the first 0 is the configuration


async def test_a_damaged_layer_fails_the_pull(core: FakeCore, worker: Home) -> None:
    layer = busybox_layer()
    image = put_image(core, layer)
    digest = core.put(layer)
    core.blobs[digest] = layer[:-1] + b"x"
    finished = await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    assert finished.result == "pull_failed"
    assert digest in finished.message


async def test_an_unknown_image_fails_the_pull(core: FakeCore, worker: Home) -> None:
    finished = await core.finished(await core.assign("sha256:" + "0" * 64, {"command": ["true"]}, 1))
    assert finished.result == "pull_failed"
    assert "no such blob" in finished.message


async def test_an_image_that_never_comes_times_out(core: FakeCore, worker: Home, image: str) -> None:
    core.cut_downloads = [0] * 1000
    finished = await core.finished(await core.assign(image, {"command": ["true"], "timeouts": {"pull": 0.5}}, 1))
    assert finished.result == "pull_timeout"


async def test_an_image_is_loaded_once(core: FakeCore, worker: Home, image: str) -> None:
    refs = [await core.assign(image, {"command": ["true"]}, job) for job in (1, 2, 3)]
    assert {(await core.finished(ref)).result for ref in refs} == {"succeeded"}
    assert len([1 for kind, path, _ in core.requests if "/manifests/" in path]) == 1


async def test_images_past_the_budget_are_removed(core: FakeCore, make_home: Callable[..., Awaitable[Home]]) -> None:
    home = await make_home(image_budget=1)
    await home.start()
    for job in (1, 2):
        image = put_image(core, busybox_layer())
        assert (await core.finished(await core.assign(image, {"command": ["true"]}, job))).result == "succeeded"
        await home.until_no_jobs()
    kept = list((home.settings.data / "images").glob("*.json"))
    assert [path.stem for path in kept] == [image.removeprefix("sha256:")]


async def test_started_carries_what_preparing_took(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, {"command": ["true"]}, 1)
    started = await core.first(msg.Started, ref)
    assert {"pull", "load", "create"} <= started.timings.keys()
