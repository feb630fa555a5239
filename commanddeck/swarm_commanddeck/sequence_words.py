"""What is said of messages in words: the label of an arrow, what stands beside it, and all that is known. Pure."""

from collections.abc import Sequence
from typing import Final

from swarm_consumer.interactions import Gap, Message, Quiet
from swarm_protocol.quantities import show_seconds, show_size

_SIZES: Final = ("bytes", "spec_bytes")
_PHASES: Final = ("pull", "load", "create", "run", "collect")
_LEFT_OUT: Final = (
    "to",
    "from",
    "result",
    "exit_code",
    "artifacts",
    "beats",
    "pings",
    "leases",
    "by",
    "reason",
    "code",
)
_CLOSED: Final = {
    0: "without a word",
    1000: "in order",
    1006: "broke off",
    1012: "the core stopped",
    4001: "another version",
    4003: "revoked",
    4004: "its token ran out",
    4008: "its lease ran out",
    4009: "replaced by a newer connection",
}
_KINDS: Final = {
    "container_started": "started",
    "container_ended": "ended",
    "token_request": "token?",
    "token_grant": "token",
    "log_ack": "log ok",
}


def label(messages: Sequence[Message], job: int | None = None) -> str:
    """The words on an arrow: kind, attempt or jobs, and how many. Where all is about one `job`, that isn't said."""
    first = messages[0]
    count = sum(message.count for message in messages)
    words = [_kind(first)]
    jobs = {message.job for message in messages} - {None}
    if jobs == {job}:
        words += [f"#{first.attempt}"] if (first.attempt or 0) > 1 else []
    elif len(jobs) == 1:
        words.append(f"{first.job}.{first.attempt}" if first.attempt else str(first.job))
    elif jobs:
        words.append(f"{min(jobs)}…{max(jobs)}")  # type: ignore[type-var]
    if count > 1:
        words.append(f"×{count}")
    return " ".join(words)


def _kind(message: Message) -> str:
    if message.kind in ("state", "submit"):
        to = str(message.detail.get("to", ""))
        return f"→ {to}" if message.kind == "state" else "submit"
    return _KINDS.get(message.kind, message.kind)


def about(messages: Sequence[Message]) -> str:
    """What stands beside: sizes, outcome, why."""
    first = messages[0]
    if first.kind == "quiet":
        return signs_of_life(messages)
    if first.kind == "others":
        return "about jobs of other projects"
    words = ["stale, refused"] if first.refused else []
    words += ["too many to keep"] if first.many else []
    words += _outcome(first) if len(messages) == 1 else []
    size = sum(int(message.detail.get(name, 0)) for message in messages for name in _SIZES)
    words += [f"{show_size(size)}B"] if size else []
    if len(messages) == 1:
        words += [f"{name} {show_seconds(float(first.detail[name]))}" for name in _PHASES if name in first.detail]
        words += _rest(first)
    return ", ".join(words)


def _outcome(message: Message) -> list[str]:
    detail = message.detail
    if message.kind == "closed":
        code = int(detail.get("code", 0))
        return [_CLOSED.get(code, f"code {code}")]
    words = []
    if "result" in detail:
        words.append(str(detail["result"]).replace("_", " "))
    if "exit_code" in detail:
        words.append(f"exit {detail['exit_code']}")
    if detail.get("artifacts"):
        words.append(f"{detail['artifacts']} files")
    if detail.get("reason"):
        words.append(str(detail["reason"]))
    if message.kind == "submit" and detail.get("by"):
        words.append(f"by {_actor(str(detail['by']))}")
    return words


def _rest(message: Message) -> list[str]:
    known = (*_SIZES, *_PHASES, *_LEFT_OUT)
    return [f"{name.replace('_', ' ')} {value}" for name, value in message.detail.items() if name not in known]


def _actor(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return name if kind == "user" else f"{kind} {name}"


def signs_of_life(messages: Sequence[Message]) -> str:
    """`12 beats, 1 ping, 1 renewal`."""
    totals = {name: sum(int(each.detail.get(name, 0)) for each in messages) for name in ("beats", "pings", "leases")}
    return _life(totals["beats"], totals["pings"], totals["leases"])


def _life(beats: int, pings: int, leases: int) -> str:
    counted = ((beats, "beat"), (pings, "ping"), (leases, "renewal"))
    words = [f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counted if count]
    return ", ".join(words) or "silence"


def quiet_words(quiet: Quiet, name: str) -> str:
    """What goes on beside the messages, since the last of them."""
    state = "connected" if quiet.connected else "not connected"
    since = quiet.since.astimezone().strftime("%H:%M:%S")
    return f"{name} is {state}; since {since} {_life(quiet.beats, quiet.pings, quiet.leases)}"


def gap_words(gap: Gap, name: str) -> str:
    """Whose messages are missing, and why."""
    where = f" (core {gap.core})" if gap.core else ""
    return f"{name}: {gap.why}{where}"


def details(messages: Sequence[Message], names: dict[str, str]) -> list[str]:
    """All that is known of a row's messages, a line each; of many the first and the last hundred."""
    cut = len(messages) > 200
    shown = [*messages[:100], *messages[-100:]] if cut else list(messages)
    lines: list[str] = []
    for number, message in enumerate(shown):
        if cut and number == 100:
            lines.append(f"… {len(messages) - 200} more …")
        lines.append(_whole(message, names))
    return lines


def _whole(message: Message, names: dict[str, str]) -> str:
    at = message.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    sides = [
        names.get(message.worker or "", "worker") if s == "worker" else s for s in (message.sender, message.receiver)
    ]
    way = f"{sides[0]} → {sides[1]}" if message.sender != message.receiver else sides[0]
    ref = f" of {message.job}.{message.attempt or 0}" if message.job is not None else ""
    words = [f"{at} {way}: {message.kind}{ref}"]
    words += [f"×{message.count}"] if message.count > 1 else []
    words += ["REFUSED, stale"] if message.refused else []
    words += [f"{name}={value}" for name, value in message.detail.items()]
    words.append("from history" if message.seq is None else f"no. {message.seq}")
    return "  ".join(words)
