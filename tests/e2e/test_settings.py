"""Settings and the audit through the command."""

from .harness import Home


def test_a_setting_is_changed_while_the_core_runs(home: Home) -> None:
    me = home.json("whoami")["user"]
    try:
        made = home.swarm("settings", "set", "retention.deliveries", "90d").stderr.decode()
        assert made == "retention.deliveries is 90d now (set), on all cores within seconds\n"
        shown = home.swarm("settings", "show", "retention.deliveries").stdout.decode()
        assert "range    1h to 3650d" in shown
        assert f"changed  user:{me}" in shown
        [row] = [
            line for line in home.swarm("settings", "list", "--changed").stdout.decode().splitlines() if me in line
        ]
        assert row.split()[:4] == ["retention.deliveries", "90d", "30d", "set"]
        refused = home.swarm("settings", "set", "retention.deliveries", "1m", check=125).stderr.decode()
        assert "retention.deliveries is a time from 1h to 3650d" in refused
        assert b"can't change while cores run" in home.swarm("settings", "set", "port", "1", check=125).stderr
    finally:
        home.swarm("settings", "reset", "retention.deliveries")
    history = home.swarm("settings", "history", "retention.deliveries").stdout.decode().splitlines()
    assert [line.split()[2:] for line in history[1:3]] == [
        [f"user:{me}", "90d", "30d", "reset"],
        [f"user:{me}", "30d", "90d"],
    ]
    done = home.json("audit", "--actor", me, "--subject", "retention.deliveries", "-n", "2")
    assert [(each["action"], each["detail"]) for each in done] == [
        ("reset_setting", {"old": 7776000.0, "new": 2592000.0, "unit": "seconds"}),
        ("set_setting", {"old": 2592000.0, "new": 7776000.0, "unit": "seconds"}),
    ]


def test_the_audit_is_shown_narrowed_and_followed(home: Home) -> None:
    home.swarm("token", "add", "audited", "--ttl", "1h")
    listed = home.swarm("token", "list", "--all").stdout.decode()
    assert "audited" in listed
    child = home.start("audit", "-f", "--action", "remove_token", "-n", "1")
    try:
        home.swarm("token", "rm", "audited", "--user", home.json("whoami")["user"])
        assert child.stdout is not None
        line = child.stdout.readline().decode()
        while "audited" not in line:
            line = child.stdout.readline().decode()
    finally:
        child.terminate()
        child.communicate(timeout=30)
    assert "remove_token  audited  of=" in line
    assert b"ACTION" in home.swarm("audit", "--since", "1h").stdout
    assert b"--since: 'soon' is no time" in home.swarm("audit", "--since", "soon", check=2).stderr
    assert b"doesn't go with --until" in home.swarm("audit", "-f", "--until", "1h", check=2).stderr
    here = home.swarm("user", "sign-ins").stdout.decode()
    assert home.json("whoami")["user"] in here
