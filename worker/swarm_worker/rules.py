"""The packet filter around the network of jobs that may reach the internet: what is closed to them. Pure.

Three chains of the worker's own. One sees what leaves the jobs' bridge for elsewhere (hooked into the engine's
DOCKER-USER), one what is for this machine itself (INPUT); the third is where both refuse. The hooks go by the bridge's
name, and are there before it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

CLOSED: Final = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
"""Loopback, link-local (and with it what clouds tell their machines), private and shared ranges, multicast, and the
rest that is not of the internet."""
_OURS: Final = "-j SWARM-"
FORWARD: Final = "DOCKER-USER"
INPUT: Final = "INPUT"


@dataclass(frozen=True)
class Names:
    """What the parts are called, by eight hex digits of the worker's id: an interface has at most 15 characters."""

    mark: str

    @property
    def network(self) -> str:
        """The engine's network."""
        return f"swarm-egress-{self.mark}"

    @property
    def bridge(self) -> str:
        """Its interface on this machine."""
        return f"swarm-{self.mark}"

    @property
    def hooks(self) -> dict[str, str]:
        """Each chain of the machine's, and the chain of ours that it leads to."""
        return {FORWARD: f"SWARM-OUT-{self.mark}", INPUT: f"SWARM-IN-{self.mark}"}

    @property
    def refusing(self) -> str:
        """The chain that refuses all it is given."""
        return f"SWARM-NO-{self.mark}"

    def hook(self, parent: str) -> str:
        """The rule in a chain of the machine's, as iptables lists it but for `-A PARENT`."""
        return f"-i {self.bridge} -j {self.hooks[parent]}"


def restoring(
    names: Names, listings: dict[str, str], blocked: Iterable[IPv4Network], allowed: Sequence[IPv4Network]
) -> str:
    """What iptables-restore is to take, all at once: our chains anew, and their hooks first where they are not.

    `listings`: what `iptables -S` says of each chain that is hooked. `blocked`: closed beside the fixed ranges.
    """
    out, in_, no = names.hooks[FORWARD], names.hooks[INPUT], names.refusing
    lines = ["*filter", *(f":{chain} - [0:0]" for chain in (out, in_, no))]
    # A reset arrives at once; the kernel sends few ICMP messages a second, and a connection would hang meanwhile.
    lines += [f"-A {no} -p tcp -j REJECT --reject-with tcp-reset"]
    lines += [f"-A {no} -j REJECT --reject-with icmp-admin-prohibited"]
    lines += [f"-A {chain} -d {each} -j RETURN" for chain in (out, in_) for each in allowed]
    lines += [f"-A {out} -d {each} -j {no}" for each in (*CLOSED, *sorted(set(blocked)))]
    lines.append(f"-A {in_} -j {no}")
    for parent, listing in listings.items():
        lines += _hooking(parent, names.hook(parent), listing)
    return "\n".join([*lines, "COMMIT", ""])


def _hooking(parent: str, hook: str, listing: str) -> list[str]:
    """Nothing but hooks of workers may stand before ours: what a rule above it accepts, it never sees."""
    rules = [line.removeprefix(f"-A {parent} ") for line in listing.splitlines() if line.startswith("-A ")]
    at = rules.index(hook) if hook in rules else None
    if at is not None and all(_OURS in rule for rule in rules[:at]):
        return []
    return [*([f"-D {parent} {hook}"] if at is not None else []), f"-I {parent} 1 {hook}"]


def is_open(address: IPv4Network, allowed: Iterable[IPv4Network]) -> bool:
    """Whether jobs reach an address as far as the fixed ranges go."""
    return any(address.subnet_of(each) for each in allowed) or not any(address.subnet_of(each) for each in CLOSED)
