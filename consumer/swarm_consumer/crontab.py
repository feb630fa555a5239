"""Reading a person's crontab, as crontab(5) of Debian has it. Pure."""

import re
from dataclasses import dataclass, field

_VARIABLE = re.compile(r"""^\s*(?P<name>[A-Za-z_]\w*|"[^"]*"|'[^']*')\s*=\s*(?P<value>.*?)\s*$""")
_ENTRY = re.compile(r"^\s*(?P<cron>@\w+|(?:\S+\s+){4}\S+)\s+(?P<command>\S.*)$")
_SHELL = "/bin/sh"


@dataclass(frozen=True)
class Entry:
    """A line that runs something."""

    line: int
    cron: str
    command: list[str]
    """The shell, `-c` and what it runs."""
    zone: str | None
    """Of a `CRON_TZ=` above it."""
    env: dict[str, str]


@dataclass(frozen=True)
class Problem:
    """A line that can't be taken over, and why."""

    line: int
    message: str


@dataclass
class Crontab:
    """What a file says."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_crontab(text: str) -> Crontab:
    """Entries with the variables that count for them, and the lines that can't be taken over."""
    found = Crontab()
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        variable = _VARIABLE.match(line)
        if variable is not None:
            variables[_unquoted(variable["name"])] = _unquoted(variable["value"])
            continue
        read = _entry(number, line, variables)
        (found.entries if isinstance(read, Entry) else found.problems).append(read)  # type: ignore[arg-type]
    return found


def _entry(number: int, line: str, variables: dict[str, str]) -> Entry | Problem:
    match = _ENTRY.match(line)
    if match is None:
        return Problem(number, "neither five fields and a command, nor a variable")
    if match["cron"].lower() == "@reboot":
        return Problem(number, "@reboot: there is nothing that starts here with a machine")
    command = match["command"].rstrip()
    if re.search(r"(?<!\\)%", command):
        return Problem(number, "a % that stands for standard input; write what it is to read into the command")
    special = {"CRON_TZ", "MAILTO", "MAILFROM", "SHELL", "HOME", "LOGNAME", "USER"}
    return Entry(
        line=number,
        cron=" ".join(match["cron"].split()),
        command=[variables.get("SHELL", _SHELL), "-c", command.replace("\\%", "%")],
        zone=variables.get("CRON_TZ"),
        env={name: value for name, value in variables.items() if name not in special},
    )


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
