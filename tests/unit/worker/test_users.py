"""Who is root, however it is written."""

import pytest

from swarm_worker.runtimes.users import Standing, is_number, is_root, standing, uid


@pytest.mark.parametrize("user", ["", "0", "000", "root", "0:5", "root:staff", ":5", " 0"])
def test_root_as_it_stands(user: str) -> None:
    assert is_root(user)


@pytest.mark.parametrize("user", ["+0", "-0", "٠", "²", "0x0", "app", "1_0", "5 ", " 5"])
def test_only_plain_digits_are_a_number(user: str) -> None:
    assert not is_number(user)
    assert not is_root(user)


@pytest.mark.parametrize("user", ["1", "65534", "1000:1000", "9" * 5000])
def test_other_numbers_are_not_root(user: str) -> None:
    assert is_number(user)
    assert not is_root(user)


def test_a_name_with_a_space_is_not_taken_for_the_number() -> None:
    assert standing(b"5 :x:0:0\n", "5 ") is Standing.ROOT


@pytest.mark.parametrize(
    ("passwd", "expected"),
    [
        (b"", Standing.UNKNOWN),
        (b"root:x:0:0::/:/bin/sh\n", Standing.UNKNOWN),
        (b"app:x:5:5::/:/bin/sh\n", Standing.ORDINARY),
        (b"app:x:0:5::/:/bin/sh\n", Standing.ROOT),
        (b"app:x:00:5", Standing.ROOT),
        (b"app:x:+0:5", Standing.ROOT),
        (b"app:x:none:5", Standing.ROOT),
        (b"app:x::5", Standing.ROOT),
        (b"app", Standing.ROOT),
        (b"app:x:5:5\napp:x:0:0\n", Standing.ROOT),
        (b"app:x:5:5\n  app:x:0:0\n", Standing.ROOT),
        (b"\xc2\xa0app:x:0:0\r\napp:x:5:5", Standing.ROOT),
        (b"\xff\xfe\nxapp:x:0:0\napp:x:5:5", Standing.ORDINARY),
    ],
)
def test_what_a_file_says(passwd: bytes, expected: Standing) -> None:
    assert standing(passwd, "app:group") is expected


@pytest.mark.parametrize(("user", "number"), [("7", 7), ("0042:5", 42), ("app", 1000), ("app:wheel", 1000)])
def test_the_number_of_a_user(user: str, number: int) -> None:
    assert uid(b"root:x:0:0\napp:x:1000:1000\napp:x:1001:1\n", user) == number
