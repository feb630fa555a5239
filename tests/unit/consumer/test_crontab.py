"""Reading crontabs."""

from swarm_consumer.crontab import Entry, Problem, read_crontab


def test_entries_have_the_variables_above_them() -> None:
    found = read_crontab(
        "A=1\n0 1 * * * one\nA = 'two words'\nSHELL=/bin/bash\nCRON_TZ=UTC\nMAILTO=me\n@daily two\\%\n"
    )
    assert found.problems == []
    assert found.entries == [
        Entry(2, "0 1 * * *", ["/bin/sh", "-c", "one"], None, {"A": "1"}),
        Entry(7, "@daily", ["/bin/bash", "-c", "two%"], "UTC", {"A": "two words"}),
    ]


def test_comments_and_blank_lines_are_nothing() -> None:
    assert read_crontab("# 0 1 * * * no\n\n   \n  # more\n").entries == []


def test_a_command_may_hold_an_equals_sign() -> None:
    [entry] = read_crontab("  */5  * * * *   A=b run --x=y  \n").entries
    assert (entry.cron, entry.command[-1]) == ("*/5 * * * *", "A=b run --x=y")


def test_what_can_not_be_taken_over() -> None:
    found = read_crontab("@reboot boot\n* * * * alone\n0 1 * * * date +%s\n")
    assert found.entries == []
    assert [problem.line for problem in found.problems] == [1, 2, 3]
    assert found.problems[1] == Problem(2, "neither five fields and a command, nor a variable")
