"""Programs that the tests need: which are missing, and what to run."""

from tools.machine import Machine
from tools.programs import command_to_run, lacking


def test_what_is_there_is_not_installed() -> None:
    assert lacking(lambda program: f"/usr/bin/{program}") == []
    assert lacking(lambda program: None if program == "ssh" else "/x") == ["openssh-client"]
    assert lacking(lambda program: None) == ["openssh-client", "systemd", "tmux", "chromium"]


def test_what_a_person_runs() -> None:
    debian = Machine(root=False, debian=True, systemd=False)
    assert command_to_run(debian, ["openssh-client"]).endswith(
        "sudo apt-get install -y --no-install-recommends openssh-client"
    )
    other = Machine(root=True, debian=False, systemd=True)
    assert "openssh-client systemd; install them" in command_to_run(other, ["openssh-client", "systemd"])
