"""What one speaker is told: the plan writes it, the agent obeys it.

By value and complete, so that a speaker needs nothing else to run and two equal values
behave the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address

from lab.bgp.policy import ACCEPT_ALL, Policy
from lab.bgp.route import Address, Asn, Community, Prefix


class Family(Enum):
    """One session carries one family: IPv4 routes over IPv4, IPv6 routes over IPv6."""

    IPV4 = 4
    IPV6 = 6


@dataclass(frozen=True, slots=True)
class Timers:
    """RFC 4271 section 4.2 and 10; seconds. ``restart`` is the pause after a session was
    dropped for too many prefixes (RFC 4486 section 4, IdleHoldTime)."""

    keepalive: int = 60
    hold: int = 180
    restart: int = 60


@dataclass(frozen=True, slots=True)
class Neighbor:
    """One BGP session as this end is configured.

    ``name`` is unique in the speaker (the far node's name; with the suffix ``-ipv6`` for a
    session over IPv6). ``passive``: this end waits for the TCP connection.
    ``max_prefixes``: more than this many different prefixes received from the peer, whatever
    the import policy thinks of them, and the session is dropped with Cease/1 (RFC 4486),
    then tried again after ``timers.restart``.
    ``max_originations``: IPv4 and IPv6; while this speaker originates more prefixes of either
    family, it keeps the session down (Cease/2), whatever it would tell this neighbour.
    ``add_path``: both ends send and receive several paths per prefix (RFC 7911).
    ``route_reflector_client``: RFC 4456. ``next_hop_self``: also on iBGP sessions.
    ``allow_own_as``: how often this speaker's own AS number may stand in a received AS_PATH
    before the route counts as looped (RFC 4271 section 9.1.2).
    ``ttl``: 1 on a single-hop eBGP session; None leaves the system's default.
    """

    name: str
    local_address: Address
    peer_address: Address
    peer_asn: Asn
    timers: Timers = Timers()
    passive: bool = False
    password: str | None = field(default=None, repr=False)
    ttl: int | None = None
    import_policy: Policy = ACCEPT_ALL
    export_policy: Policy = ACCEPT_ALL
    max_prefixes: int | None = None
    max_originations: tuple[int, int] | None = None
    next_hop_self: bool = False
    route_reflector_client: bool = False
    add_path: bool = False
    allow_own_as: int = 0

    @property
    def family(self) -> Family:
        return Family(self.peer_address.version)

    def excess(self, originated: Iterable[Prefix]) -> str | None:
        """What keeps the session down while the speaker originates these prefixes, if anything."""
        if self.max_originations is None:
            return None
        own: Counter[int] = Counter(prefix.version for prefix in originated)
        for version, limit in zip((4, 6), self.max_originations, strict=True):
            if own[version] > limit:
                return f"more than {limit} IPv{version} prefixes of our own"
        return None


@dataclass(frozen=True, slots=True)
class Origination:
    """A prefix this speaker announces as its own. The kernel has it already (connected or
    static) or is not meant to have it, so it is never installed.

    ``as_path``: as if an AS behind this router had announced it, nearest AS first; our own
    AS number goes in front on export as for any route (RFC 4271 section 5.1.2).
    """

    prefix: Prefix
    communities: frozenset[Community] = frozenset()
    as_path: tuple[Asn, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeakerConfig:
    """One BGP speaker: ExaBGP's sessions and the agent's decisions.

    ``maximum_paths`` bounds ECMP (1 turns multipath off). ``connected``: the networks on
    this speaker's interfaces; a next hop outside all of them is unreachable (RFC 4271
    section 9.1.2.1; the lab has no IGP). ``origination_weight``: that of the speaker's own routes.
    """

    name: str
    asn: Asn
    bgp_identifier: IPv4Address
    neighbors: tuple[Neighbor, ...]
    originations: tuple[Origination, ...] = ()
    connected: tuple[Prefix, ...] = ()
    maximum_paths: int = 8
    origination_weight: int = 0

    def neighbor(self, name: str) -> Neighbor:
        """The neighbour of that name; KeyError when there is none."""
        for neighbor in self.neighbors:
            if neighbor.name == name:
                return neighbor
        raise KeyError(name)
