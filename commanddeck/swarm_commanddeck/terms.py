"""Words of a filter: `name:value`, `-name:value`, `"words in quotes"` and plain ones. Pure."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, NamedTuple

_TERM: Final = re.compile(r'(?P<minus>-)?(?:(?P<name>[a-z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))(?=\s|$)')


class Term(NamedTuple):
    """One word of a filter."""

    name: str
    """Empty: it is only text."""
    value: str
    negated: bool


def terms_of(text: str) -> list[Term]:
    """The words. Raises ValueError that says what can't be read."""
    found: list[Term] = []
    at = 0
    while rest := text[at:].strip():
        at = text.index(rest, at)
        match = _TERM.match(text, at)
        if match is None or (not match["name"] and match["plain"] and _is_name(match["plain"])):
            raise ValueError(_trouble(rest))
        value = match["quoted"] if match["quoted"] is not None else match["plain"]
        found.append(Term(match["name"] or "", value, bool(match["minus"])))
        at = match.end()
    return found


def _is_name(word: str) -> bool:
    return word.endswith(":") and word[:-1].isalpha()


def _trouble(rest: str) -> str:
    word = rest.split()[0]
    if word.count('"') % 2 or rest.count('"') % 2:
        return 'a quote is not closed: write "words in quotes"'
    if word.endswith(":"):
        return f"{word} wants a value right after it"
    return f"{word[:40]!r} can't be read here"


def unknown(name: str, names: Iterable[str]) -> str:
    """What to say of a name that is none of these."""
    known = list(names)
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}:?" if close else f"there are {', '.join(f'{each}:' for each in known)}"
    return f"{name}: is no name here; {hint}"
