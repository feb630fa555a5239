"""`make programs`: what the tests run beside Python and an engine: an ssh client, systemd's check of units, a
terminal for the deck, and a browser for its web face.

As root on Debian or Ubuntu what is missing is installed; elsewhere the one command to run is printed. No systemd has to
run: its programs are enough.
"""

import shutil
from collections.abc import Callable

from tools.failure import Failure, exit_with
from tools.machine import Machine, apt_install

PACKAGES = {"ssh": "openssh-client", "systemd-analyze": "systemd", "tmux": "tmux", "chromium": "chromium"}
"""Programs, and the packages of Debian that hold them."""


def main() -> int:
    """Return when all are there. Raises Failure that says what to do."""
    if missing := lacking(shutil.which):
        machine = Machine.here()
        if not (machine.root and machine.debian):
            raise Failure(command_to_run(machine, missing))
        apt_install(machine, *missing)
    return 0


def lacking(which: Callable[[str], str | None]) -> list[str]:
    """The packages whose programs are not found."""
    return [package for program, package in PACKAGES.items() if which(program) is None]


def command_to_run(machine: Machine, missing: list[str]) -> str:
    """What a person has to run, where we can't."""
    names = " ".join(missing)
    if machine.debian:
        return f"the tests need more programs; run: sudo apt-get install -y --no-install-recommends {names}"
    return f"the tests need programs that Debian has in {names}; install them with your package manager"


if __name__ == "__main__":
    exit_with(main)
