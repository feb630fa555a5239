"""YAML and TOML as values that know their line."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_MAX_DEPTH = 20
_MAX_NODES = 100_000


class FileSyntaxError(ValueError):
    """Text that is no YAML or TOML; `line` counts from 1, 0 where it is not known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Located:
    """A value: `dict` and `list` hold more of these; a scalar also keeps the text that it was written as."""

    value: Any
    line: int
    raw: str | None = None
    key_line: int = 0
    """Where its key stands."""

    def plain(self) -> Any:
        """The value without its lines."""
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def shown(self) -> str:
        """The value for an error message."""
        if self.raw is None:
            return "a list" if isinstance(self.value, list) else "a map"
        return repr(self.raw[:60])


def read_yaml(text: str) -> Located:
    """Read one YAML document. Raises FileSyntaxError."""
    import yaml

    node = _composed(lambda: yaml.compose(text, Loader=yaml.SafeLoader))
    if node is None:
        raise FileSyntaxError("the file is empty", 1)
    return _YamlReader().read(node, node.start_mark.line + 1, 0)


def read_yaml_all(text: str) -> list[Located]:
    """Read YAML with any number of documents; empty ones are left out. Raises FileSyntaxError."""
    import yaml

    nodes = _composed(lambda: list(yaml.compose_all(text, Loader=yaml.SafeLoader)))
    reader = _YamlReader()
    found = [reader.read(node, node.start_mark.line + 1, 0) for node in nodes]
    return [each for each in found if each.raw != ""]


def _composed(compose: Callable[[], Any]) -> Any:
    import yaml

    try:
        return compose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise FileSyntaxError(f"this is no YAML: {error.problem}", line) from None
    except yaml.YAMLError as error:
        raise FileSyntaxError(f"this is no YAML: {str(error).splitlines()[0]}") from None


class _YamlReader:
    """Turns nodes into values; aliases are spread out, so that what they add up to is counted."""

    def __init__(self) -> None:
        self._room = _MAX_NODES

    def read(self, node: Any, key_line: int, depth: int) -> Located:
        line = node.start_mark.line + 1
        self._room -= 1
        if depth > _MAX_DEPTH or self._room < 0:
            raise FileSyntaxError("the file is nested too deep or too large", line)
        if node.id == "mapping":
            return Located(self._pairs(node, depth), line, key_line=key_line)
        if node.id == "sequence":
            items = [self.read(item, key_line, depth + 1) for item in node.value]
            return Located(items, line, key_line=key_line)
        return Located(_scalar(node), line, node.value, key_line)

    def _pairs(self, node: Any, depth: int) -> dict[str, Located]:
        found: dict[str, Located] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar":
                raise FileSyntaxError("a key must be a text", line)
            if key.value in found:
                raise FileSyntaxError(f"`{key.value}` is given twice", line)
            found[key.value] = self.read(value, line, depth + 1)
        return found


def _scalar(node: Any) -> Any:
    """Only what a job file needs: whole numbers, true and false; all else stays as it was written."""
    if node.tag.endswith(":bool") and node.value.lower() in ("true", "false"):
        return node.value.lower() == "true"
    if node.tag.endswith(":int") and re.fullmatch(r"[+-]?\d+", node.value):
        return int(node.value)
    return node.value


def read_toml(text: str) -> Located:
    """Read a TOML document. Raises FileSyntaxError."""
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise FileSyntaxError(f"this is no TOML: {message}", int(at[1]) if at else 0) from None
    return _from_toml(data, "", _toml_lines(text), 1)


def _toml_lines(text: str) -> dict[str, int]:
    """The line of each key at the beginning of one, by its dotted path; Python's parser does not tell."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"^\s*\[+\s*([\w.\-\"']+)\s*\]+", line):
            table = re.sub(r"[\"']", "", header[1])
            lines.setdefault(table, number)
        elif key := re.match(r"^\s*([\w.\-\"']+)\s*=", line):
            name = re.sub(r"[\"']", "", key[1])
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


def _from_toml(value: Any, path: str, lines: dict[str, int], above: int) -> Located:
    line = lines.get(path, above)
    if isinstance(value, dict):
        inner = {k: _from_toml(v, f"{path}.{k}" if path else k, lines, line) for k, v in value.items()}
        return Located(inner, line, key_line=line)
    if isinstance(value, list):
        return Located([_from_toml(v, f"{path}[]", lines, line) for v in value], line, key_line=line)
    if isinstance(value, bool):
        return Located(value, line, "true" if value else "false", line)
    raw = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return Located(value if isinstance(value, int) else raw, line, raw, line)
