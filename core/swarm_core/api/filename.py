"""`{name:file}` in a route: a file's path, line breaks too, where the router's own `path` ends."""

from starlette.convertors import PathConvertor, register_url_convertor


class FilePath(PathConvertor):
    """Any characters, and at least one."""

    regex = "(?s:.+)"


def register() -> None:
    """Let routes say it. Idempotent."""
    register_url_convertor("file", FilePath())
