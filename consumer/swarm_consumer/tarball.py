"""Reads the headers of an uncompressed tar: names and where the bytes of each file stand.

Made for hostile input: every length is checked against the file's, extended headers are bounded, and nothing is
ever unpacked. Understands ustar, GNU long names and pax (POSIX.1-2001), which is all that image archives use.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 512
MAX_EXTENDED = 64 * 1024
"""Bytes of one extended header: a name is at most 4 KiB."""


class TarError(ValueError):
    """A file that is no whole, ordinary tar; the message says what is wrong."""


@dataclass(frozen=True)
class Member:
    """One entry: `kind` is `file`, `folder`, `symlink`, `hardlink` or `other`."""

    name: str
    kind: str
    offset: int
    size: int
    link: str = ""


_KINDS = {b"0": "file", b"\0": "file", b"7": "file", b"5": "folder", b"2": "symlink", b"1": "hardlink"}


def members(file: BinaryIO, length: int, most: int) -> Iterator[Member]:
    """The entries of a tar of `length` bytes, at most `most`. Raises TarError."""
    at, seen, records = 0, 0, dict[str, str]()
    while (block := _block(file, at, length)) is not None:
        seen += 1
        if seen > most:
            raise TarError(f"it holds more than {most} entries")
        flag, data = block[156:157], at + BLOCK
        size = _size(block, flag, records)
        at = data + (size + BLOCK - 1) // BLOCK * BLOCK
        if data + size > length:
            raise TarError("it is cut short")
        if flag in b"xgLK":
            records |= _extended(file, flag, data, size)
            continue
        yield _member(block, flag, data, size, records)
        records = {}


def _size(block: bytes, flag: bytes, records: dict[str, str]) -> int:
    """Bytes of data after the header; a pax record holds those that eight octal digits can't."""
    if _KINDS.get(flag) in ("folder", "symlink", "hardlink"):
        return 0
    told = records.get("size", "")
    return int(told) if told.isdigit() and len(told) < 20 and flag not in b"xgLK" else _number(block[124:136])


def _block(file: BinaryIO, at: int, length: int) -> bytes | None:
    """The header at this place, or None at the end."""
    file.seek(at)
    block = file.read(BLOCK)
    if len(block) < BLOCK or not block.strip(b"\0"):
        if at == 0 or (block and len(block) < BLOCK):
            raise TarError("it is no tar archive" if at == 0 else "it is cut short")
        if not block and at > length:
            raise TarError("it is cut short")
        return None
    if not _is_sound(block):
        raise TarError("it is no tar archive" if at == 0 else "a header in it is damaged")
    return block


def _is_sound(block: bytes) -> bool:
    """Whether the header's checksum is right, and its numbers are numbers."""
    try:
        _number(block[124:136])
        return sum(block) - sum(block[148:156]) + 8 * 0x20 == _number(block[148:156])
    except TarError:
        return False


def _number(field: bytes) -> int:
    """Octal digits, or base 256 with the high bit set, as GNU tar writes large ones."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    if text.strip(b"01234567"):
        raise TarError("a header in it is damaged")
    return int(text, 8) if text else 0


def _extended(file: BinaryIO, flag: bytes, offset: int, size: int) -> dict[str, str]:
    if size > MAX_EXTENDED:
        raise TarError(f"an extended header of {size} bytes is over the limit of {MAX_EXTENDED}")
    file.seek(offset)
    data = file.read(size)
    if flag == b"g":
        return {}
    if flag in b"LK":
        return {"path" if flag == b"L" else "linkpath": _text(data.rstrip(b"\0"))}
    return _pax(data)


def _pax(data: bytes) -> dict[str, str]:
    """Records of the form `<length> <key>=<value>\\n`."""
    records: dict[str, str] = {}
    while data.strip(b"\0"):
        digits, space, _ = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        record = data[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if not space or not equals or not record.endswith(b"\n") or length > len(data):
            raise TarError("an extended header in it is damaged")
        records[_text(key)] = _text(value[:-1])
        data = data[length:]
    return records


def _member(block: bytes, flag: bytes, data: int, size: int, records: dict[str, str]) -> Member:
    if any(key.startswith("GNU.sparse") for key in records) or flag == b"S":
        raise TarError("it holds a sparse file")
    name = _text(block[:100].split(b"\0")[0])
    prefix = _text(block[345:500].split(b"\0")[0]) if block[257:263] == b"ustar\0" else ""
    name = records.get("path") or (f"{prefix}/{name}" if prefix else name)
    link = records.get("linkpath") or _text(block[157:257].split(b"\0")[0])
    kind = _KINDS.get(flag, "other")
    if kind == "file" and name.endswith("/"):
        kind = "folder"
    return Member(name, kind, data, size, link if kind in ("symlink", "hardlink") else "")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
