"""Fixtures every test may use; they start only what a test asks for."""

pytest_plugins = ["fixtures.servers", "fixtures.seeds", "plugins.in_memory"]
