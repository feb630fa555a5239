"""Recurring jobs through the command."""

from pathlib import Path

import pytest

from .harness import IMAGE, Home

CRONTAB = """\
# what a person has
CRON_TZ=Europe/Berlin
GREETING="good night"
30 2 * * *  echo "$GREETING"
@daily      echo day
@reboot     echo boot
0 25 * * *  echo never
* * * *     alone
5 4 * * 1   date +%s
"""


def test_a_schedule_from_its_making_to_its_end(home: Home, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("one two")
    add = ("schedule", "add", "nightly", "30 2 * * *", "--zone", "Europe/Berlin", "--input", str(tmp_path / "words"))
    made = home.swarm(*add, IMAGE, "--", "sh", "-c", "cat /in/words")
    again = home.swarm(*add, IMAGE, "--", "sh", "-c", "cat /in/words")
    assert made.stdout == again.stdout
    assert b"nightly: 30 2 * * * in Europe/Berlin, next in" in made.stderr
    schedule = int(made.stdout)

    job = int(home.swarm("schedule", "run", "nightly").stdout)
    home.ended(job)
    assert home.log(job) == b"one two"
    shown = home.json("schedule", "show", str(schedule))
    assert (shown["definition"]["cron"], shown["last"]["job"]) == ("30 2 * * *", job)
    assert shown["due_at"].endswith("00:30:00Z") or shown["due_at"].endswith("01:30:00Z")
    [row] = [line for line in home.swarm("schedule", "list").stdout.splitlines() if b"nightly" in line]
    assert b"job %d succeeded" % job in row
    [told] = home.json("schedule", "history", "nightly")
    assert (told["result"], told["job"], told["state"]) == ("manual", job, "succeeded")
    assert [j["name"] for j in home.json("jobs", "--name", "nightly")] == ["nightly"]

    home.swarm("schedule", "pause", "nightly")
    assert home.json("schedule", "show", "nightly")["paused_by"] == "user:root"
    assert b"goes on: next in" in home.swarm("schedule", "resume", "nightly").stderr
    home.swarm("schedule", "edit", "nightly", "--cron", "@hourly", "--overlap", "queue", "--env", "A=1")
    changed = home.json("schedule", "show", "nightly")["definition"]
    assert (changed["cron"], changed["overlap"], changed["job"]["env"]) == ("@hourly", "queue", {"A": "1"})
    assert changed["job"]["command"] == ["sh", "-c", "cat /in/words"]
    home.swarm("schedule", "rm", "nightly")
    assert b"no schedule nightly" in home.swarm("schedule", "show", "nightly", check=125).stderr
    assert home.job(job).state == "succeeded"


def test_looking_ahead(home: Home) -> None:
    done = home.swarm("schedule", "preview", "30 2 * * *", "--zone", "Europe/Berlin", "-n", "3")
    assert len(done.stdout.splitlines()) == 3
    assert all(b"T02:30:00+0" in line for line in done.stdout.splitlines()[:1])
    assert b"T02:30 is left out by the clock: runs once" in done.stderr
    assert b"T02:30 comes twice: runs once" in done.stderr


def test_submit_with_cron_makes_a_schedule(home: Home) -> None:
    made = home.swarm("submit", "--cron", "0 3 * * 0", "--name", "weekly", "--priority", "5", IMAGE, "--", "true")
    shown = home.json("schedule", "show", made.stdout.decode().strip())
    assert (shown["definition"]["name"], shown["definition"]["job"]["priority"]) == ("weekly", 5)
    home.swarm("schedule", "rm", "weekly")
    assert b"no one end to wait for" in home.swarm("run", "--cron", "0 3 * * 0", IMAGE, check=2).stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("0 25 * * *",), 125, "the hour is from 0 to 23\n    0 25 * * *\n      ^^\n"),
        (("0 0 30 2 *",), 125, "there is no such day\n    0 0 30 2 *\n"),
        (("5/15 * * * *",), 125, "write 5-59/15"),
        (("0 2 * * *", "--zone", "Berlin"), 125, "did you mean Europe/Berlin?"),
        (("0 2 * * *", "--end", "2020-01-01T00:00:00Z"), 125, "end: it is in the past"),
        (("0 2 * * *", "--jitter", "much"), 2, "--jitter: 'much' is no duration"),
        (("0 2 * * *", "--overlap", "maybe"), 2, "'maybe' is not one of"),
        (("0 2 * * *", "--at", "+2h"), 2, "the schedule says when a job starts"),
        (("0 2 * * *", "--retries", "-1"), 125, "job.retries: from 0 to 100"),
    ],
)
def test_what_is_wrong_is_said(home: Home, words: tuple[str, ...], code: int, says: str) -> None:
    done = home.swarm("schedule", "add", "wrong", *words, IMAGE, "--", "true", check=code)
    assert says in done.stderr.decode()
    assert done.stdout == b""
    assert b"there is no schedule wrong" in home.swarm("schedule", "show", "wrong", check=125).stderr


def test_an_image_nobody_pushed(home: Home) -> None:
    done = home.swarm("schedule", "add", "ghost", "@daily", "ghost:1", "--", "true", check=125)
    assert b"ghost:1" in done.stderr


def test_a_crontab_is_taken_over(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "crontab.txt"
    file.write_text(CRONTAB)
    words = ("import", "crontab", str(file), "--image", IMAGE, "--prefix", "mine")
    linted = home.swarm(*words, "--lint", check=125)
    assert b"line 4: 30 2 * * * in Europe/Berlin, next" in linted.stdout
    assert b"comes twice: runs once" in linted.stdout
    errors = linted.stderr.decode()
    for said in ("line 6: @reboot", "line 7: cron: '25' is no hour", "line 8: neither five", "line 9: a %"):
        assert said in errors
    assert "4 of 6 entries" in errors
    assert home.json("schedule", "list") == []

    assert home.swarm(*words, check=125).stdout.count(b"mine-") == 2
    job = int(home.swarm("schedule", "run", "mine-4").stdout)
    home.ended(job)
    assert home.log(job) == b"good night\n"
    for name in ("mine-4", "mine-5"):
        home.swarm("schedule", "rm", name)
