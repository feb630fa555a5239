"""`swarm doctor` on a machine where everything runs."""

from .harness import Home


def test_every_side_is_looked_at(home: Home) -> None:
    found = home.until(lambda: healthy(home), "a home that has nothing to complain of")
    assert {"core", "database", "udp", "schema"} <= found["core"].keys()
    assert {"process", "heartbeats", "engine", "quota"} <= found["worker"].keys()
    assert {"sign-in", "certificate", "clock"} <= found["consumer"].keys()


def healthy(home: Home) -> dict[str, dict[str, str]] | None:
    """Texts by side and name; None while something fails, or no beat has come yet."""
    found: dict[str, dict[str, str]] = {}
    seen = home.json("doctor")
    for one in seen["checks"]:
        found.setdefault(one["side"], {})[one["name"]] = one["text"]
    return found if seen["ok"] and "ago" in found["worker"]["heartbeats"] else None
