"""When silence is long enough."""

from swarm_core.home.patience import Patience, Silence

PATIENCE = Patience(every=5.0, answer=5.0, limit=30.0)


def test_silence_counts_from_the_first_question_without_an_answer() -> None:
    silence = Silence(PATIENCE)
    silent = [silence.missed(asked, asked + 5.0) for asked in (0.0, 10.0, 20.0, 30.0)]
    assert silent == [5.0, 15.0, 25.0, 35.0]
    assert [silence.hung(seconds) for seconds in silent] == [False, False, False, True]


def test_an_answer_forgets_what_was_before() -> None:
    silence = Silence(PATIENCE)
    for asked in (0.0, 10.0, 20.0):
        silence.missed(asked, asked + 5.0)
    silence.heard()
    assert silence.missed(30.0, 35.0) == 5.0
    assert not silence.hung(5.0)


def test_an_hour_in_which_nobody_was_asked_proves_nothing() -> None:
    silence = Silence(PATIENCE)
    silence.missed(0.0, 5.0)
    assert not silence.hung(silence.missed(3600.0, 3605.0))
    assert silence.hung(silence.missed(3610.0, 3615.0))
