"""A home as processes that a test drives: see fake_home.py for what runs in it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("fake_home.py")
ROLES = ["postgres", "valkey", "core", "worker"]


class LiveHome:
    """One home and the supervisors started on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {"SWARM_HOME": str(folder)}
        self.env.pop("SWARM_DATABASE_URL", None)
        self._supervisors: list[subprocess.Popen[str]] = []

    def up(self, *words: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, str(SCRIPT), *words], env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._supervisors.append(child)
        return child

    def up_and_ready(self, *words: str) -> "subprocess.Popen[str]":
        child = self.up(*words)
        self.until(lambda: self.report()["pid"] == child.pid and self.report()["state"] == "ready")
        return child

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        code = "import sys; from swarm_consumer.cli.main import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *words], env=self.env, capture_output=True, text=True, timeout=120
        )

    def report(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "state" / "supervisor.json").read_text())
        except FileNotFoundError:
            return {"pid": 0, "state": "", "children": []}
        return found

    def child(self, role: str) -> dict[str, Any]:
        return next(item for item in self.report()["children"] if item["role"] == role)

    def pids(self) -> dict[str, int]:
        return {item["role"]: item["pid"] for item in self.report()["children"]}

    def journal(self) -> list[str]:
        return (self.folder / "state" / "journal").read_text().splitlines()

    def until(self, met: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, f"not within {seconds} s: {self.report()}"
            time.sleep(0.02)

    def close(self) -> None:
        self.command("down")
        for child in self._supervisors:
            child.kill()
            child.communicate()
