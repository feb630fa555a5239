"""Fixtures every test may use; they start only what a test asks for."""

import signal

pytest_plugins = ["fixtures.servers", "fixtures.seeds", "plugins.in_memory"]


def pytest_configure() -> None:
    """A run in the background of a script is born with Ctrl-C ignored, which tests and what they start must not be."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
