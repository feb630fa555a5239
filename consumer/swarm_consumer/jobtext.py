"""A job as a job file (docs/cli.md): every field of its spec, so that reading it again gives the same job.

Files that the core holds are named by their digests. Secrets are names in a spec, and never more.
"""

from typing import Any, Final

from swarm_consumer.apply.items import plain_of
from swarm_protocol.quantities import written_cpu, written_seconds, written_size
from swarm_protocol.spec import JobSpec

_NAMES: Final = {"cpu_millis": "cpu"}
_WIDTH: Final = 100
_MAP: Final = "tag:yaml.org,2002:map"


def job_text(spec: JobSpec) -> str:
    """The YAML of a job; what has its default is left out."""
    return yaml_text(job_document(plain_of(spec)))


def job_document(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec's plain values as a document has them."""
    found = dict(spec)
    if "resources" in found:
        wanted = dict(found["resources"])
        gpus, kind = wanted.pop("gpus", 0), wanted.pop("gpu_kind", "")
        found["resources"] = {_NAMES.get(name, name): _shown(name, value) for name, value in wanted.items()}
        if gpus:
            found["resources"]["gpu"] = f"{gpus}:{kind}" if kind else gpus
    if "timeouts" in found:
        found["timeouts"] = {name: _shown_limit(value) for name, value in found["timeouts"].items()}
    return found


def _shown(name: str, value: Any) -> Any:
    if name == "cpu_millis":
        return written_cpu(value)
    return written_size(value) if name in ("memory", "disk") else value


def _shown_limit(value: float | str | None) -> str:
    """A duration, the end of none, or a signal."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else written_seconds(value)


def yaml_text(document: dict[str, Any]) -> str:
    """YAML as a person would write it: short lists in a line, texts of several lines as such.

    What can't be printed is escaped, so that a terminal may show it.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    class Whole(dict[str, Any]):
        """The document itself, which is never on one line."""

    def text(dumper: Any, value: str) -> Any:
        style = '"' if not _shows(value) else "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    def sequence(dumper: Any, value: list[Any]) -> Any:
        # A text of several lines can't stand in a list that is on one.
        tall = any(isinstance(item, str) and "\n" in item and _shows(item) for item in value)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=False if tall else None)

    Dumper.add_representer(str, text)
    Dumper.add_representer(list, sequence)
    Dumper.add_representer(Whole, lambda dumper, value: dumper.represent_mapping(_MAP, value.items(), flow_style=False))
    written: str = yaml.dump(
        Whole(document), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None
    )
    return "".join(char if char == "\n" or char.isprintable() else _escape(char) for char in written)


def _shows(value: str) -> bool:
    return value.replace("\n", "").isprintable()


def _escape(char: str) -> str:
    """Stands only where `_shows` has said no: between double quotes."""
    return f"\\U{ord(char):08X}"
