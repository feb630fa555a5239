"""`make lock`: the lock files in requirements/, with hashes and without addresses, from pyproject.toml.

Plain pip installs them; only this command needs uv.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tools.failure import Failure, exit_with, say

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
    "--quiet",
)
FILES = {
    "dev": ("--extra=all", "--group=dev"),
    "all": ("--extra=all",),
    "base": (),
}
"""What each file holds; the widest first, the others take their versions from it."""


def main() -> int:
    """Compile all three."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions, not those already locked")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    uv = find_uv()
    for name, parts in FILES.items():
        target = f"requirements/{name}.txt"
        same = [] if name == "dev" else ["--constraint=requirements/dev.txt"]
        command = [
            *uv,
            "pip",
            "compile",
            "pyproject.toml",
            *OPTIONS,
            *parts,
            *same,
            *upgrade,
            f"--output-file={target}",
        ]
        if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode != 0:
            raise Failure(f"uv could not make {target}: see above")
        say(f"{target} is up to date")
    return 0


def find_uv() -> list[str]:
    """The uv of PATH, or of this Python."""
    if found := shutil.which("uv"):
        return [found]
    module = [sys.executable, "-m", "uv"]
    if subprocess.run([*module, "--version"], capture_output=True).returncode == 0:
        return module
    raise Failure("`make lock` needs uv: run `.venv/bin/pip install uv`, then `make lock` again")


if __name__ == "__main__":
    exit_with(main)
