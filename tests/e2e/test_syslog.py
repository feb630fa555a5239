"""The system's log through the command."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .harness import Home


@contextmanager
def followed(home: Home, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`swarm syslog -f`, while the block runs."""
    child = home.start("syslog", "-f", "-n", "0", *words)
    try:
        yield child
    finally:
        child.terminate()
        child.communicate(timeout=30)


def test_a_module_is_asked_for_more_and_what_it_says_is_followed(home: Home) -> None:
    with followed(home, "--module", "api", "--level", "debug", "--grep", "/whoami") as child:
        try:
            [made] = home.json("syslog", "level", "api", "debug", "--for", "10m")
            assert (made["level"], made["changed_by"]) == ("debug", f"user:{home.json('whoami')['user']}")
            assert made["until"] is not None
            assert child.stdout is not None

            def said() -> bytes | None:
                home.swarm("whoami")
                return child.stdout.readline() if child.stdout and readable(child) else None

            line = home.until(said, "a line that is followed").decode()
        finally:
            home.swarm("syslog", "level", "api", "--reset")
    assert " debug   api " in line
    assert "a request" in line
    assert "path=/api/v1/whoami" in line
    [now] = home.json("syslog", "level", "api")
    assert (now["level"], now["changed_by"]) == ("info", None)


def readable(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it has printed anything that wasn't read, within half a second."""
    import select

    assert child.stdout is not None
    return bool(select.select([child.stdout], [], [], 0.5)[0])


def test_what_was_said_is_found_again_and_written_to_a_file(home: Home, tmp_path: Path) -> None:
    [up, *_] = home.json("syslog", "--level", "success", "--module", "core", "--grep", "CORE IS UP", "--since", "1d")
    assert (up["level"], up["message"], up["fields"]["version"]) == ("success", "core is up", "0.1.0")
    joined = home.swarm("syslog", "--worker", home.worker, "--module", "identity").stdout.decode()
    assert "success identity" in joined
    assert f"a worker has joined  worker={home.worker}" in joined
    file = tmp_path / "log"
    home.swarm("syslog", "--level", "success", "--export", str(file))
    assert up in [json.loads(line) for line in file.read_text().splitlines()]
    assert file.stat().st_mode & 0o777 == 0o600
    plain = home.swarm("syslog", "--module", "core", "--export", "-", "--format", "logfmt").stdout.decode()
    assert 'level=success module=core msg="core is up"' in plain
    assert [*tmp_path.iterdir()] == [file]


def test_what_is_wrong_is_said(home: Home, tmp_path: Path) -> None:
    assert b"--since: 'soon' is no time" in home.swarm("syslog", "--since", "soon", check=2).stderr
    assert b"neither with --until" in home.swarm("syslog", "-f", "--until", "1h", check=2).stderr
    assert b"there is no module 'gate'" in home.swarm("syslog", "level", "gate", "debug", check=125).stderr
    assert b"--for: say which level" in home.swarm("syslog", "level", "api", "--for", "1h", check=2).stderr
    assert b"can't write" in home.swarm("syslog", "--export", str(tmp_path / "no" / "log"), check=125).stderr
