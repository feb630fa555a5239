"""What one stream of a log would look like on a terminal: bytes in, in pieces cut anywhere, lines out. Pure.

A carriage return goes back to the beginning of the line, so that a progress bar is one line and not thousands; colours
and titles are taken out; what moves between lines is not followed, for a log has no screen.
"""

import codecs
import re
from typing import Final

MAX_LINE: Final = 16 * 1024
"""Characters after which a line is broken: a log without an end of line must not become one endless text."""
TAB: Final = 8

_HOSTILE: Final = "\u200e\u200f\u202a-\u202e\u2066-\u2069"
SPECIAL: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_HOSTILE}]")
"""All that is not simply shown, but ends of lines and tabs."""
COLOUR: Final = re.compile("\x1b\\[[0-9;:]{0,64}m")
_CSI: Final = "(?:\x1b\\[|\x9b)"
_STRING: Final = "\x1b[\\]PX^_][^\x07\x1b]{0,4096}"
_TOKEN: Final = re.compile(
    f"(?P<plain>[^\t\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_HOSTILE}]+)"
    f"|{_CSI}(?P<args>[0-?]{{0,64}})[ -/]{{0,8}}(?P<final>[@-~])"
    f"|(?P<string>{_STRING}(?:\x07|\x1b\\\\))"
    "|(?P<short>\x1b[ -/]{0,8}[0-OQ-WYZ\\\\`-~])"
    "|(?P<sign>.)",
    re.DOTALL,
)
_BEGUN: Final = re.compile(f"(?:{_CSI}[0-?]{{0,64}}[ -/]{{0,8}}|{_STRING}\x1b?|\x1b[ -/]{{0,8}})\\Z")
"""What may yet become an escape sequence. All have a limit, so that none can swallow the log."""


class LineEditor:
    """The line that is being written, and what is to come of bytes that are not yet whole."""

    def __init__(self) -> None:
        self.text = ""
        self.column = 0
        self.begun = False
        """Whether something was written to it."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def decode(self, data: bytes) -> str:
        """The text of some bytes, with the beginning of an escape sequence that the bytes before ended in."""
        text, self._rest = self._rest + self._decoder.decode(data), ""
        return text

    def forget(self) -> None:
        """What comes next does not go on from what came before."""
        self.text, self.column, self.begun, self._rest = "", 0, False, ""
        self._decoder.reset()

    def take(self) -> str:
        """The line, which has ended; another begins."""
        text = self.text
        self.text, self.column, self.begun = "", 0, False
        return text

    def write(self, text: str) -> str:
        """Text without anything special, as far as it fits; what did not is given back for the next line."""
        room = MAX_LINE - self.column
        part, more = (text, "") if len(text) <= room else (text[:room], text[room:])
        if part:
            if self.column == len(self.text):
                self.text += part
            else:
                before = self.text[: self.column].ljust(self.column)
                self.text = before + part + self.text[self.column + len(part) :]
            self.column += len(part)
            self.begun = True
        return more

    def scan(self, text: str, *, more_may_come: bool) -> list[str]:
        """Text of one line with anything in it; gives the lines that became too long for one."""
        full: list[str] = []
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if kind == "plain":
                self._write_all(token[0], full)
            elif kind == "final":
                self._control(token["args"], token["final"])
            elif kind == "sign":
                if token[0] in "\x1b\x9b" and more_may_come and _BEGUN.match(text, token.start()):
                    self._rest = text[token.start() :]
                    break
                self._sign(token[0], full)
        return full

    def _write_all(self, text: str, full: list[str]) -> None:
        while text := self.write(text):
            full.append(self.take())

    def _sign(self, sign: str, full: list[str]) -> None:
        if sign == "\r":
            self.column = 0
        elif sign == "\b":
            self.column = max(0, self.column - 1)
        elif sign == "\t":
            self._tab()
        elif sign in "\u2028\u2029" or not sign < "\xa0":
            self._write_all("\ufffd", full)

    def _tab(self) -> None:
        self.column = min(MAX_LINE, self.column // TAB * TAB + TAB)
        self.text = self.text.ljust(self.column)
        self.begun = True

    def _control(self, args: str, final: str) -> None:
        """What a control sequence does within the line."""
        if final == "K":
            self._erase(args)
        elif final in "CDG":
            count = max(1, int(args)) if args.isascii() and args.isdigit() and len(args) < 6 else 1
            to = {"C": self.column + count, "D": self.column - count, "G": count - 1}[final]
            self.column = max(0, min(MAX_LINE, to))

    def _erase(self, args: str) -> None:
        if args == "2":
            self.text = ""
        elif args == "1":
            self.text = " " * min(self.column + 1, len(self.text)) + self.text[self.column + 1 :]
        elif args in ("", "0"):
            self.text = self.text[: self.column]
