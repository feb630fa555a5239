"""What a job may not do: looked at from inside its container, and by what stops it."""

from .harness import IMAGE, Home

CAP: int = 64 * 1024 * 1024
ENGINES = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/sbin/docker-init"}
OWN_MOUNTS = {"/", "/in", "/out", "/tmp", "/run/swarm/progress"} | ENGINES
KERNEL = ("/proc", "/dev", "/sys")


def inside(home: Home, script: str, *flags: str) -> list[str]:
    """Lines that a script prints in a container."""
    return home.swarm("run", *flags, IMAGE, "--", "sh", "-c", script).stdout.decode().splitlines()


def test_no_capability_no_new_privileges_no_root(home: Home) -> None:
    lines = inside(home, "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status")
    found = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
    assert found["Uid"] == ["65534"] * 4
    assert found["Gid"] == ["65534"] * 4
    assert set(found["Groups"]) <= {"65534"}
    assert found["NoNewPrivs"] == ["1"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(found[name][0], 16) == 0, name
    assert b"root" in home.swarm("run", "--user", "0", IMAGE, "--", "id", check=125).stderr


def test_no_network_but_its_own_loopback(home: Home) -> None:
    assert inside(home, "ls /sys/class/net; wc -l < /proc/net/route; cat /proc/net/tcp | wc -l") == ["lo", "1", "1"]
    script = (
        "nc -w 2 127.0.0.1 $PORT </dev/null && echo reached; nc -w 2 172.17.0.1 $PORT </dev/null && echo reached; true"
    )
    assert inside(home, script, "--env", f"PORT={home.port}") == []


def test_nothing_but_its_own_is_mounted_and_the_rest_is_read_only(home: Home) -> None:
    lines = [line.split() for line in inside(home, "cat /proc/mounts")]
    mounts = {target: options.split(",") for _, target, _, options, *_ in lines}
    assert {target for target in mounts if not target.startswith(KERNEL)} <= OWN_MOUNTS
    writable = {target for target, options in mounts.items() if "rw" in options and target in OWN_MOUNTS}
    assert {"/out", "/tmp"} <= writable
    assert "ro" in mounts["/"]
    assert "ro" in mounts["/in"]
    assert "/var/run/docker.sock" not in mounts
    refused = "for d in / /in /etc /bin /sbin /var; do touch $d/x 2>/dev/null && echo $d; done"
    assert inside(home, f"{refused}; touch /out/x /tmp/x && echo both") == ["both"]


def test_a_fork_bomb_meets_its_limit(home: Home) -> None:
    done = home.swarm("run", IMAGE, "--", "sh", "-c", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; true")
    limit = int(done.stdout)
    assert 0 < limit <= 4096
    # Every child but those over the limit is alive at the same time.
    script = f"i=0; while [ $i -lt {limit + 50} ]; do sleep 20 & i=$((i+1)); done; echo all"
    done = home.swarm("run", "--timeout", "30s", IMAGE, "--", "sh", "-c", script, check=False)
    assert b"all" not in done.stdout
    assert b"fork" in done.stderr
    assert home.swarm("run", IMAGE, "--", "echo", "fine").stdout == b"fine\n"


def test_memory_over_the_limit_is_oom_killed_and_told(home: Home) -> None:
    script = "echo before; x=1; while :; do x=$x$x; done"
    job = home.sh(script, "--memory", "16M")
    ended = home.ended(job, "failed")
    assert ended.failure == "oom_killed"
    assert "memory" in (ended.message or "")
    assert ended.attempts[0].oom
    assert home.log(job) == b"before\n"


def test_a_log_over_its_cap_is_cut_and_marked(home: Home) -> None:
    line = b"0123456789abcdef" * 64
    job = home.sh(f"yes {line.decode()} | head -c {CAP + 5_000_000}; echo end >&2", "--timeout", "100s")
    ended = home.ended(job, seconds=120)
    assert ended.attempts[0].log_truncated
    log = home.log(job)
    body, mark = log[:CAP], log[CAP:]
    assert body == (line + b"\n") * (CAP // len(line + b"\n")) + (line + b"\n")[: CAP % len(line + b"\n")]
    assert mark.startswith(b"\n[swarm: the log is cut here")
    assert len(mark) < 200
    home.swarm("rm", str(job))


def test_output_over_its_disk_limit_stops_the_job(home: Home) -> None:
    job = home.sh("dd if=/dev/zero of=/out/big bs=1M count=64 2>/dev/null; sleep 30", "--disk", "16M")
    ended = home.ended(job, "failed")
    assert ended.failure == "output_too_large"
    home.gone(job)
