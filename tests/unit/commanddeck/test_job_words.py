"""A job in words: fields, history, its spec, an explanation, what can be done with it, its files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from swarm_commanddeck import jobacts, joblines
from swarm_commanddeck.fetching import Travel, as_one, globs_of, in_words, mode_text, name_text, there_already
from swarm_commanddeck.gantt import Line
from swarm_commanddeck.jobfacts import facts, headline, of_attempt
from swarm_consumer.models import Artifact, Attempt, Cause, Change, Explanation, Job, JobProgress
from swarm_protocol.spec import JobSpec, Resources
from swarm_protocol.states import JobState

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
EVIL = "x\x1b[2J\u202e"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def job(state: JobState = JobState.RUNNING, **more: object) -> Job:
    known = {"id": 7, "state": state, "name": "train", "image": "img", "created_at": ago(100), "worker": "w1"}
    return msgspec.structs.replace(Job(id=7, state=state), **{**known, **more})


def text(lines: object) -> str:
    assert isinstance(lines, list)
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


def shown(*lines: Line) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


def test_the_headline_says_how_it_is() -> None:
    runs = job(started_at=ago(30), progress=JobProgress(fraction=0.42, text="reads", at=NOW))
    assert text([headline(runs, NOW)]) == "▶ running  ████░░░░░░ 42% reads  runs for 30s"
    stops = job(started_at=ago(30), cancel_requested=True)
    assert text([headline(stops, NOW)]) == "⊘ cancelling  runs for 30s"
    over = job(JobState.FAILED, exit_code=3, failure="exit_nonzero", message="no", started_at=ago(90), ended_at=ago(30))
    assert text([headline(over, NOW)]) == "✗ failed  exit code 3  exit_nonzero: no  ran 1m"
    assert text([headline(job(JobState.QUEUED), NOW)]) == "· queued  submitted 1m ago"


def test_fields_without_anything_in_them_are_left_out() -> None:
    told = dict(facts(job(JobState.QUEUED, spec=JobSpec(image="img"), worker=None), NOW, "no worker has 2 gpus"))
    assert told["waits for"] == "no worker has 2 gpus"
    assert told["resources"] == "1 cpu, 512M memory, 1G disk, 256 processes"
    assert told["timeouts"] == "queue none, pull 15m, run none, stop grace 10s"
    assert not {"worker", "exit code", "env", "ended", "secrets"} & told.keys()


def test_nothing_foreign_gets_near_a_terminal() -> None:
    spec = JobSpec(image=EVIL, command=[EVIL], env={EVIL: EVIL}, name=EVIL, tags=[EVIL], constraints={"a": EVIL})
    bad = Attempt(
        attempt=1, state=EVIL, worker=EVIL, failure=EVIL, message=EVIL, log_truncated=True, stdout=1, stderr=2
    )
    change = Change(at=NOW, to="failed", from_=EVIL, actor=EVIL, reason=EVIL)
    evil = job(
        JobState.FAILED,
        spec=spec,
        name=EVIL,
        reason=EVIL,
        message=EVIL,
        failure=EVIL,
        user=EVIL,
        worker=EVIL,
        tags=[EVIL],
        progress=JobProgress(fraction=2.0, text=EVIL, at=NOW),
        history=[change],
        attempts=[bad],
    )
    told = Explanation(id=7, state=JobState.QUEUED, text=EVIL, causes=[Cause(kind="x", text=EVIL, until=NOW)])
    lines = [
        *joblines.overview(evil, 60, NOW, EVIL),
        *joblines.spec(evil, 60),
        *joblines.attempt(evil, bad, 60),
        *joblines.explained(told, 60, NOW),
        headline(evil, NOW),
    ]
    for line in shown(*lines):
        assert line.isprintable(), repr(line)
    assert all(len(line) <= 74 for line in shown(*joblines.overview(evil, 60, NOW)))


def test_an_explanation_in_words() -> None:
    found = Explanation(id=7, state=JobState.QUEUED, text="queued", before=10_000, before_alike=3, gives_up_at=NOW)
    told = shown(*joblines.explained(found, 80, NOW))
    assert told[1].endswith("10,000 or more jobs, 3 of them like it")
    first = Explanation(id=7, state=JobState.QUEUED, before=0)
    assert shown(*joblines.explained(first, 80, NOW)) == ["before it    no job: it is the next"]
    one = Explanation(id=7, state=JobState.QUEUED, before=1, before_alike=1)
    assert shown(*joblines.explained(one, 80, NOW)) == ["before it    1 job like it"]


@pytest.mark.parametrize(
    ("action", "state", "why"),
    [
        ("cancel", JobState.RUNNING, ""),
        ("cancel", JobState.FAILED, "has ended"),
        ("retry", JobState.RUNNING, "has not ended: cancel it first"),
        ("retry", JobState.FAILED, ""),
        ("retry", JobState.HELD, ""),
        ("remove", JobState.HELD, "has not ended"),
        ("remove", JobState.SUCCEEDED, ""),
        ("priority", JobState.QUEUED, ""),
        ("priority", JobState.SUCCEEDED, "its priority is of no use"),
        ("rerun", JobState.RUNNING, "its spec is not known"),
        ("worker", JobState.RUNNING, ""),
        ("schedule", JobState.RUNNING, "no schedule made job 7"),
    ],
)
def test_what_can_be_done_with_a_job(action: str, state: JobState, why: str) -> None:
    found = jobacts.why_not(action, job(state))
    assert why in found
    assert bool(found) == bool(why)
    assert jobacts.why_not(action, None) == "there is no such job"


def test_what_will_happen_is_named() -> None:
    spec = JobSpec(image="img", resources=Resources())
    running = jobacts.cancelling(job(started_at=ago(60), spec=spec), NOW)
    assert running[0] == "job 7 train, running for 1m"
    assert running[1] == "Its container on w1 is sent SIGTERM, and SIGKILL 10s later."
    assert jobacts.cancelling(job(JobState.QUEUED), NOW)[1] == "It has not begun: it ends at once as cancelled."
    assert "keeps its number" in jobacts.retrying(job(JobState.HELD, reason="quarantined"))[1]
    left = job(JobState.FAILED, attempts=[Attempt(attempt=1, stdout=2048, stderr=0)])
    assert jobacts.removing(left)[1] == "Gone for good: its log (2K), what it left (0 files, 0), its history."


@pytest.mark.parametrize(("text", "wanted"), [("7", 7), (" -1000 ", -1000)])
def test_a_priority_is_a_whole_number_within_bounds(text: str, wanted: int) -> None:
    assert jobacts.priority(text) == wanted
    for wrong in ("x", "1.5", "1001", ""):
        with pytest.raises(ValueError, match=r"whole|from"):
            jobacts.priority(wrong)


def test_states_of_attempts() -> None:
    assert of_attempt(Attempt(attempt=1, state="lost")).word == "lost"
    assert of_attempt(Attempt(attempt=1, state="released")).word == "given back"
    assert of_attempt(Attempt(attempt=1, state="running")).mark == "▶"


def test_files_in_words_and_what_is_there_already(tmp_path: Path) -> None:
    files = [Artifact(name=name, digest="", size=1024) for name in ("a[1].txt", "deep/b", "\\xff.bin")]
    assert globs_of(files) == ["a[[]1].txt", "deep/b", "\\xff.bin"]
    assert (in_words(files), in_words(files[:1])) == ("3 files, 3K", "1 file, 1K")
    assert (mode_text(0o750), name_text("a\nb")) == ("rwxr-x---", "a\\nb")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/b").touch()
    (tmp_path / "a[1].txt").symlink_to("nowhere")
    assert there_already(tmp_path, files) == ["a[1].txt", "deep/b"]


def test_how_far_files_are() -> None:
    told: list[str] = []
    travel = Travel(lambda: told.append(travel.text(4)))
    travel.begin("download", 4096)
    travel.advance(1024)
    travel.advance(3072)
    assert told == ["░░░░ 0 of 4K", "█░░░ 1K of 4K", "████ 4K of 4K"]


def test_a_browser_is_given_one_file_or_an_archive(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a").write_bytes(b"one")
    with as_one(tmp_path) as file:
        assert file.read() == b"one"
    (tmp_path / "b").write_bytes(b"two")
    with as_one(tmp_path) as file, ZipFile(file) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"b": b"two", "deep/a": b"one"}
