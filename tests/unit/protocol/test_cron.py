"""Reading cron expressions, and what is said of wrong ones."""

import pytest

from swarm_core.recurring.recurrence import recurrence
from swarm_protocol.cron import BadExpression, canonical


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("  */5\t0-3,7 *  JAN-mar sun ", "*/5 0-3,7 * 1-3 0"),
        ("3-3 * * * *", "3 * * * *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * fri-sun", "0 0 * * 0,5,6"),
        ("0 0 * * */2", "0 0 * * */2"),
        ("0 0 * * 1-5/2", "0 0 * * 1,3,5"),
        ("0 0 13 * 0-6", "0 0 * * *"),  # either will do, and one of them is any
        ("0 0 1-31 * 5", "0 0 * * *"),
        ("@Daily", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_what_is_read(text: str, read: str) -> None:
    assert canonical(text) == read


@pytest.mark.parametrize(
    ("text", "part", "says"),
    [
        ("0 25 * * *", "25", "the hour is from 0 to 23"),
        ("60 1 * * *", "60", "the minute is from 0 to 59"),
        ("1,99 1 * * *", "99", "the minute is from 0 to 59"),
        ("0 0 0 * *", "0", "the day of the month is from 1 to 31"),
        ("0 0 * foo *", "foo", "or jan to dec"),
        ("0 0 * * 1-8", "8", "the day of the week is from 0 to 7"),
        ("5/15 * * * *", "5/15", r"write 5-59/15 or \*/15"),
        ("0 22-2 * * *", "22-2", "write two ranges"),
        ("0 0 L * *", "L", "is no day of the month"),
        ("0 0 * * 5#2", "5#2", "can't be read in the day of the week"),
        ("0 0 ? * 1", "?", "can't be read in the day of the month"),
        ("*/0 * * * *", "*/0", "a step of 0 makes no sense"),
        ("1,,2 * * * *", "", "can't be read in the minute"),
        ("* * *", "* * *", "has five fields"),
        ("* * * * * *", "* * * * * *", "not 6"),
        ("", "", "not 0"),
        ("@reboot", "@reboot", "there are: @hourly"),
        ("0 0 30 2 *", "30 2 *", "there is no such day"),
        ("0 0 31 4,6,9,11 *", "31 4,6,9,11 *", "there is no such day"),
        ("² 0 * * *", "²", "is no minute"),
    ],
)
def test_what_is_wrong_is_pointed_at(text: str, part: str, says: str) -> None:
    with pytest.raises(BadExpression, match=says) as caught:
        recurrence(text)
    error = caught.value
    assert error.text[error.at : error.at + error.length] == part
    _, shown, carets = error.shown().splitlines() if error.text else ("", "    ", "    ^")
    assert len(carets) - len(carets.lstrip()) == 4 + error.at
    assert carets.count("^") == max(1, len(part))
    assert shown.strip() == error.text
