"""Whether the commands that documents show exist: `swarm …` by its own tables, `make …` by the Makefile."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
_SEPARATORS = {"|", "||", "&&", ";", "&"}
_PLACEHOLDER = re.compile(r"^[\[(<].*|.*…$")


def shell_commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each simple command of a shell block with the number of its line in it, 0 the first. Raises ValueError."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        first, line = number, lines[number]
        while line.endswith("\\") and number + 1 < len(lines):
            number += 1
            line = line[:-1] + " " + lines[number].lstrip()
        number += 1
        for words in _simple(line.removeprefix("$ ")):
            yield first, words


def _simple(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in _SEPARATORS:
            while words and (_ASSIGNMENT.match(words[0]) or words[0] in ("sudo", "time")):
                words.pop(0)
            if words:
                yield words
            words = []
        else:
            words.append(word)


def check_make(words: list[str], targets: set[str]) -> str | None:
    """What is wrong with a `make` command."""
    wanted = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    missing = [word for word in wanted if word not in targets]
    return f"the Makefile has no target {missing[0]}" if missing else None


def make_targets(makefile: Path) -> set[str]:
    """The targets of a Makefile."""
    return set(re.findall(r"^([a-z][\w-]*):", makefile.read_text(), re.MULTILINE))


def check_swarm(words: list[str], command: Any) -> str | None:
    """What is wrong with a `swarm` command: a sub-command or a flag that is not there."""
    path, rest = "swarm", words[1:]
    while rest and hasattr(command, "get_command"):
        if rest[0].startswith("-"):
            return check_flags(path, rest[:1], command)
        path, found = f"{path} {rest[0]}", command.get_command(_context(command), rest[0])
        if found is None:
            return f"there is no `{path}`"
        command, rest = found, rest[1:]
    if command.context_settings.get("ignore_unknown_options"):
        return f"`{path}` can't be loaded here: its package is missing or broken"
    return check_flags(path, rest, command)


def _context(command: Any) -> Any:
    return command.make_context("swarm", [], resilient_parsing=True)


def check_flags(path: str, words: list[str], command: Any) -> str | None:
    """The first flag that a command does not have; words after -- are the job's own."""
    known = {flag for p in command.get_params(_context(command)) for flag in (*p.opts, *p.secondary_opts)}
    for word in words[: words.index("--")] if "--" in words else words:
        flag = word.partition("=")[0]
        if not flag.startswith("-") or flag == "-" or _PLACEHOLDER.match(flag) or re.match(r"^-\d", flag):
            continue
        if flag not in known | {"--help", "-h"} and not (flag[1] != "-" and flag[:2] in known):
            return f"`{path}` has no flag {flag}"
    return None
