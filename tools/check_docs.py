"""`make check`: every Markdown file's links lead somewhere, its code parses, the commands it shows exist."""

import ast
import json
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.doc_commands import check_make, check_swarm, make_targets, shell_commands
from tools.failure import exit_with, say
from tools.markdown import Block, Page, read

ROOT = Path(__file__).resolve().parent.parent
_ELSEWHERE = ("http://", "https://", "mailto:")


def main() -> int:
    """Print each fault with its place; 1 when there is any."""
    pages = markdown_files(ROOT)
    faults = [fault for page in pages for fault in check(page, ROOT)]
    for fault in faults:
        say(fault)
    say(f"documents: {len(pages)} files, {len(faults)} faults")
    return 1 if faults else 0


def markdown_files(root: Path) -> list[Path]:
    """Those of the repository, also not yet committed ones."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for name in sorted(set(told.split("\0")) - {""}) if (path := root / name).is_file()]


def check(path: Path, root: Path) -> Iterator[str]:
    """All faults of one file, as `file:line: what`."""
    page, name = read(path.read_text()), path.relative_to(root)
    for link in page.links:
        if fault := check_link(link.target, path, page):
            yield f"{name}:{link.line}: {fault}"
    for block in page.blocks:
        for line, fault in check_block(block, root):
            yield f"{name}:{line}: {fault}"


def check_link(target: str, path: Path, page: Page) -> str | None:
    """What is wrong with a link; those that leave the repository are not followed."""
    if target.startswith(_ELSEWHERE):
        return None
    file, _, anchor = target.partition("#")
    there = (path.parent / file).resolve() if file else path
    if not there.exists():
        return f"link to {target}: there is no such file"
    if not anchor or there.suffix != ".md":
        return None
    anchors = page.anchors if there == path else read(there.read_text()).anchors
    return None if anchor in anchors else f"link to {target}: there is no such heading"


def check_block(block: Block, root: Path) -> Iterator[tuple[int, str]]:
    """Line and fault of what is wrong in a code block."""
    if block.language in ("sh", "bash", "shell", "console"):
        yield from _check_shell(block, root)
    elif parse := _PARSERS.get(block.language):
        try:
            parse(block.text)
        except (SyntaxError, ValueError, yaml.YAMLError) as error:
            yield block.line, f"this {block.language} block does not parse: {' '.join(str(error).split())}"


def _compile(text: str) -> None:
    compile(text, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "python": _compile,
    "py": _compile,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "json": json.loads,
    "toml": tomllib.loads,
}


def _check_shell(block: Block, root: Path) -> Iterator[tuple[int, str]]:
    # In a session, lines without a prompt are output.
    shown = block.text.splitlines()
    kept = [line if block.language != "console" or line.startswith("$ ") else "" for line in shown]
    try:
        for line, words in shell_commands("\n".join(kept)):
            if fault := _check_command(words, root):
                yield block.line + line, fault
    except ValueError as error:
        yield block.line, f"this {block.language} block can't be read: {error}"


def _check_command(words: list[str], root: Path) -> str | None:
    match words[0]:
        case "swarm":
            return check_swarm(words, _swarm())
        case "make":
            return check_make(words, make_targets(root / "Makefile"))
    return None


@cache
def _swarm() -> Any:
    import typer

    from swarm_consumer.cli.main import app

    return typer.main.get_command(app)


if __name__ == "__main__":
    exit_with(main)
