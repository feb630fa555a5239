"""The command as a process of its own: exit codes, what goes to which stream, one line for each error."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import msgspec
import pytest

from swarm_protocol.spec import JobSpec

from .conftest import Run, Start
from .fake_core import PASSWORD, FakeCore, make_certificates


def _words(text: str) -> list[str]:
    return text.split(" ")


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_run_shows_output_and_exits_as_the_job(swarm: Run) -> None:
    done = swarm("run", "busybox", "--", "echo", "hello", "--flag")
    assert done.stdout == "hello --flag\n"
    assert "job 1 succeeded with exit code 0" in done.stderr
    assert "job 2 failed with exit code 7" in swarm("run", "busybox", "--", "fail", "7", check=7).stderr
    swarm("run", "busybox", "--", "timed_out", check=124)
    swarm("run", "busybox", "--", "cancelled", check=130)


def test_run_passes_bytes_on_as_they_are(swarm: Run, core: FakeCore) -> None:
    done = swarm("run", "busybox", "--", "noise", "20")
    whole = core.store.logs[1, 1]
    assert done.stdout.encode(errors="surrogateescape") == b"".join(d for s, d in whole if s == 1)
    assert b"".join(d for s, d in whole if s == 2).decode(errors="surrogateescape").split("\n")[0] in done.stderr


def test_run_json_prints_one_document_and_the_log_apart(swarm: Run) -> None:
    done = swarm("run", "busybox", "--json", "--", "echo", "hello")
    found = json.loads(done.stdout)
    assert (found["id"], found["state"], found["spec"]["command"]) == (1, "succeeded", ["echo", "hello"])
    assert "hello\n" in done.stderr


def test_run_says_which_files_were_left_and_fetch_brings_them(swarm: Run, tmp_path: Path) -> None:
    assert "swarm fetch 1" in swarm("run", "busybox", "--", "write", "result", "42").stderr
    assert swarm("fetch", "1").stdout == "job-1/result\n"
    assert (tmp_path / "job-1" / "result").read_text() == "42"
    assert json.loads(swarm("fetch", "1", "-o", "there", "--json").stdout) == ["there/result"]
    error = swarm("fetch", "1", "--name", "*.csv", check=125).stderr
    assert lines(error) == [
        "error: job 1 left no file that matches *.csv",
        "hint: see the names with `swarm show 1`",
    ]


@pytest.mark.parametrize(("interrupts", "said"), [(1, "cancelled"), (2, "left job 1 to itself")])
def test_the_first_interrupt_cancels_and_the_second_leaves(
    core: FakeCore, start: Start, interrupts: int, said: str
) -> None:
    process = start("-m", "swarm_consumer", "run", "busybox", "--", "forever")
    assert _line(process.stdout) == "waiting\n"
    if interrupts == 2:
        core.end = lambda *_: None  # type: ignore[method-assign]
    heard = ""
    for _ in range(interrupts):
        process.send_signal(signal.SIGINT)
        while "Ctrl-C" not in heard:
            heard += _line(process.stderr)
    heard += process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert said in heard
    assert core.count("POST", "/jobs/1/cancel") == 1


def test_an_interrupted_wait_says_that_the_job_goes_on(core: FakeCore, start: Start) -> None:
    process = start("-m", "swarm_consumer", "submit", "--wait", "busybox", "--", "forever")
    assert _line(process.stdout) == "1\n"
    end = time.monotonic() + 20
    while not core.count("POST", "/jobs/wait"):
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "job 1 goes on; see more with `swarm show 1`, end it with `swarm cancel 1`" in told


def test_a_reader_that_goes_away_is_no_error(environment: dict[str, str], core: FakeCore, swarm: Run) -> None:
    swarm("submit", "busybox", "--count", "3000", "--", "echo", "x")
    shell = f"{sys.executable} -m swarm_consumer jobs --all | head -n 1"
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("ID")
    assert done.stderr == ""


def test_submit_prints_ids(swarm: Run, core: FakeCore) -> None:
    assert swarm("submit", "busybox", "--", "echo").stdout == "1\n"
    assert swarm("submit", "busybox", "--count", "3").stdout == "2\n3\n4\n"
    assert json.loads(swarm("submit", "busybox", "--json").stdout) == {"id": 5, "state": "queued"}
    swarm("submit", "busybox", "--wait", "--", "fail", "9", check=9)
    assert swarm("submit", "busybox", "--idempotency-key", "k").stdout == "7\n"
    assert swarm("submit", "busybox", "--idempotency-key", "k").stdout == "7\n"


def test_flags_become_the_spec(swarm: Run, core: FakeCore, tmp_path: Path) -> None:
    (tmp_path / "vars").write_text("# comment\nA=1\nB=two words\n")
    (tmp_path / "data.csv").write_text("1,2\n")
    flags = [
        "--cpu",
        "500m",
        "--memory",
        "1G",
        "--disk",
        "2G",
        "--timeout",
        "2h",
        "--priority",
        "5",
        "--retries",
        "2",
        "--infra-retries",
        "1",
    ]
    more = [
        "--env",
        "A=2",
        "--env-file",
        "vars",
        "--input",
        "data.csv:in/x.csv",
        "--output",
        "*.txt",
        "--user",
        "1000",
        "--workdir",
        "/w",
    ]
    last = [
        "--entrypoint",
        "/bin/sh",
        "--at-most-once",
        "--constraint",
        "gpu=a100",
        "--name",
        "n",
        "--tag",
        "t",
        "--at",
        "+2h",
    ]
    swarm("submit", *flags, "busybox", *more, *last, "--", "-c", "true")
    spec = core.store.jobs[1]["spec"]
    assert spec.pop("at").endswith("Z")
    assert spec.pop("inputs")[0]["name"] == "in/x.csv"
    assert spec == {
        "image": "busybox",
        "command": ["-c", "true"],
        "entrypoint": ["/bin/sh"],
        "env": {"A": "2", "B": "two words"},
        "workdir": "/w",
        "user": "1000",
        "resources": {"cpu_millis": 500, "memory": 1 << 30, "disk": 2 << 30},
        "outputs": ["*.txt"],
        "constraints": {"gpu": "a100"},
        "priority": 5,
        "timeouts": {"run": 7200.0},
        "retries": 2,
        "infra_retries": 1,
        "at_most_once": True,
        "name": "n",
        "tags": ["t"],
    }


def test_a_job_file(swarm: Run, core: FakeCore, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("image: busybox\ncommand: [echo, hi]\nresources:\n  memory: 256M\n")
    assert swarm("submit", "-f", "job.yaml", "--tag", "t").stdout == "1\n"
    assert core.store.jobs[1]["spec"]["resources"] == {"memory": 256 << 20}
    assert core.store.jobs[1]["tags"] == ["t"]
    swarm("submit", "-f", "job.yaml", "--", "echo", "other")
    assert core.store.jobs[2]["spec"]["command"] == ["echo", "other"]
    (tmp_path / "job.toml").write_text('image = "busybox"\n[resources]\nmemmory = "1G"\n')
    error = swarm("submit", "-f", "job.toml", check=125).stderr
    assert lines(error) == [
        "error: job.toml:3: resources.memmory: there is no such field; did you mean `memory`?",
        "hint: correct it; `swarm submit -f job.toml --dry-run` checks it and runs nothing",
    ]


def test_a_field_that_the_core_refuses_is_shown_with_its_line(swarm: Run, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("image: busybox\n\npriority: 999\n")
    error = swarm("submit", "-f", "job.yaml", check=125).stderr
    assert lines(error)[0] == "error: job.yaml:3: priority: too dear"


def test_dry_run_says_which_workers_fit_or_what_comes_nearest(swarm: Run, core: FakeCore) -> None:
    assert "fits   w1" in swarm("submit", "busybox", "--dry-run").stdout
    impossible = swarm("submit", "busybox", "--memory", "2T", "--dry-run", check=125)
    assert lines(impossible.stderr) == [
        "error: no worker could run it now: w1 comes nearest: lacks memory",
        "hint: ask for less, or let a worker in that has it: `swarm worker token`",
    ]
    found = json.loads(swarm("submit", "busybox", "--memory", "2T", "--dry-run", "--json", check=125).stdout)
    assert found["fits"] == []
    assert core.store.jobs == {}


def test_run_and_show_say_why_a_job_stays_queued(swarm: Run, core: FakeCore, start: Start) -> None:
    process = start("-m", "swarm_consumer", "run", "busybox", "--memory", "2T", "--", "stay")
    assert _line(process.stderr) == "job 1 is queued\n"
    assert _line(process.stderr) == "job 1 waits for a worker that could run it; w1 comes nearest: lacks memory\n"
    waits = next(line for line in lines(swarm("show", "1").stdout) if line.startswith("waits for"))
    assert waits.split("  ")[-1] == "a worker that could run it; w1 comes nearest: lacks memory"
    assert "before it 2 jobs, 1 of them like it\n" in swarm("explain", "1").stdout
    core.end(1, "cancelled", None)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_what_show_tells_of_a_spec_makes_the_same_job(swarm: Run, core: FakeCore, tmp_path: Path) -> None:
    Path(tmp_path, "data.csv").write_text("1\n")
    flags = ("--input", str(tmp_path / "data.csv"), "--env", "A=\x1b[31m", "--timeout", "90s", "--cpu", "500m")
    swarm("submit", "busybox", *flags, "--", "echo", "one\ntwo")
    written = swarm("show", "1", "--spec").stdout
    assert "\x1b" not in written
    assert "resources: {cpu: 500m}" in lines(written)
    Path(tmp_path, "job.yaml").write_text(written)
    assert swarm("submit", "-f", str(tmp_path / "job.yaml")).stdout == "2\n"
    first, second = (msgspec.convert(core.store.jobs[job]["spec"], JobSpec) for job in (1, 2))
    assert first == second
    assert [item.name for item in second.inputs] == ["data.csv"]


def test_listing_showing_waiting(swarm: Run, core: FakeCore) -> None:
    swarm("submit", "busybox", "--name", "evil\x1b[31m", "--", "fail", "3")
    listed = swarm("jobs").stdout
    assert lines(listed)[0].split() == ["ID", "STATE", "NAME", "IMAGE", "CREATED", "RAN", "EXIT", "WORKER"]
    assert "evil�[31m" in listed
    assert "\x1b" not in listed
    shown = swarm("show", "1").stdout
    assert "where the time went" in shown
    assert "\x1b" not in shown
    assert "exit_nonzero" in shown
    assert json.loads(swarm("show", "1", "--json").stdout)["exit_code"] == 3
    assert "--spec is YAML" in swarm("show", "1", "--spec", "--json", check=2).stderr
    assert swarm("wait", "1", check=3).stdout == "1 failed 3\n"
    (failed,) = json.loads(swarm("jobs", "--json", "--state", "failed").stdout)
    assert failed["id"] == 1
    assert not {"spec", "attempts", "history", "artifacts"} & set(failed), "a list does not carry them"
    swarm("submit", "busybox", "--", "forever")
    assert "have not ended in time" in swarm("wait", "2", "--timeout", "100ms", check=124).stderr


def test_logs(swarm: Run) -> None:
    swarm("submit", "busybox", "--", "echo", "hello")
    assert swarm("logs", "1").stdout == "hello\n"
    assert swarm("logs", "1", "--stream", "stderr").stdout == ""
    followed = swarm("logs", "-f", "1")
    assert followed.stdout == "hello\n"
    assert "job 1 succeeded with exit code 0" in followed.stderr


def test_cancel_retry_remove(swarm: Run, core: FakeCore) -> None:
    swarm("submit", "busybox", "--", "forever")
    error = swarm("rm", "1", check=125).stderr
    assert lines(error) == ["error: job 1 has not ended", "hint: cancel it first"]
    assert swarm("cancel", "1").stdout == "1 cancelling\n"
    both = swarm("cancel", "1", "1", check=125)
    assert both.stderr == "error: job 1 has ended\n"
    assert swarm("retry", "1").stdout == "2\n"
    assert swarm("rm", "1").stdout == "1 removed\n"
    assert 1 not in core.store.jobs


def test_words_narrow_the_list(swarm: Run) -> None:
    swarm("submit", "busybox", "--name", "a b", "--", "fail", "3")
    swarm("submit", "busybox", "--", "echo")
    assert [job["id"] for job in json.loads(swarm("jobs", "state:failed", "owner:me", "--json").stdout)] == [1]
    assert [job["id"] for job in json.loads(swarm("jobs", "--json", "--", "-state:failed", "user:ada").stdout)] == [2]
    assert json.loads(swarm("jobs", 'name:"a b"', "-s", "succeeded", "--json").stdout) == []
    for words, said in (
        (["stat:failed"], ["error: stat: is no word of the filter", "hint: did you mean state:?"]),
        (
            ["name:a", "--name", "a"],
            ["error: --name is given beside a word that says the same", "hint: leave one of them out"],
        ),
    ):
        assert lines(swarm("jobs", *words, check=2).stderr) == said


def test_update_gives_jobs_another_priority(swarm: Run, core: FakeCore) -> None:
    swarm("submit", "busybox", "--", "forever")
    swarm("submit", "busybox", "--", "echo")
    done = swarm("update", "1", "2", "--priority", "-7", check=125)
    assert done.stdout == f"1 {core.store.jobs[1]['state']}\n"
    assert done.stderr == "error: job 2 has already ended: succeeded\n"
    assert core.store.jobs[1]["priority"] == -7
    assert "--priority" in swarm("update", "1", "--priority", "1001", check=2).stderr


def test_login_whoami_logout(swarm: Run, core: FakeCore, home: Path, tmp_path: Path) -> None:
    (home / "credentials.json").unlink()
    for word in ("whoami", "jobs"):
        error = swarm(word, check=125).stderr
        assert lines(error)[0] == "error: you are not signed in"
        assert "swarm up" in error
        assert "swarm login URL" in error
    unknown = swarm("login", core.url, "--user", "ada", "--password-file", "-", check=125, stdin="x")
    assert "is not known here" in unknown.stderr
    fingerprint = unknown.stderr.strip().rpartition(" ")[2]
    words = ("login", core.url, "--user", "ada", "--ca-fingerprint", fingerprint, "--password-file")
    assert "wrong user or password" in swarm(*words, "-", check=125, stdin="guess\n").stderr
    (tmp_path / "password").write_text(PASSWORD + "\n")
    swarm(*words, "password")
    assert (home / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert swarm("whoami").stdout == f"ada (operator) in project default at {core.url}\n"
    assert json.loads(swarm("whoami", "--json").stdout)["url"] == core.url
    swarm("logout")
    assert not (home / "credentials.json").exists()
    assert "refresh" in core.store.refresh
    assert len(core.store.refresh) == 1
    (tmp_path / "other.pem").write_text(make_certificates().ca_pem)
    refused = swarm(*words[:4], "--ca-file", "other.pem", "--password-file", "password", check=125)
    assert "does not have the certificate known here" in refused.stderr


def test_errors_are_one_line_and_a_next_step(swarm: Run, core: FakeCore, tmp_path: Path) -> None:
    assert lines(swarm("run", "unknown-image", check=125).stderr) == [
        "error: there is no image unknown-image",
        "hint: push it first: swarm push unknown-image",
    ]
    assert "'12X' is no size" in swarm("submit", "x", "--memory", "12X", check=2).stderr
    assert "--memory" in swarm("submit", "x", "--memry", "1G", check=2).stderr
    assert "name an image" in swarm("submit", check=2).stderr
    assert "at least 6M" in swarm("submit", "x", "--memory", "1M", check=125).stderr
    assert "none of stdout, stderr" in swarm("logs", "1", "--stream", "both", check=2).stderr
    assert "no such command 'sbmit'" in swarm("sbmit", check=2).stderr
    assert "there is no job 9" in swarm("show", "9", check=125).stderr
    for word in ("show", "cancel", "logs", "fetch"):
        error = lines(swarm(word, "abc", check=2).stderr)
        assert error[0].endswith("'abc' is no whole number")
        assert error[1] == f"hint: see `swarm {word} --help`"
    assert "can't read nowhere" in swarm("submit", "x", "--input", "nowhere", check=125).stderr
    core.stop()
    error = lines(swarm("jobs", check=125).stderr)
    assert error[0].startswith(f"error: no answer from the core at {core.url}")
    assert "swarm up" in error[1]


def test_a_plug_in_whose_extra_is_missing_says_which(environment: dict[str, str]) -> None:
    hidden = (
        "import sys; sys.modules['swarm_worker'] = None; from swarm_consumer.cli.main import execute;"
        "sys.exit(execute(['worker', 'join', 'wss://x', '--token', 'y']))"
    )
    done = subprocess.run([sys.executable, "-c", hidden], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 125
    assert "pip install 'swarm-sync[worker]'" in done.stderr


def test_the_swarm_at_a_glance(swarm: Run) -> None:
    shown = swarm("overview").stdout.splitlines()
    assert shown[:3] == [
        "jobs      2 queued",
        "last day  3 succeeded",
        "workers   1 working, 1 dead; 3 of 4 slots are free",
    ]
    assert shown[3:6] == [
        "ended     █▁  3 in the last minute, 3 at most",
        "waited    █·  500ms (median)",
        "ran       █·  1m30s (median)",
    ]
    assert shown[7:] == ["error: worker w2 is dead: its lease ran out, 0s ago", "    start it again"]
    assert json.loads(swarm("overview", "--project", "*", "--json").stdout)["project"] is None
    assert json.loads(swarm("overview", "--project", "lab", "--json").stdout)["project"] == "lab"


def test_cores(swarm: Run) -> None:
    one, other = swarm("cores").stdout.splitlines()[1:]
    assert one.startswith("c1    alpha  0.0.0.0:8443")
    assert "not running: harvester" in one
    assert "can't be asked" in other
    [module] = swarm("cores", "--modules").stdout.splitlines()[1:]
    assert module.split() == ["alpha", "harvester", "restarting", "2", "reports", "7/100", "no"]
    assert json.loads(swarm("cores", "--json").stdout)[1]["reached"] is False


def test_workers(swarm: Run, core: FakeCore) -> None:
    token = swarm("worker", "token", "--uses", "2")
    assert token.stdout == "SSJT1-x\n"
    assert f"  swarm worker join wss://127.0.0.1:{core.port} --token SSJT1-x\n" in token.stderr
    assert "warning: only this machine reaches the core at that address" in token.stderr
    listed = [line.split() for line in swarm("worker", "tokens").stdout.splitlines()[1:]]
    assert [line[:2] for line in listed] == [["0123456789ab", "open"], ["ba9876543210", "used"]]
    assert "nobody joins" in swarm("worker", "tokens", "--rm", "0123456789ab").stderr
    assert "w1" in swarm("worker", "list").stdout
    assert "attempts" not in json.loads(swarm("worker", "list", "--json").stdout)[0]
    shown = swarm("worker", "show", "w1").stdout
    assert "4 slots, 4 cpu, 1G" in shown
    assert "load     ·▅█  at most 1.00 for each cpu" in shown
    swarm("worker", "revoke", "w1")
    assert core.store.revoked == ["w1"]


def test_completion_offers_jobs_and_stays_silent_without_a_core(
    swarm: Run, core: FakeCore, environment: dict[str, str]
) -> None:
    swarm("submit", "busybox", "--", "echo")
    environment |= {"_SWARM_COMPLETE": "complete_bash", "COMP_WORDS": "swarm show ", "COMP_CWORD": "2"}
    assert swarm("x", check=None).stdout.split() == ["1"]
    core.stop()
    silent = swarm("x", check=None)
    assert (silent.stdout.strip(), silent.stderr) == ("", "")


def test_a_renewed_token_is_saved(swarm: Run, core: FakeCore, home: Path) -> None:
    swarm("whoami")
    swarm("whoami")
    assert core.count("POST", "/token") == 1
    assert "access_token" in json.loads((home / "credentials.json").read_text())


def test_core_gone_mid_log_says_how_to_go_on(core: FakeCore, start: Start) -> None:
    script = (
        "import sys; import swarm_consumer.outage as outage; outage.OUTAGE_SECONDS = 0.5;"
        "from swarm_consumer.cli.main import execute; sys.exit(execute(['run', 'busybox', '--', 'forever']))"
    )
    process = start("-c", script)
    assert _line(process.stdout) == "waiting\n"
    core.stop()
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 125
    assert "error: lost sight of job 1" in error
    assert "swarm logs -f 1" in error


def test_help_and_version(swarm: Run) -> None:
    for word in ("run", "submit", "jobs", "worker", "login"):
        assert word in swarm("--help").stdout
    assert swarm("--version").stdout.startswith("swarm-sync ")
