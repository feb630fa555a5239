"""The schema as numbered SQL files, and the runner that applies them."""

from swarm_migrations.runner import Migration, MigrationError, migrate, migrations

__all__ = ["Migration", "MigrationError", "migrate", "migrations"]
