"""A job that is written anew: read, judged line by line, compared."""

from datetime import UTC, datetime

import pytest

from swarm_commanddeck.rewrite import MOST, Problem, changes, first_text, judge, problems_of
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec, Resources, Timeouts

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_what_is_unchanged_is_the_same_job_but_for_a_time_gone_by() -> None:
    spec = JobSpec(
        image="busybox", command=["sh", "-c", "a\nb"], at="2026-01-01T00:00:00Z", timeouts=Timeouts(run=60.0)
    )
    judged = judge(first_text(spec, NOW), NOW)
    assert judged.draft is not None
    assert changes(spec, judged.draft.spec) == ["at: 2026-01-01T00:00:00Z → none"]
    later = JobSpec(image="busybox", at="2026-01-03T00:00:00Z")
    judged = judge(first_text(later, NOW), NOW)
    assert judged.draft is not None
    assert judged.draft.spec == later


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("image: a\nresources:\n  memmory: 1G\n", 3, "resources.memmory", "there is no such field; did you mean"),
        ("image: a\nretries: some\n", 2, "retries", "a whole number, not 'some'"),
        ("image: a\n  b: c\n", 2, "", "this is no YAML"),
        ("", 1, "", "the file is empty"),
        ("command: [x]\n", 1, "image", "name an image"),
        ("image: a\n\ninputs: [/etc/passwd]\n", 3, "inputs", "'/etc/passwd' would be a file of the machine"),
        ("image: a\ninputs: ['job:x']\n", 2, "inputs", "--input job:x: write job:NUMBER"),
        ("image: a\n" + "#" * MOST, 0, "", f"over {MOST} characters"),
    ],
)
def test_a_problem_names_its_line_and_its_field(text: str, line: int, field: str, message: str) -> None:
    judged = judge(text, NOW, files_here=False)
    assert judged.draft is None
    [problem] = judged.problems
    assert (problem.line, problem.field) == (line, field)
    assert problem.message.startswith(message)
    assert str(problem).startswith(f"line {line}  " if line else "over")


def test_all_problems_are_told_at_once() -> None:
    judged = judge("image: a\nretries: x\nnmae: z\npriority: 5000\n", NOW)
    assert [(p.line, p.field) for p in judged.problems] == [(2, "retries"), (3, "nmae"), (4, "priority")]


def test_files_of_this_machine_are_inputs_where_they_may_be() -> None:
    judged = judge("image: a\ninputs: [data.csv, 'job:7/m']\n", NOW)
    assert judged.draft is not None
    assert judged.draft.inputs == ("data.csv", "job:7/m")
    served = judge("image: a\ninputs: ['job:7/m']\n", NOW, files_here=False)
    assert served.draft is not None


def test_what_the_core_finds_gets_its_line() -> None:
    judged = judge("image: a\nsecrets:\n- ok\n- gone\n", NOW)
    told = [{"field": "secrets[1]", "message": "secrets[1]: there is no secret gone"}]
    refused = SwarmError("invalid_spec", told[0]["message"], field="secrets[1]", errors=told)
    assert problems_of(refused, judged.file) == (Problem(4, "secrets[1]", "there is no secret gone"),)
    missing = SwarmError("image_not_found", "there is no image a", field="image", hint="push it")
    assert problems_of(missing, judged.file) == (Problem(1, "image", "there is no image a (push it)"),)
    assert problems_of(SwarmError("unavailable", "away"), judged.file) == (Problem(0, "", "away"),)


def test_changes_name_their_fields() -> None:
    before = JobSpec(image="a", resources=Resources(memory=1 << 29), env={"A": "1"})
    after = JobSpec(image="a", resources=Resources(memory=1 << 30), env={"A": "\x1b" * 99}, retries=2)
    found = changes(before, after)
    assert [each.partition(":")[0] for each in found] == ["env", "resources.memory", "retries"]
    assert "retries: 0 → 2" in found
    assert all(each.isprintable() and len(each) < 160 for each in found)
