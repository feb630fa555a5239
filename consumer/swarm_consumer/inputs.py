"""What goes into `/in`: paths as a person gives them, turned into named, hashed blobs.

A folder is expanded into its files with their relative names, byte for byte, and its empty folders. A link inside it
is followed where it leads to a file within the folder; one that leads elsewhere, or to a folder, is refused: nothing
outside what a person named travels by accident. `job:1042/PATH` is about another job's outputs, which the core finds.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from swarm_consumer.uploads import FileSlice
from swarm_protocol.errors import SwarmError
from swarm_protocol.filenames import to_text
from swarm_protocol.sources import JobOutputs, parse_source
from swarm_protocol.spec import MAX_INPUTS, InputFile, JobSpec, is_safe_path


@dataclass(frozen=True)
class NamedFile:
    """A file here and its name below `/in`."""

    path: Path
    name: str
    is_folder: bool = False
    """An empty one."""


@dataclass(frozen=True)
class HashedInput:
    """What the spec says of a file, and where its bytes are."""

    file: InputFile
    source: FileSlice


@dataclass(frozen=True)
class Gathered:
    """All that some `--input` name."""

    files: list[NamedFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """Names below `/in` of empty folders."""
    sources: list[JobOutputs] = field(default_factory=list)

    def into(self, spec: JobSpec) -> JobSpec:
        """The spec with all of it but the files."""
        told = [to_text(os.fsencode(name)) for name in self.folders]
        return msgspec.structs.replace(
            spec, folders=[*spec.folders, *told], inputs_from=[*spec.inputs_from, *self.sources]
        )


def gather(arguments: Sequence[str]) -> Gathered:
    """Everything that these `PATH[:NAME]` and `job:ID[/PATH][:NAME]` name. Raises SwarmError."""
    found = Gathered()
    for argument in arguments:
        source = parse_source(argument)
        if source is not None:
            found.sources.append(source)
            continue
        for file in _expand(argument):
            if file.is_folder:
                found.folders.append(file.name)
            else:
                found.files.append(file)
            if len(found.files) + len(found.folders) > MAX_INPUTS:
                hint = "pack them into one archive"
                raise SwarmError("invalid_spec", f"--input: more than {MAX_INPUTS} files", hint=hint)
    return found


def _expand(argument: str) -> Iterator[NamedFile]:
    path, name = _split(argument)
    if os.path.isdir(path):  # unlike Path.is_dir, no is the answer where one may not look
        yield from _folder(path, path.resolve().name if name is None else name)
        return
    _must_be_file(path)
    yield _named(path, path.name if name is None else name)


def _split(argument: str) -> tuple[Path, str | None]:
    """PATH and NAME; a path that exists as a whole is one, colons and all."""
    whole = Path(argument)
    if ":" not in argument or os.path.exists(whole):
        return whole, None
    path, _, name = argument.rpartition(":")
    if not path or not name:
        raise SwarmError("invalid_spec", f"--input {argument}: write PATH or PATH:NAME")
    return Path(path), name


def _folder(root: Path, prefix: str) -> Iterator[NamedFile]:
    """The files of a folder, and the folders that are empty; the prefix `.` puts them straight below /in."""
    inside = root.resolve()
    above = "" if prefix in (".", "") else f"{prefix}/"
    for folder, subfolders, names in os.walk(root, onerror=_unreadable):
        subfolders.sort()
        for name in [*subfolders, *sorted(names)]:
            path = Path(folder, name)
            if path.is_symlink():
                _must_stay_within(path, inside)
        for name in sorted(names):
            path = Path(folder, name)
            _must_be_file(path)
            yield _named(path, above + path.relative_to(root).as_posix())
        if not (subfolders or names) and (above or Path(folder) != root):
            below = Path(folder).relative_to(root).as_posix()
            name = above.removesuffix("/") if below == "." else above + below
            yield replace(_named(Path(folder), name), is_folder=True)


def _unreadable(error: OSError) -> None:
    raise SwarmError("invalid_spec", f"--input: can't read {error.filename}: {error.strerror}")


def _must_stay_within(link: Path, inside: Path) -> None:
    target = link.resolve()
    if target.is_dir() or not target.is_relative_to(inside):
        hint = "name what it leads to with an --input of its own"
        raise SwarmError("invalid_spec", f"--input: {link} is a link to {target}, outside the folder", hint=hint)


def _must_be_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SwarmError("invalid_spec", f"--input: can't read {path}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise SwarmError("invalid_spec", f"--input: {path} is neither a file nor a folder")


def _named(path: Path, name: str) -> NamedFile:
    if not is_safe_path(name):
        message = f"--input: {name!r} must stay below /in: no `..`, no leading /"
        raise SwarmError("invalid_spec", message, hint="give it another name with PATH:NAME")
    return NamedFile(path, name)


def hash_file(named: NamedFile) -> HashedInput:
    """Read a file once for its digest (blocking). Raises SwarmError."""
    try:
        with named.path.open("rb") as file:
            info = os.fstat(file.fileno())
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise SwarmError("invalid_spec", f"--input: can't read {named.path}: {error.strerror}") from None
    mode = 0o755 if info.st_mode & 0o111 else 0o644
    entry = InputFile(name=named.name, digest=digest, size=size, mode=mode)
    return HashedInput(_as_text(entry), FileSlice(named.path, digest, size))


def _as_text(entry: InputFile) -> InputFile:
    """JSON holds text, and a name may be any bytes."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return msgspec.structs.replace(entry, name=to_text(os.fsencode(entry.name)), escaped=True)
    return entry
