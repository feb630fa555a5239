"""What a Markdown file holds, as far as checks need it: links, headings and code blocks. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced code block: its language, its text, and the line of its first line."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Link:
    """A target, percent-decoded, and its line."""

    target: str
    line: int


@dataclass(frozen=True)
class Page:
    """One file, taken apart."""

    links: tuple[Link, ...]
    anchors: frozenset[str]
    blocks: tuple[Block, ...]


def read(text: str) -> Page:
    """Take a file apart."""
    prose, blocks = _split(text)
    links = tuple(Link(unquote(target), number) for number, line in prose for target in _targets(line))
    return Page(links, frozenset(_anchors(prose)), tuple(blocks))


def _split(text: str) -> tuple[list[tuple[int, str]], list[Block]]:
    """Numbered lines outside code blocks, and the blocks."""
    prose: list[tuple[int, str]] = []
    blocks: list[Block] = []
    fence, language, begin, inside = "", "", 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if not fence and found:
            fence, language, begin, inside = found[1], found[2].lower(), number + 1, []
        elif fence and found and found[1].startswith(fence) and not found[2]:
            blocks.append(Block(language, "\n".join(inside) + "\n", begin))
            fence = ""
        elif fence:
            inside.append(line)
        else:
            prose.append((number, line))
    if fence:
        blocks.append(Block(language, "\n".join(inside) + "\n", begin))
    return prose, blocks


def _targets(line: str) -> list[str]:
    bare = _CODE.sub("", line)
    definition = _DEFINITION.match(bare)
    return [definition[1]] if definition else _LINK.findall(bare)


def _anchors(prose: list[tuple[int, str]]) -> list[str]:
    found: list[str] = []
    for _, line in prose:
        found += _ANCHOR.findall(line)
        if heading := _HEADING.match(line):
            slug = slugify(heading[1])
            again = sum(1 for name in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", name))
            found.append(f"{slug}-{again}" if again else slug)
    return found


def slugify(heading: str) -> str:
    """The anchor that code hosts give a heading."""
    plain = _LINK.sub(lambda found: found[0][1 : found[0].index("]")], heading).replace("`", "").strip().lower()
    kept = (c for c in plain if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).replace(" ", "-")
