"""Inputs that are another job's outputs: which of its files are meant, and where each goes below `/in`. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from swarm_protocol.filenames import shown, to_bytes
from swarm_protocol.globs import Globs
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import InputFile, JobSpec

_NAMED: Final = 5
"""Files that are named where nothing was found."""


@dataclass(frozen=True, slots=True)
class Left:
    """A file that a job left."""

    name: str
    """As text (swarm_protocol.filenames)."""
    digest: str
    size: int
    mode: int


def chosen(source: JobOutputs, left: Sequence[Left]) -> list[InputFile]:
    """The files that are meant, under their names as inputs; none where nothing is."""
    rename = _namer(source, {file.name for file in left})
    return [_input(file, name) for file in left if (name := rename(file.name)) is not None]


def _namer(source: JobOutputs, names: set[str]) -> Callable[[str], str | None]:
    """Gives each file its name below `/in`; None for one that is not meant."""
    path, below = source.path, "" if source.name in ("", ".") else f"{source.name}/"
    if path in names:
        target = f"{path.rpartition('/')[2]}" if source.name in ("", ".") else source.name
        return lambda name: target if name == path else None
    folder = f"{path.removesuffix('/')}/"
    if path and any(name.startswith(folder) for name in names):
        cut = len(folder)
        prefix = below or ("" if source.name == "." else f"{folder[:-1].rpartition('/')[2]}/")
        return lambda name: prefix + name[cut:] if name.startswith(folder) else None
    globs = Globs([path] if path else [])
    return lambda name: below + name if globs.takes(name) else None


def _input(file: Left, name: str) -> InputFile:
    raw = to_bytes(name)
    plain = name.encode() == raw
    return InputFile(
        name=name, digest=file.digest, size=file.size, mode=file.mode & 0o777, **({} if plain else {"escaped": True})
    )


def names_of(left: Iterable[Left]) -> str:
    """The first few names, for a person."""
    names = [shown(file.name) for file in left]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def with_inputs(raw: bytes, spec: JobSpec) -> bytes:
    """A spec's JSON with the inputs of `spec`, which was made from it; what this version does not know stays."""
    whole: dict[str, Any] = msgspec.json.decode(raw)
    whole["inputs"], whole["inputs_from"] = spec.inputs, spec.inputs_from
    return msgspec.json.encode(whole)
