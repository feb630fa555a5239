"""Reading files: YAML with one document or several, TOML with one. Errors name the file, the line and the field."""

import difflib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from swarm_consumer.located import FileSyntaxError, Located, read_toml, read_yaml_all
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import QuantityError

T = TypeVar("T")
MAX_FILE: Final = 1024 * 1024
MAX_FILES: Final = 10_000
SUFFIXES: Final = (".yaml", ".yml", ".toml")
_HINT: Final = "correct it and look again: `swarm apply -f … --diff` changes nothing"


class WrongValue(Exception):
    """A field that can't be read; the message says what it may look like."""


@dataclass(slots=True)
class Document:
    """One document of a file, whose fields are taken one after the other; what is wrong with them is collected."""

    file: str
    folder: Path
    """Where its relative paths begin."""
    root: Located
    errors: list[dict[str, str]] = field(default_factory=list)
    title: str = ""
    """`schedule nightly`, once that is known."""

    @property
    def place(self) -> str:
        """Where it begins."""
        return f"{self.file}:{self.root.line}"

    def take(self, name: str, read: Callable[[Located], T], default: T) -> T:
        """The value of a field, or the default where it isn't there or can't be read."""
        node = self.root.value.pop(name, None)
        if node is None:
            return default
        try:
            return read(node)
        except (WrongValue, QuantityError) as error:
            self.wrong(name, str(error), node.key_line or node.line)
            return default

    def need(self, name: str, read: Callable[[Located], T], default: T) -> T:
        """The same for a field that has to be there."""
        if name not in self.root.value:
            self.wrong(name, "is missing", self.root.line)
        return self.take(name, read, default)

    def finish(self, known: Sequence[str]) -> None:
        """All fields were taken: whatever is left is unknown."""
        for name, node in self.root.value.items():
            near = difflib.get_close_matches(name, known, 1, 0.5)
            more = f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(known)}"
            self.wrong(name, f"there is no such field{more}", node.key_line)

    def wrong(self, name: str, message: str, line: int | None = None) -> None:
        """Note what is wrong with a field."""
        about = f"{self.title}: " if self.title else ""
        where = f"{self.file}:{line or self.root.line}"
        self.errors.append({"field": name, "message": f"{where}: {about}{name}: {message}"})


def text(node: Located) -> str:
    """A text, as it was written."""
    if node.raw is None:
        raise WrongValue(f"a text, not {node.shown()}")
    return node.raw


def whole(node: Located) -> int:
    """A whole number."""
    if not isinstance(node.value, int) or isinstance(node.value, bool):
        raise WrongValue(f"a whole number, not {node.shown()}")
    return node.value


def yes(node: Located) -> bool:
    """Whether something is so."""
    if not isinstance(node.value, bool):
        raise WrongValue(f"true or false, not {node.shown()}")
    return node.value


def texts(node: Located) -> dict[str, str]:
    """A map of names to texts."""
    return {name: text(item) for name, item in mapping(node).items()}


def mapping(node: Located) -> dict[str, Located]:
    """A map."""
    if not isinstance(node.value, dict):
        raise WrongValue(f"a map, such as {{name: value}}, not {node.shown()}")
    return node.value


def read_documents(paths: Sequence[str]) -> list[Document]:
    """All documents of files and folders, by name; `-` is YAML on standard input. Raises SwarmError."""
    found: list[Document] = []
    errors: list[dict[str, str]] = []
    for file in _files(paths):
        try:
            found += _read(file)
        except FileSyntaxError as error:
            where = f"{file}:{error.line}" if error.line else str(file)
            errors.append({"field": "", "message": f"{where}: {error}"})
    if errors:
        raise invalid(errors)
    return found


def invalid(errors: list[dict[str, str]]) -> SwarmError:
    """One error for all that is wrong."""
    return SwarmError("invalid_spec", errors[0]["message"], field=errors[0]["field"] or None, errors=errors, hint=_HINT)


def _files(paths: Sequence[str]) -> Iterator[Path]:
    count = 0
    for path in paths:
        for file in _expand(Path(path)):
            count += 1
            if count > MAX_FILES:
                raise SwarmError("too_large", f"more than {MAX_FILES:,} files", hint="name the folder that has them")
            yield file


def _expand(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, below, names in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _read(path: Path) -> list[Document]:
    name = "standard input" if str(path) == "-" else str(path)
    try:
        data = sys.stdin.buffer.read(MAX_FILE + 1) if str(path) == "-" else path.read_bytes()
        content = data.decode()
    except OSError as error:
        raise SwarmError("bad_request", f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FileSyntaxError("this is not UTF-8 text") from None
    if len(data) > MAX_FILE:
        raise FileSyntaxError(f"it is over {MAX_FILE} bytes")
    roots = [read_toml(content)] if name.endswith(".toml") else read_yaml_all(content)
    for root in roots:
        if not isinstance(root.value, dict):
            raise FileSyntaxError("a document is a map that begins with `kind: NAME`", root.line)
    return [Document(name, path.parent, root) for root in roots]
