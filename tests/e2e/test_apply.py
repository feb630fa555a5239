"""Files in version control, usage and limits, through the command."""

from pathlib import Path

from .harness import IMAGE, Home

FILES = f"""\
kind: project
name: crop
---
kind: limits
project: crop
queued: 1000
cpu: 2500m
---
kind: mount
name: barn
path: /srv/barn
projects: {{crop: {{uid: 1000}}}}
---
kind: schedule
project: default
name: harvest
cron: "30 2 * * *"
zone: Europe/Berlin
job:
  image: {IMAGE}
  command: [echo, "yes"]
"""


def test_apply_export_and_prune(home: Home, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(FILES)
    path = ("-f", str(tmp_path / "all.yaml"))
    try:
        differs = home.swarm("apply", *path, "--diff", check=1).stdout.decode()
        assert "+ schedule default/harvest" in differs
        assert '    zone: "Europe/Berlin"\n' in differs
        assert (
            home.swarm("apply", *path).stdout
            == b"made project crop\nmade limits crop\nmade mount barn\nmade schedule default/harvest\n"
        )
        assert home.swarm("apply", *path, "--diff").stdout == b""
        assert b"all is as the files say" in home.swarm("apply", *path).stderr

        out = tmp_path / "out"
        written = home.swarm("export", "-o", str(out)).stdout.decode().split()
        assert f"{out}/default/schedules/harvest.yaml" in written
        assert f"{out}/_swarm/mounts/barn.yaml" in written
        scope = home.swarm("apply", "-f", str(out), "--prune", "--diff").stderr
        assert b"and every mount that no file has, of the whole swarm, since files name one" in scope
        home.swarm("mount", "edit", "barn", "--ro")
        differs = home.swarm("apply", *path, "--diff", check=1).stdout.decode()
        assert f"~ mount barn  ({tmp_path}/all.yaml:" in differs
        assert "    read_only: true → false\n" in differs
        assert home.swarm("apply", *path).stdout == b"changed mount barn\n"
        assert "kind: limits\nproject: crop\nqueued: 1000\ncpu: 2500m\n" in home.swarm("export").stdout.decode()

        (out / "default" / "schedules" / "harvest.yaml").unlink()
        kept = home.swarm("apply", "-f", str(out))
        assert b"in no file, and left alone: schedule default/harvest" in kept.stderr
        refused = home.swarm("apply", "-f", str(out), "--prune", check=2)
        assert b"- schedule default/harvest is in no file, and is to be removed" in refused.stderr
        assert b"nothing was done\nhint: --yes does it" in refused.stderr
        assert home.swarm("apply", "-f", str(out), "--prune", "--yes").stdout == b"removed schedule default/harvest\n"
        assert home.swarm("project", "limits", "crop", "--memory", "1G").stdout.split()[-3:] == [b"memory", b"0", b"1G"]
    finally:
        home.swarm("mount", "rm", "barn", check=False)
        home.swarm("project", "rm", "crop", check=False)
        home.swarm("schedule", "rm", "harvest", check=False)


def test_usage_of_what_ran(home: Home) -> None:
    job = home.sh("exit 0", "--name", "harvest", "--memory", "64M")
    home.ended(job)
    [line] = [each for each in home.json("usage", "--by", "name")["items"] if each["name"] == "harvest"]
    assert (line["succeeded"], line["attempts"]) == (1, 1)
    assert line["cpu_seconds"] > 0
    assert b"harvest" in home.swarm("usage", "--by", "name", "--since", "1h", "--project", "default").stdout


def test_what_is_wrong_is_said(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: schedule\nname: a\ncron: '@daily'\njob: {image: a, comand: [b]}\n")
    wrong = home.swarm("apply", "-f", str(tmp_path / "a.yaml"), check=125).stderr.decode()
    assert f"{tmp_path}/a.yaml:4: job.comand: there is no such field; did you mean `command`?" in wrong
    (tmp_path / "none").mkdir()
    assert b"there is no document in" in home.swarm("apply", "-f", str(tmp_path / "none"), check=2).stderr
    assert b"'job' is none of project, limits, mount, schedule" in home.swarm("export", "--kind", "job", check=2).stderr
    assert b"'soon' is no time; write it like 90m" in home.swarm("usage", "--since", "soon", check=2).stderr
    assert b"--cpu: 'much' is no amount" in home.swarm("project", "limits", "default", "--cpu", "much", check=2).stderr
    assert (
        b"--reset goes without" in home.swarm("project", "limits", "default", "--reset", "--cpu", "1", check=2).stderr
    )
