"""A job that is written anew: its text, what is wrong with it line by line, and what of it has changed. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from swarm_consumer.cli.text import clean
from swarm_consumer.draft import Draft
from swarm_consumer.jobfile import JobFile, parse
from swarm_consumer.jobtext import job_text
from swarm_consumer.located import FileSyntaxError
from swarm_protocol.errors import SwarmError
from swarm_protocol.sources import parse_source
from swarm_protocol.spec import JobSpec

_NAME: Final = "job"
MOST: Final = 256 * 1024
"""Characters of a text that is still looked at."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `line` counts from 1, 0: the whole."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}  " if self.line else ""
        return clean(where + (f"{self.field}: {self.message}" if self.field else self.message))


@dataclass(frozen=True, slots=True)
class Judged:
    """A text that was looked at: the job that it is, or what is wrong."""

    file: JobFile | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def draft(self) -> Draft | None:
        """The job, where it can be read."""
        return None if self.file is None else self.file.draft


def first_text(spec: JobSpec, now: datetime) -> str:
    """A job as its text to begin with; a start time that is over is left out."""
    if spec.at is not None and datetime.fromisoformat(spec.at) <= now:
        spec = msgspec.structs.replace(spec, at=None)
    return job_text(spec)


def judge(text: str, now: datetime, *, files_here: bool = True) -> Judged:
    """Look at a text; `files_here`: whether files of this machine may be inputs."""
    if len(text) > MOST:
        return Judged(problems=(Problem(0, "", f"over {MOST} characters: hand large data over as a file"),))
    try:
        file = parse(text, _NAME, now)
    except FileSyntaxError as error:
        return Judged(problems=(Problem(error.line, "", str(error)),))
    except SwarmError as error:
        return Judged(problems=problems_of(error))
    if problem := _unfit(file, files_here):
        return Judged(problems=(problem,))
    return Judged(file)


def _unfit(file: JobFile, files_here: bool) -> Problem | None:
    if not file.draft.spec.image:
        return Problem(1, "image", "name an image that was pushed")
    here = next((each for each in file.draft.inputs if not each.startswith("job:")), None)
    if here is not None and not files_here:
        message = (
            f"{here!r} would be a file of the machine that serves this page: use `swarm submit -f` for files of yours"
        )
        return Problem(file.line("inputs"), "inputs", message)
    try:
        for each in file.draft.inputs:
            parse_source(each)
    except SwarmError as error:
        return Problem(file.line("inputs"), "inputs", error.message)
    return None


def problems_of(error: SwarmError, file: JobFile | None = None) -> tuple[Problem, ...]:
    """What an error says is wrong, with the lines that `file` knows."""
    if file is not None and error.code == "invalid_spec" and error.field:
        error = file.located(error.errors or [{"field": error.field, "message": error.message}], error.hint)
    if not error.errors:
        hint = f" ({error.hint})" if error.hint else ""
        line = file.line(error.field) if file is not None and error.field else 0
        return (Problem(line, error.field or "", error.message.removeprefix(f"{error.field}: ") + hint),)
    return tuple(_problem(each) for each in error.errors)


def _problem(told: dict[str, str]) -> Problem:
    line, field = int(told.get("line") or 0), told.get("field", "")
    place = f"{_NAME}:{line}: " if line else f"{_NAME}: "
    return Problem(line, field, told.get("message", "").removeprefix(place).removeprefix(f"{field}: "))


def changes(before: JobSpec, after: JobSpec) -> list[str]:
    """The fields of a spec that are not what they were, each in a few words."""
    found = []
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if isinstance(old, msgspec.Struct):
            inner = [f for f in old.__struct_fields__ if getattr(old, f) != getattr(new, f)]
            found += [
                f"{name}.{field}: {_short(getattr(old, field))} → {_short(getattr(new, field))}" for field in inner
            ]
        else:
            found.append(f"{name}: {_short(old)} → {_short(new)}")
    return found


def _short(value: object) -> str:
    text = clean("none" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode())
    return text if len(text) <= 60 else f"{text[:59]}…"
