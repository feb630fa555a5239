"""Secrets and inputs through the command: what a job reads, and that nobody else does."""

import base64
import hashlib
import os
import secrets as random
import signal
import tempfile
from pathlib import Path

import pytest

from .bad_input.said import FAILURE, error_of
from .harness import IMAGE, Home

HASH = "sha256sum < /run/secrets/db"
READ = f"{HASH}; stat -c %a /run/secrets/db; env | grep -c hush; touch /run/secrets/x || echo closed"


def forms(value: bytes) -> list[bytes]:
    """A value as it could lie somewhere."""
    return [value, base64.b64encode(value), value.hex().encode(), value.decode().encode("utf-16-le")]


def places_of(home: Home, value: bytes) -> list[str]:
    """Every file of the home that holds it: database, blobs, journals, logs, sign-ins."""
    wanted = forms(value)
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert len(files) > 100
    return [str(path) for path in files if any(form in _bytes(path) for form in wanted)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a temporary file
        return b""


def told_of(home: Home, job: int, value: bytes) -> list[str]:
    """Commands that show it."""
    said = {
        words: home.swarm(*words).stdout + home.swarm(*words, "--json").stdout
        for words in (("secret", "list"), ("show", str(job)), ("jobs",))
    }
    return [" ".join(words) for words, shown in said.items() if any(form in shown for form in forms(value))]


@pytest.fixture
def value(home: Home) -> bytes:
    """A secret called `db`."""
    made = b"hush-" + random.token_hex(24).encode()
    home.swarm("secret", "set", "db", stdin=made)
    return made


def test_a_job_reads_it_and_nothing_else_has_it(home: Home, value: bytes) -> None:
    job = home.sh(f"{READ}; until [ -e /out/go ]; do sleep 0.05; done; {HASH}", "--secret", "db")
    home.writes(job, b"closed\n")
    (container,) = home.containers(job)
    assert value.decode() not in str(home.inspect(container["Id"]))
    for number in (signal.SIGTERM, signal.SIGKILL):  # handed over, and killed and back
        with home.only("worker"):
            home.bounce("worker", number)
    home.release(job)
    home.ended(job)
    first, mode, env, closed, last = home.log(job).decode().splitlines()
    assert (mode, env, closed, last) == ("400", "0", "closed", first)
    assert first.split()[0] == hashlib.sha256(value).hexdigest()
    home.gone(job)
    assert not [name for name in os.listdir("/dev/shm") if home.worker in name]
    assert told_of(home, job, value) == []
    assert places_of(home, value) == []
    assert places_of(home, b"deliver_secret"), "what is there would be found"


def test_rotated_removed_and_set_again(home: Home, value: bytes) -> None:
    file = home.folder / "new"
    file.write_bytes(b"\0raw\xff\n")
    home.swarm("secret", "set", "db", "--file", str(file))
    file.unlink()
    done = home.swarm("run", "--secret", "db:deep.name", IMAGE, "--", "cat", "/run/secrets/deep.name")
    assert done.stdout == b"\0raw\xff\n"
    job = home.sh("cat /run/secrets/db", "--secret", "db", "--at", "+1h")
    home.swarm("secret", "rm", "db")
    error, hint = error_of(home.swarm("submit", "--secret", "db", IMAGE, "--", "true", check=FAILURE))
    assert error == "secrets[0]: there is no secret db"
    assert hint.startswith("`swarm secret set db` keeps one")
    home.swarm("cancel", str(job))
    assert "there is no secret db" in error_of(home.swarm("retry", str(job), check=FAILURE))[0]


def test_a_folder_arrives_as_it_is(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "empty" / "deep").mkdir(parents=True)
    (folder / ".hidden").write_text("h")
    (folder / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (folder / "run.sh").chmod(0o755)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).write_text("odd")
    script = "cd /in/data && echo .h* * && ls -d empty/deep && ./run.sh && cat caf*"
    out = home.swarm("run", "--input", str(folder), IMAGE, "--", "sh", "-c", script).stdout
    assert out.split() == [b".hidden", b"caf\xe9", b"empty", b"run.sh", b"empty/deep", b"ran", b"odd"]


def test_what_a_job_left_is_the_input_of_another(home: Home, tmp_path: Path) -> None:
    first = home.sh(r"cd /out; echo model > model.bin; mkdir d; echo 1 > d/a; printf x > $(printf 'd/caf\351')")
    home.ended(first)
    command = "[sh, -c, 'cd /in; cat model.bin x/a; cd x; echo *']"
    (tmp_path / "job.yaml").write_text(f"image: {IMAGE}\ncommand: {command}\ninputs: [job:{first}/model.bin]\n")
    words = ("submit", "-f", "job.yaml", "--input", f"job:{first}/d/:x", "--wait")
    done = home.swarm(*words, cwd=tmp_path)
    job = int(done.stdout.split()[0])
    assert home.log(job).split() == [b"model", b"1", b"a", b"caf\xe9"]
    spec = home.job(job).spec
    assert spec is not None
    assert [file.name for file in spec.inputs] == ["model.bin", "x/a", r"x/caf\xe9"]
    error, hint = error_of(home.swarm("submit", "--input", f"job:{first}/none", IMAGE, "--", "true", check=FAILURE))
    assert error == rf"inputs_from[0].path: job {first} left no 'none'; it left d/a, d/caf\xe9, model.bin"
    assert hint == f"see `swarm show {first}`"


def test_a_named_folder(home: Home) -> None:
    with tempfile.TemporaryDirectory(prefix="sw-share-", dir="/var/tmp") as share:
        os.chmod(share, 0o777)
        words = ("submit", "--mount", "data", IMAGE, "--", "true")
        assert error_of(home.swarm(*words, check=FAILURE))[0] == "this project may use no mount called data"
        home.swarm("mount", "add", "data", share)
        assert "swarm mount allow data" in error_of(home.swarm(*words, check=FAILURE))[1]
        home.swarm("mount", "allow", "data", "--project", "default", "--uid", "4321")
        script = "id -u > /mnt/data/who && cat /mnt/data/who"
        done = home.swarm("run", "--mount", "data", IMAGE, "--", "sh", "-c", script)
        assert done.stdout == b"4321\n"
        assert os.stat(f"{share}/who").st_uid == 4321
        assert b"default as 4321:4321" in home.swarm("mount", "list").stdout
        [offered] = [each["offers"]["mounts"] for each in home.json("worker", "list") if each["offers"]]
        assert offered == ["data"]
        home.swarm("mount", "rm", "data")
        assert home.json("mount", "list") == []
        home.swarm("mount", "add", "data", str(home.folder / "data"), "--project", "default", "--ro")
        told = error_of(home.swarm(*words[:3], "--dry-run", *words[3:], check=FAILURE))[0]
        assert "no worker offers mount data" in told
        home.swarm("mount", "rm", "data")


def test_what_no_worker_has_is_waited_for_and_named(home: Home) -> None:
    for flag, value, lacking in (("--gpu", "1:h100", "GPU of kind h100"), ("--network", "egress", "network egress")):
        told = error_of(home.swarm("submit", flag, value, "--dry-run", IMAGE, "--", "true", check=FAILURE))[0]
        assert told == f"no worker could run it now: no worker offers {lacking}"
    job = home.sh("true", "--gpu", "2")
    waits = "a worker that could run it: none of those connected; no worker offers GPU"
    assert home.json("show", str(job))["waits_for"] == waits
    home.swarm("cancel", str(job))
    error, _ = error_of(home.swarm("submit", "--network", "host", IMAGE, "--", "true", check=FAILURE))
    assert error == "network: none or egress"
