"""The whole of it for somebody who is not root, but in the group of the engine's socket."""

import os
import pwd

import psutil

from .conftest import NewHome
from .harness import IMAGE, Home
from .ordinary import become

SCRIPT = "id -u; cat /in/words; umask 077; mkdir -p /out/deep; cp /in/words /out/deep/copy; sleep 0.2"


def test_a_home_of_an_ordinary_user(new_home: NewHome) -> None:
    home = new_home(fresh=True)
    user = os.geteuid()
    if user == 0:
        user = pwd.getpwnam("daemon").pw_uid  # an account, for initdb wants a name
        home.belongs_to(user, *become(user))
    words = home.folder / "words"
    words.write_text("one\ntwo\n")

    home.up()
    home.push()
    done = home.swarm("run", "--input", str(words), IMAGE, "--", "sh", "-c", SCRIPT)

    assert done.stdout.decode().split() == [str(user), "one", "two"], "containers run as their worker's user"
    assert all(set(psutil.Process(pid).uids()) == {user} for pid in home.pids().values())
    home.swarm("fetch", "1", "--to", "got")
    copy = home.folder / "got" / "deep" / "copy"
    assert copy.read_text() == "one\ntwo\n"
    assert copy.stat().st_uid == user
    home.kill("worker")
    home.whole()
    assert home.swarm("run", IMAGE, "--", "echo", "again").stdout == b"again\n"
    home.down()
    assert left_of_jobs(home) == []


def left_of_jobs(home: Home) -> list[str]:
    """What the worker still keeps of attempts."""
    return [str(path) for path in (home.folder / "worker" / "attempts").glob("*")]
