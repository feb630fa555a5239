"""Flags to a spec, times as people write them, and the exit codes of jobs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.exits import exit_code
from swarm_consumer.cli.flags import Flags, build, read_env
from swarm_consumer.cli.submit import first_failure
from swarm_consumer.draft import Draft
from swarm_consumer.models import Outcome
from swarm_consumer.times import start_time
from swarm_protocol.quantities import QuantityError
from swarm_protocol.secrets import SecretFile
from swarm_protocol.spec import JobSpec, Resources, Timeouts
from swarm_protocol.states import JobState

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_an_image_alone_keeps_every_default() -> None:
    assert build(Flags(), "busybox", None, None, NOW) == Draft(JobSpec(image="busybox"))


def test_flags_go_over_a_job_file_and_add_to_its_lists() -> None:
    spec = JobSpec(image="a", env={"X": "1", "Y": "1"}, tags=["t"], resources=Resources(memory=1 << 30), priority=1)
    flags = Flags(env=["X=2"], tag=["u"], cpu="500m", priority=7, input=["more"], constraint=["gpu=a=b"])
    draft = build(flags, None, None, Draft(spec, ("first",)), NOW)
    assert draft.spec.image == "a"
    assert draft.spec.env == {"X": "2", "Y": "1"}
    assert draft.spec.tags == ["t", "u"]
    assert draft.spec.resources == Resources(cpu_millis=500, memory=1 << 30)
    assert (draft.spec.priority, draft.spec.constraints) == (7, {"gpu": "a=b"})
    assert draft.inputs == ("first", "more")


def test_secrets_add_to_those_of_a_job_file() -> None:
    base = Draft(JobSpec(image="a", secrets=["one"]))
    spec = build(Flags(secret=["two", "three:.file"]), None, None, base, NOW).spec
    assert spec.secrets == ["one", "two", SecretFile(name="three", file=".file")]


def test_a_warning_goes_with_the_timeouts_of_a_job_file_and_notices_add_to_its_own() -> None:
    base = Draft(JobSpec(image="a", timeouts=Timeouts(run=600, pull=5), notify=["ops"]))
    spec = build(Flags(warn="90s:usr1", notify=["mail:a@b.org:failed"]), None, None, base, NOW).spec
    assert spec.timeouts == Timeouts(run=600, pull=5, warn=90, warn_signal="SIGUSR1")
    assert spec.notify == ["ops", "mail:a@b.org:failed"]
    spec = build(Flags(warn="1m", timeout="1h"), None, None, base, NOW).spec
    assert spec.timeouts == Timeouts(run=3600, pull=5, warn=60)


def test_words_replace_the_command_even_by_none_of_them() -> None:
    base = Draft(JobSpec(image="a", command=["x"]))
    assert build(Flags(), None, None, base, NOW).spec.command == ["x"]
    assert build(Flags(), None, ["y", "-z"], base, NOW).spec.command == ["y", "-z"]
    assert build(Flags(), None, [], base, NOW).spec.command == []


def test_an_empty_entrypoint_takes_the_image_s_away() -> None:
    assert build(Flags(entrypoint=""), "a", None, None, NOW).spec.entrypoint == []
    assert build(Flags(entrypoint="/bin/sh"), "a", None, None, NOW).spec.entrypoint == ["/bin/sh"]


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (Flags(memory="12X"), "--memory: '12X' is no size"),
        (Flags(cpu="many"), "--cpu: 'many' is no amount"),
        (Flags(timeout="soon"), "--timeout: 'soon' is no duration"),
        (Flags(warn="soon:USR1"), "--warn: 'soon' is no duration"),
        (Flags(at="tomorrow"), "--at: 'tomorrow' is no time"),
        (Flags(constraint=["gpu"]), "--constraint: 'gpu' is no K=V"),
        (Flags(env=["=x"]), "--env: '=x' is no K=V"),
        (Flags(env_file=["/nowhere/file"]), "--env-file: can't read /nowhere/file"),
    ],
)
def test_what_can_not_be_read_names_its_flag(flags: Flags, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        build(flags, "a", None, None, NOW)


def test_no_image_at_all() -> None:
    with pytest.raises(UsageError, match="name an image"):
        build(Flags(), None, None, None, NOW)


def test_variables_as_docker_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"HERE": "here"}
    lines = [(1, "A=1"), (2, "B=x=y"), (3, "C="), (4, "HERE"), (5, "GONE")]
    assert read_env(lines, environ, "f") == {"A": "1", "B": "x=y", "C": "", "HERE": "here"}
    with pytest.raises(UsageError, match="f:3: ' B=1' is no K=V"):
        read_env([(3, " B=1")], environ, "f")
    file = tmp_path / "env"
    file.write_text("\ufeffA=1\n\n  # note\n  B=2 \n")
    monkeypatch.setenv("HERE", "there")
    draft = build(Flags(env_file=[str(file)], env=["HERE", "A=3"]), "a", None, None, NOW)
    assert draft.spec.env == {"A": "3", "B": "2 ", "HERE": "there"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("+2h", "2026-01-02T05:04:05Z"),
        ("+1d", "2026-01-03T03:04:05Z"),
        ("2026-05-06T07:08:09Z", "2026-05-06T07:08:09Z"),
        ("2026-05-06T07:08:09+02:00", "2026-05-06T05:08:09Z"),
    ],
)
def test_start_times(text: str, told: str) -> None:
    assert start_time(text, NOW) == told


def test_a_local_time_is_read_in_the_zone_of_this_machine() -> None:
    local = datetime(2026, 1, 2, 3, 4).astimezone().astimezone(UTC)
    assert start_time("2026-01-02 03:04", NOW) == local.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("text", ["", "+", "+x", "2026-13-01T00:00:00Z", "2026-01-01", "now"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(QuantityError):
        start_time(text, NOW)


@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        (JobState.SUCCEEDED, 0, 0),
        (JobState.FAILED, 7, 7),
        (JobState.FAILED, None, 125),
        (JobState.FAILED, 0, 125),
        (JobState.TIMED_OUT, 137, 124),
        (JobState.CANCELLED, None, 130),
    ],
)
def test_exit_codes(state: JobState, code: int | None, expected: int) -> None:
    assert exit_code(state, code) == expected


def test_several_jobs_exit_as_the_first_that_failed() -> None:
    good, bad = Outcome(id=1, state=JobState.SUCCEEDED), Outcome(id=3, state=JobState.FAILED, exit_code=4)
    worse = Outcome(id=9, state=JobState.TIMED_OUT)
    assert first_failure([worse, good, bad]) == 4
    assert first_failure([good]) == 0


def test_mounts_gpus_and_a_network() -> None:
    spec = build(Flags(mount=["data:ro"], gpu="2:A100", network="egress"), "i", None, None, NOW).spec
    assert (spec.mounts, spec.resources.gpus, spec.resources.gpu_kind, spec.network) == (
        ["data:ro"],
        2,
        "a100",
        "egress",
    )
    for wrong in ("", "a100", "1:", "-1", "²"):
        with pytest.raises(UsageError, match="--gpu"):
            build(Flags(gpu=wrong), "i", None, None, NOW)
