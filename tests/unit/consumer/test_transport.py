"""Retries and renewals on a scripted wire and a clock that jumps."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import Failure, RetryPolicy, next_delay
from swarm_consumer.transport import Call, Transport, error_of
from swarm_consumer.trust import is_loopback, normal_url, same_fingerprint
from swarm_consumer.wire import Answer, WireError
from swarm_protocol.errors import SwarmError

CA = """\
-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUeIcCR2pmOtK8lH3JFGGXL7HjVFgwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
"""


class FakeClock:
    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Script:
    """Answers one after the other."""

    def __init__(self, *answers: Answer | WireError) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, str, Mapping[str, str]]] = []

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        self.seen.append((method, target, headers))
        answer = self.answers.pop(0)
        if isinstance(answer, WireError):
            raise answer
        return answer

    async def close(self) -> None:
        pass


OK = Answer(200, {}, b"{}")
BUSY = Answer(503, {"retry-after": "2"}, b"")
NOT_SENT = WireError("refused", sent=False)
BROKEN = WireError("reset", sent=True)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> "type[Transport]":
    monkeypatch.setattr("swarm_consumer.transport.pinned_context", lambda _: None)
    held = Credentials(url="https://c:1", user="u", ca_pem=CA, refresh_token="r", access_token="a", expires_at=1e9)

    def transport(script: Script, patience: float = 10.0) -> Transport:
        policy = RetryPolicy(patience=patience)
        return Transport(held, wire=script, clock=clock, policy=policy, jitter=lambda: 1.0)

    return transport  # type: ignore[return-value]


async def test_what_is_safe_is_sent_again(make: "type[Transport]", clock: FakeClock) -> None:
    script = Script(NOT_SENT, BROKEN, BUSY, Answer(502), OK)
    assert (await make(script).send(Call("GET", "/x"))).status == 200  # type: ignore[arg-type]
    assert clock.slept == [0.1, 0.2, 2.0, 0.8]


async def test_what_is_not_safe_is_sent_again_only_where_nothing_happened(
    make: "type[Transport]", clock: FakeClock
) -> None:
    post = Call("POST", "/x")
    script = Script(NOT_SENT, Answer(429, {"retry-after": "1"}), OK)
    assert (await make(script).send(post)).status == 200  # type: ignore[arg-type]
    for ending in (BROKEN, BUSY):
        with pytest.raises(SwarmError) as caught:
            await make(Script(ending, OK)).send(post)  # type: ignore[arg-type]
        assert caught.value.code == "unavailable"
    keyed = Call("POST", "/x", headers={"Idempotency-Key": "k"})
    assert (await make(Script(BROKEN, OK)).send(keyed)).status == 200  # type: ignore[arg-type]


async def test_patience_ends(make: "type[Transport]", clock: FakeClock) -> None:
    with pytest.raises(SwarmError, match="no answer from the core at https://c:1: refused"):
        await make(Script(*[NOT_SENT] * 50), 1.0).send(Call("GET", "/x"))  # type: ignore[arg-type, call-arg]
    assert sum(clock.slept) <= 1.0
    with pytest.raises(SwarmError) as caught:
        await make(Script(Answer(503, {"retry-after": "60"}))).send(Call("GET", "/x"))  # type: ignore[arg-type]
    assert caught.value.retry_after == 60


async def test_a_certificate_of_another_core_is_not_tried_again(make: "type[Transport]", clock: FakeClock) -> None:
    other = WireError("CERTIFICATE_VERIFY_FAILED", sent=False, untrusted=True)
    with pytest.raises(SwarmError, match="does not have the certificate known here"):
        await make(Script(other, OK)).send(Call("GET", "/x"))  # type: ignore[arg-type]
    assert clock.slept == []


async def test_a_refused_token_is_renewed_once(make: "type[Transport]") -> None:
    grant = Answer(200, {}, b'{"access_token": "b", "expires_in": 900}')
    script = Script(Answer(401), grant, OK)
    await make(script).send(Call("GET", "/x"))  # type: ignore[arg-type]
    assert [s[2].get("Authorization") for s in script.seen] == ["Bearer a", None, "Bearer b"]
    twice = Script(Answer(401), grant, Answer(401))
    with pytest.raises(SwarmError) as caught:
        await make(twice).send(Call("GET", "/x"))  # type: ignore[arg-type]
    assert caught.value.code == "unauthenticated"


@given(
    st.sampled_from(Failure),
    st.booleans(),
    st.integers(1, 500),
    st.floats(0, 1000),
    st.none() | st.floats(0, 1000),
    st.floats(0, 1),
)
def test_delays_are_bounded(
    failure: Failure, repeatable: bool, tries: int, spent: float, after: float | None, jitter: float
) -> None:
    policy = RetryPolicy()
    delay = next_delay(
        policy, failure, repeatable=repeatable, tries=tries, spent=spent, retry_after=after, jitter=jitter
    )
    if delay is None:
        return
    assert spent + delay <= policy.patience
    assert delay >= (after or 0)
    assert repeatable or failure in (Failure.NOT_SENT, Failure.REFUSED)


def test_answers_that_are_no_problem_documents_are_errors_too() -> None:
    error = error_of(Answer(413, {}, b"<html>"), Call("PUT", "/blobs/x"))
    assert (error.code, error.message) == (
        "too_large",
        "the core answered 413 to PUT /blobs/x and did not say why",
    )
    told = error_of(Answer(422, {}, b'{"code": "new", "title": "t", "status": 422, "hint": "h"}'), Call("GET", "/x"))
    assert (told.code, told.message, told.hint) == ("new", "t", "h")


def test_addresses() -> None:
    assert normal_url("core") == "https://core:8443"
    assert normal_url("wss://core:9/") == "https://core:9"
    assert normal_url("[::1]:9") == "https://[::1]:9"
    for wrong in ("http://core", "https://core/path", "", "https://core:99999"):
        with pytest.raises(SwarmError, match="is no address of a core"):
            normal_url(wrong)
    assert [is_loopback(url) for url in ("https://127.0.0.1:1", "https://[::1]:1", "https://core:1")] == [
        1,
        1,
        0,
    ]


def test_fingerprints_as_people_write_them() -> None:
    actual = "ab" * 16
    assert same_fingerprint("AB:" * 15 + "AB", actual)
    assert same_fingerprint(actual + "cd" * 16, actual)
    assert not same_fingerprint("ab" * 15, actual)
    assert not same_fingerprint("", actual)


async def test_a_closed_client_opens_nothing_any_more(make: "type[Transport]") -> None:
    transport = make(Script())  # type: ignore[arg-type]
    await transport.close()
    with pytest.raises(SwarmError, match="this client is closed"):
        await transport.send(Call("GET", "/x"))
