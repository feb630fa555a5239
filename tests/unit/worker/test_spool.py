"""What is kept of a log, and where it is cut."""

from pathlib import Path

from swarm_worker.spool import Resume, Spool


def test_a_log_over_its_cap_ends_with_a_mark(tmp_path: Path) -> None:
    spool = Spool(tmp_path, cap=10)
    spool.append(1, b"12345678")
    spool.append(2, b"12345678")
    spool.append(1, b"more")
    assert spool.read(1, 0, 100) == b"12345678"
    assert spool.read(2, 0, 100) == b"12\n[swarm: the log is cut here: it passed its limit of 10]\n"
    assert spool.truncated


def test_a_log_read_again_is_taken_from_where_it_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path, cap=1000)
    Resume(spool, 10_000).feed(1, b"one\ntwo\n")
    again = Resume(spool, 10_000)
    again.feed(1, b"one\nt")
    again.feed(1, b"wo\nthree\n")
    assert spool.read(1, 0, 100) == b"one\ntwo\nthree\n"
    assert not spool.truncated


def test_a_log_whose_start_the_engine_threw_away_is_cut(tmp_path: Path) -> None:
    spool = Spool(tmp_path, cap=1000)
    Resume(spool, 10_000).feed(1, b"one\ntwo\n")
    Resume(spool, 10_000).feed(1, b"two\nthree\n")
    assert spool.read(1, 0, 100).startswith(b"one\ntwo\n\n[swarm: the log is cut here: the engine kept only its end")


def test_a_log_is_cut_before_the_engines_own_copy_is_full(tmp_path: Path) -> None:
    spool = Spool(tmp_path, cap=1_000_000)
    resume = Resume(spool, engine_keeps=34 * 100)
    for _ in range(99):
        resume.feed(1, b"a\n")
    assert not spool.truncated
    resume.feed(2, b"a\n")
    assert spool.truncated
    assert spool.read(2, 0, 100).endswith(b"the engine keeps no more of so many short lines]\n")
