"""What a person is told about an attempt's end."""

import errno

import pytest

from swarm_protocol.spec import JobSpec
from swarm_protocol.states import FailureKind
from swarm_worker import failures

SPEC = JobSpec(image="i")


def test_success_says_nothing() -> None:
    end = failures.of_exit(0, False, b"permission denied, but it went on", SPEC)
    assert (end.result, end.message, end.exit_code) == ("succeeded", "", 0)


def test_out_of_memory_counts_also_with_exit_code_0() -> None:
    end = failures.of_exit(0, True, b"", SPEC)
    assert (end.result, end.exit_code, end.oom) == ("oom_killed", 0, True)
    assert "512M" in end.message


@pytest.mark.parametrize(
    ("stderr", "word"),
    [
        (b"sh: can't create /x: Read-only file system", "/out or /tmp"),
        (b"OSError: [Errno 30] Read-only file system", "/out or /tmp"),
        (b"PermissionError: [Errno 13] Permission denied: '/data'", "--user"),
        (b"curl: (6) Temporary failure in name resolution", "no network"),
        (b"No space left on device", "--disk"),
        (b"sh: can't fork: Resource temporarily unavailable", "processes"),
    ],
)
def test_where_the_profile_bites_the_message_says_what_helps(stderr: bytes, word: str) -> None:
    assert word in failures.of_exit(1, False, stderr, SPEC).message


def test_a_job_that_may_go_out_is_told_what_else_it_takes() -> None:
    end = failures.of_exit(1, False, b"wget: bad address 'example.org'", JobSpec(image="i", network="egress"))
    assert "ask a resolver" in end.message


def test_an_exit_of_127_that_is_the_jobs_own_stays_its_own() -> None:
    assert failures.of_exit(127, False, b"sh: foo: not found", SPEC).result == "exit_nonzero"


def test_a_command_that_is_not_there() -> None:
    stderr = b"[FATAL tini (7)] exec foo failed: No such file or directory\n"
    end = failures.of_exit(127, False, stderr, SPEC)
    assert end.result == "command_not_found"
    assert "'foo' is not in the image: No such file or directory" in end.message


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('exec: "foo": executable file not found in $PATH: unknown', FailureKind.COMMAND_NOT_FOUND),
        ("No command specified", FailureKind.COMMAND_NOT_FOUND),
        ("unable to find user bob: no matching entries in passwd file", FailureKind.INVALID),
        ("something else", FailureKind.CREATE_FAILED),
    ],
)
def test_a_refused_start(message: str, kind: FailureKind) -> None:
    assert failures.of_refused_start(message).kind is kind


def test_a_full_disk_is_named() -> None:
    failure = failures.of_disk(OSError(errno.ENOSPC, "x"), FailureKind.PULL_FAILED, "image a")
    assert failure.kind is FailureKind.PULL_FAILED
    assert "disk is full" in str(failure)


def test_messages_are_one_line_without_control_characters() -> None:
    assert failures.one_line("a\n\x1b[31mb\t c" + "x" * 1000).startswith("a [31mb c")
    assert len(failures.one_line("x" * 1000)) == 500
