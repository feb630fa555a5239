"""When progress is worth a line."""

from swarm_consumer.cli.pace import Pace, brief, spoken


def test_new_words_or_a_twentieth_more_are_worth_a_line() -> None:
    pace = Pace()
    said = [
        pace.line(fraction, text) for fraction, text in ((0.0, "a"), (0.02, "a"), (0.06, "a"), (0.07, "b"), (0.07, "b"))
    ]
    assert said == ["0% a", None, "6% a", "7% b", None]
    assert pace.line(0.96, "b") == "96% b"
    assert pace.line(1.0, "b") == "100% b"
    assert pace.line(1.0, "b") is None
    assert pace.line(0.2, "b") == "20% b", "a later attempt begins anew"


def test_it_is_shown_in_one_plain_line() -> None:
    assert spoken(0.999, "x\x1b[2J\ny") == "99% x�[2J y"
    assert spoken(0.29, "") == "29%"
    assert len(brief(0.5, "x" * 100)) == 40
