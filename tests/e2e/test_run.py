"""`swarm run`, as a person uses it: streams, exit codes, files in and out."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from .harness import IMAGE, Home

TREE = {"a.txt": b"one\n", "sub/b.bin": bytes(range(256)), "sub/deep/c": b"", "ünï cödé": b"x"}


def read_line(child: "subprocess.Popen[bytes]") -> bytes:
    """The next line on standard output."""
    assert child.stdout is not None
    return child.stdout.readline()


def test_streams_come_apart_and_byte_for_byte(home: Home) -> None:
    octal = "".join(f"\\{number:03o}" for number in range(256))
    script = f"printf '{octal}'; printf '{octal}err' >&2; printf 'no newline'"

    done = home.swarm("run", IMAGE, "--", "sh", "-c", script)

    assert done.stdout == bytes(range(256)) + b"no newline"
    assert bytes(range(256)) + b"err" in done.stderr
    assert b"succeeded" in done.stderr


def test_the_end_of_a_line_is_not_lost_with_its_newline(home: Home) -> None:
    # The engine hands a line over at its newline; what has none comes with the container's end.
    done = home.swarm("run", IMAGE, "--", "sh", "-c", "echo one; sleep 0.5; printf two; sleep 0.5; printf three")
    assert done.stdout == b"one\ntwothree"


def test_the_first_line_is_seen_before_the_job_ends(home: Home) -> None:
    # Nothing but the line itself lets the test go on, and the job ends only when it is told to.
    child = home.start("run", IMAGE, "--", "sh", "-c", "trap 'exit 0' TERM; echo first; while :; do sleep 0.1; done")
    try:
        assert read_line(child) == b"first\n"
        (job,) = [item["id"] for item in home.json("jobs", "--state", "running")]
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130
    assert b"cancelling" in err
    assert home.job(job).state == "cancelled"
    home.gone(job)


@pytest.mark.parametrize("code", [1, 7, 255])
def test_the_exit_code_is_the_jobs_own(home: Home, code: int) -> None:
    home.swarm("run", IMAGE, "--", "sh", "-c", f"exit {code}", check=code)


def test_a_job_out_of_time_is_124(home: Home) -> None:
    done = home.swarm("run", "--timeout", "1s", IMAGE, "--", "sh", "-c", "echo on; sleep 100", check=124)
    assert done.stdout == b"on\n"
    assert b"timed_out" in done.stderr


def test_our_failure_is_125_and_names_the_next_step(home: Home) -> None:
    done = home.swarm("run", "no-such-image", "--", "true", check=125)
    assert b"no-such-image" in done.stderr
    assert b"hint: " in done.stderr


def test_files_and_folders_go_in_and_come_out(home: Home, tmp_path: Path) -> None:
    for name, data in TREE.items():
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (tmp_path / "tool.sh").write_text(
        "#!/bin/sh\ncp -r /in/tree /out/copy; ls /in > /out/ls; echo left > /out/not-asked\n"
    )
    (tmp_path / "tool.sh").chmod(0o755)
    job = home.swarm(
        "submit", "--wait", "--input", "tree", "--input", "tool.sh:run", "--output", "copy/**", "--output", "ls",
        IMAGE, "--", "/in/run", cwd=tmp_path,
    ).stdout.decode().strip()  # fmt: skip

    home.swarm("fetch", job, "--to", "got", cwd=tmp_path)

    got = {
        str(file.relative_to(tmp_path / "got")): file.read_bytes()
        for file in (tmp_path / "got").rglob("*")
        if file.is_file()
    }
    assert got == {"ls": b"run\ntree\n", **{f"copy/{name}": data for name, data in TREE.items()}}


def test_names_come_back_byte_for_byte_and_are_shown_in_one_line(home: Home, tmp_path: Path) -> None:
    long = "あ" * 85
    names = rf"""'{long}' '\xe9' "$(printf 'caf\351')" "$(printf 'a\nb\033[31m')" """
    script = f'cd /out; for name in {names}; do echo it > "$name"; done'
    home.swarm("run", IMAGE, "--", "sh", "-c", script)
    job = str(home.json("jobs", "--limit", "1")[0]["id"])

    fetched = home.swarm("fetch", job, "-o", "got", cwd=tmp_path).stdout.decode().splitlines()

    left = {b"caf\xe9", b"a\nb\x1b[31m", rb"\xe9", long.encode()}
    assert set(os.listdir(os.fsencode(tmp_path / "got"))) == left
    texts = [r"caf\xe9", r"a\nb\x1b[31m", r"\x5cxe9", long]
    assert sorted(fetched) == sorted(f"got/{text}" for text in texts)
    shown = home.swarm("show", job).stdout.decode()
    assert all(text in shown for text in texts)
    assert "\x1b" not in shown
    as_data = home.json("fetch", job, "-o", str(tmp_path / "again"))
    assert sorted(Path(path).name for path in as_data) == sorted([r"caf\xe9", "a\nb\x1b[31m", r"\x5cxe9", long])


def test_a_failed_jobs_files_come_back_too(home: Home, tmp_path: Path) -> None:
    done = home.swarm("run", "--json", IMAGE, "--", "sh", "-c", "echo half > /out/part; exit 3", check=3)
    (job,) = [item["id"] for item in home.json("jobs", "--limit", "1")]
    assert f'"id": {job}'.encode() in done.stdout

    home.swarm("fetch", str(job), "-o", "got", cwd=tmp_path)

    assert (tmp_path / "got" / "part").read_bytes() == b"half\n"


def test_environment_user_folder_and_entrypoint(home: Home, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("FROM_FILE=f f\nTAKEN\n")
    script = "echo $FROM_FLAG,$FROM_FILE,$TAKEN,$HOME,$(id -u):$(id -g),$(pwd),$*"
    done = home.swarm(
        "run", "--env", "FROM_FLAG=a b", "--env-file", "env", "--user", "1234:99", "--workdir", "/tmp",
        "--entrypoint", "/bin/sh", IMAGE, "--", "-c", script, "zero", "one", "two",
        cwd=tmp_path, env={"TAKEN": "here"},
    )  # fmt: skip
    assert done.stdout == b"a b,f f,here,/tmp,1234:99,/tmp,one two\n"
