"""The tar reader: what tarfile writes is read the same; anything else is refused, never trusted."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_consumer.tarball import MAX_EXTENDED, Member, TarError, members

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200).filter(
    lambda text: not text.endswith("/")
)
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def _tar(entries: list[tuple[str, bytes]], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _read(data: bytes, most: int = 1000) -> list[Member]:
    return list(members(io.BytesIO(data), len(data), most))


@given(st.lists(st.tuples(names, st.binary(max_size=1500)), min_size=1, max_size=6), st.sampled_from(FORMATS[1:]))
def test_every_file_is_found_with_its_bytes(entries: list[tuple[str, bytes]], kind: int) -> None:
    data = _tar(entries, kind)
    found = [(m.name, data[m.offset : m.offset + m.size], m.kind) for m in _read(data)]
    assert found == [(name, body, "file") for name, body in entries]


def test_links_folders_and_devices_are_told_apart() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        kinds = (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(f"prefix{'x' * 90}/{number}")
            info.type, info.linkname = kind, "to"
            archive.addfile(info)
    found = _read(buffer.getvalue())
    assert [m.kind for m in found] == ["folder", "symlink", "hardlink", "other", "other"]
    assert found[1].link == "to"
    assert found[1].name == f"prefix{'x' * 90}/1"


@given(st.binary(max_size=3000))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(TarError):
        _read(data)


@given(st.data())
def test_a_damaged_archive_is_read_within_its_bounds_or_refused(data: st.DataObject) -> None:
    whole = bytearray(_tar([("a", b"1" * 700), ("b", b"2" * 10)]))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        found = _read(cut)
    except TarError:
        return
    assert all(m.offset >= 0 and m.offset + m.size <= len(cut) for m in found)


def test_what_is_cut_short_is_said() -> None:
    whole = _tar([("a", b"1" * 5000)])
    with pytest.raises(TarError, match="cut short"):
        _read(whole[:2000])
    with pytest.raises(TarError, match="no tar"):
        _read(b"")


def test_limits_hold() -> None:
    with pytest.raises(TarError, match="more than 3 entries"):
        _read(_tar([(str(n), b"") for n in range(4)]), most=3)
    with pytest.raises(TarError, match="over the limit"):
        _read(_tar([("x" * (MAX_EXTENDED + 1), b"")]))


def test_sparse_files_are_refused() -> None:
    info = tarfile.TarInfo("s")
    info.pax_headers = {"GNU.sparse.map": "0,1"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    with pytest.raises(TarError, match="sparse"):
        _read(buffer.getvalue())


def test_a_size_in_a_pax_record_counts() -> None:
    """As archives with layers over 8 GiB have it: the header's own field can't hold the number."""
    whole = _tar([("big", b"x" * 1000)])
    info = tarfile.TarInfo("big")
    info.pax_headers = {"size": "1000"}
    header = info.tobuf(tarfile.PAX_FORMAT)
    found = _read(header + whole[512:])
    assert (found[0].size, found[0].name) == (1000, "big")
