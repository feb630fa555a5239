"""Job files: YAML or TOML to a draft, with errors that name the line.

image: busybox            # what `swarm submit -f job.yaml` reads
command: [sh, -c, "wc -l /in/data.csv > /out/lines"]
inputs: [data.csv]
outputs: [lines]
resources: {cpu: 500m, memory: 256M}
timeouts: {run: 10m}
"""

import difflib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from swarm_consumer.draft import Draft
from swarm_consumer.jobfields import FIELDS, GPU, GROUPS, WrongField
from swarm_consumer.located import FileSyntaxError, Located, read_toml, read_yaml
from swarm_consumer.times import start_time
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import QuantityError
from swarm_protocol.spec import InputFile, JobSpec, check

MAX_FILE = 1024 * 1024
_SPEC_NAMES = {
    "resources.cpu_millis": "resources.cpu",
    "resources.gpus": "resources.gpu",
    "resources.gpu_kind": "resources.gpu",
}


_CHECK = "correct it; `swarm submit -f {} --dry-run` checks it and runs nothing"
_SHAPE = "-f takes a job file, YAML or TOML, whose least is `image: NAME`"


@dataclass
class JobFile:
    """A file that was read: its draft, and where each field stands in it."""

    name: str
    draft: Draft = field(default_factory=lambda: Draft(JobSpec(image="")))
    lines: dict[str, int] = field(default_factory=dict)
    above: str = ""
    """What stands before the names of its fields, for a job that is part of another document."""

    def line(self, path: str) -> int:
        """Where a field stands, or the nearest above it that the file has; 0 for none."""
        path = _SPEC_NAMES.get(path, path).replace("[", ".[")
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 0)

    def place(self, path: str) -> str:
        """`job.yaml:7: ` for a field."""
        line = self.line(path)
        return f"{self.name}:{line}: " if line else f"{self.name}: "

    def _told(self, path: str, message: str) -> str:
        return f"{self.place(path)}{self.above}{path}: {message.removeprefix(f'{path}: ')}"

    def located(self, errors: list[dict[str, str]], hint: str | None = None) -> SwarmError:
        """One error for all that is wrong with fields, each with its place; `line` is empty where there is none."""
        told = [
            {
                "field": e["field"],
                "message": self._told(e["field"], e["message"]),
                "line": str(self.line(e["field"]) or ""),
            }
            for e in errors
        ]
        hint = hint or _CHECK.format(self.name)
        return SwarmError("invalid_spec", told[0]["message"], field=told[0]["field"], errors=told, hint=hint)


def read_job_file(path: str, now: datetime) -> JobFile:
    """Read `job.yaml`, `job.toml`, or YAML from standard input for `-`. Raises SwarmError."""
    name = "standard input" if path == "-" else path
    try:
        data = sys.stdin.buffer.read(MAX_FILE + 1) if path == "-" else Path(path).read_bytes()
        text = data.decode()
    except OSError as error:
        raise SwarmError("bad_request", f"can't read {path}: {error.strerror}", hint=_SHAPE) from None
    except UnicodeDecodeError:
        raise SwarmError("invalid_spec", f"{name} is not UTF-8 text", hint=_SHAPE) from None
    if len(data) > MAX_FILE:
        raise SwarmError("too_large", f"{name} is over {MAX_FILE} bytes", hint=_SHAPE)
    try:
        return parse(text, name, now, toml=path.endswith(".toml"))
    except FileSyntaxError as error:
        where = f"{name}:{error.line}" if error.line else name
        raise SwarmError("invalid_spec", f"{where}: {error}", hint=_CHECK.format(name)) from None


def parse(text: str, name: str, now: datetime, *, toml: bool = False) -> JobFile:
    """A job file from its text. Raises FileSyntaxError, and SwarmError(invalid_spec) for wrong fields."""
    root = read_toml(text) if toml else read_yaml(text)
    if not isinstance(root.value, dict):
        raise FileSyntaxError("a job file is a map that begins with `image: NAME`", root.line)
    reader = _Reader(JobFile(name), now)
    return reader.read(root.value)


def read_job(fields: dict[str, Located], name: str, now: datetime, above: str) -> JobFile:
    """A job that is part of a document in the file `name`, below the field `above`. Raises SwarmError(invalid_spec)."""
    return _Reader(JobFile(name, above=f"{above}."), now).read(fields)


class _Reader:
    """Collects the fields and all that is wrong with them."""

    def __init__(self, file: JobFile, now: datetime) -> None:
        self._file = file
        self._now = now
        self._values: dict[str, Any] = {}
        self._errors: list[dict[str, str]] = []

    def read(self, root: dict[str, Located]) -> JobFile:
        for key, node in root.items():
            self._file.lines[key] = node.key_line
            if key in GROUPS:
                self._group(key, node)
            elif key in FIELDS:
                self._field(key, FIELDS[key], node, self._values, key)
            else:
                self._unknown(key, key, [*FIELDS, *GROUPS])
        self._start()
        given = self._values.pop("inputs", ())
        if held := [each for each in given if isinstance(each, InputFile)]:
            self._values["inputs"] = held
        spec = JobSpec(**{"image": "", **self._values})
        if "image" in self._values:
            self._errors += [{"field": _SPEC_NAMES.get(e.field, e.field), "message": e.message} for e in check(spec)]
        if self._errors:
            raise self._file.located(self._errors)
        self._file.draft = Draft(spec, tuple(each for each in given if isinstance(each, str)))
        return self._file

    def _group(self, key: str, node: Located) -> None:
        kind, fields = GROUPS[key]
        if not isinstance(node.value, dict):
            self._wrong(key, f"a map of {', '.join(fields)}")
            return
        values: dict[str, Any] = {}
        for name, item in node.value.items():
            path = f"{key}.{name}"
            self._file.lines[path] = item.key_line
            if name in fields:
                target, read = fields[name]
                self._field(path, read, item, values, target)
            else:
                self._unknown(path, name, fields)
        if GPU in values:
            values["gpus"], values["gpu_kind"] = values.pop(GPU)
        self._values[key] = kind(**values)

    def _field(
        self, path: str, read: Callable[[Located], Any], node: Located, into: dict[str, Any], target: str
    ) -> None:
        if isinstance(node.value, list):
            self._file.lines |= {f"{path}.[{at}]": item.line for at, item in enumerate(node.value)}
        elif isinstance(node.value, dict):
            self._file.lines |= {f"{path}.{name}": item.key_line for name, item in node.value.items()}
        try:
            into[target] = read(node)
        except (WrongField, QuantityError) as error:
            self._wrong(path, str(error))

    def _start(self) -> None:
        if "at" in self._values:
            try:
                self._values["at"] = start_time(self._values["at"], self._now)
            except QuantityError as error:
                self._wrong("at", str(error))

    def _unknown(self, path: str, name: str, known: "Mapping[str, Any] | list[str]") -> None:
        near = difflib.get_close_matches(name, list(known), 1, 0.5)
        self._wrong(path, f"there is no such field{f'; did you mean `{near[0]}`?' if near else ''}")

    def _wrong(self, path: str, message: str) -> None:
        self._errors.append({"field": path, "message": message})


def spec_json(draft: Draft) -> dict[str, Any]:
    """The draft as plain data, for showing."""
    told: dict[str, Any] = msgspec.to_builtins(draft.spec)
    return told | ({"inputs": list(draft.inputs)} if draft.inputs else {})
