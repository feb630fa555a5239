"""How a benchmark tells a person what it is at."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes a line."""
