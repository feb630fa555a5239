"""Output globs: relative to `/out`, `*` and `?` within one name, `**` over folders as in gitignore. Pure."""

import re
from collections.abc import Sequence


class Globs:
    """The globs of one job; a glob that names a folder takes everything below it."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._globs = [(glob, re.compile(_pattern(glob), re.DOTALL)) for glob in globs]
        self._used: set[str] = set()

    def takes(self, name: str) -> bool:
        """Whether a file with this path is an output; no glob at all takes everything."""
        if not self._globs:
            return True
        hits = [glob for glob, pattern in self._globs if pattern.fullmatch(name)]
        self._used.update(hits)
        return bool(hits)

    @property
    def unmatched(self) -> list[str]:
        """Globs that took nothing so far."""
        return [glob for glob, _ in self._globs if glob not in self._used]


def _pattern(glob: str) -> str:
    parts = glob.rstrip("/").split("/")
    text = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            text += ".+" if last else "(?:[^/]+/)*"
        else:
            text += _name(part) + ("" if last else "/")
    return text + "(?:/.+)?"


def _name(part: str) -> str:
    text, at = "", 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif char == "[" and (end := part.find("]", at + 1)) > 0:
            text += _class(part[at:end])
            at = end + 1
        else:
            if char == "\\" and at < len(part):
                char, at = part[at], at + 1
            text += re.escape(char)
    return text


def _class(inside: str) -> str:
    negated = inside[:1] in ("!", "^")
    members = inside[1:] if negated else inside
    escaped = members.replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^").replace("&", r"\&")
    escaped = escaped.replace("~", r"\~").replace("|", r"\|")
    return f"(?!/)[{'^' if negated else ''}{escaped}]"
