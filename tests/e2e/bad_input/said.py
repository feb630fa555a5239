"""What a person is told when something goes wrong: one error, one next step, never a traceback."""

from ..harness import Done

FAILURE = 125
USAGE = 2


def error_of(done: Done) -> tuple[str, str]:
    """The one error and its hint on standard error, whatever else was said there before."""
    text = done.stderr.decode()
    assert "Traceback" not in text, text
    lines = text.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, text
    assert lines[-2] == errors[0], text
    assert lines[-1].startswith("hint: "), text
    return lines[-2].removeprefix("error: "), lines[-1].removeprefix("hint: ")


def outcome_of(done: Done) -> str:
    """The line that `swarm run` ends with for a job that went wrong; there is no error of ours."""
    text = done.stderr.decode()
    assert "Traceback" not in text, text
    lines = text.splitlines()
    assert not [line for line in lines if line.startswith("error: ")], text
    assert lines[-1].startswith("job "), text
    return lines[-1]
