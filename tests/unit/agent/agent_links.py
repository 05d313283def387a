"""Both ends of a BGP session as ExaBGP negotiates it, without a connection.

Configured by our own rendering, and each end has the other's OPEN from the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address, ip_address
from typing import Any

from exabgp.bgp.message import Update
from exabgp.bgp.message.direction import Direction
from exabgp.bgp.message.open import Open
from exabgp.bgp.message.open.capability import Capabilities, Capability, Negotiated
from exabgp.bgp.message.open.version import Version
from exabgp.bgp.message.refresh import RouteRefresh
from exabgp.configuration.configuration import Configuration
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lab.agent.bridge import AgentProcesses, prepare_exabgp
from lab.bgp.events import Nlri
from lab.bgp.route import Asn, Community, Origin, PathAttributes
from lab.bgp.speaker import Neighbor, SpeakerConfig
from lab.plan.render.exabgp import render_speaker

unhurried = settings(
    deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
"""For properties: a busy machine is no failure."""

HEADER = 19
LONGEST_MESSAGE = 4096
"""RFC 4271 section 4.1."""

ADDRESSES = {
    4: (ip_address("192.0.2.1"), ip_address("192.0.2.2")),
    6: (ip_address("2001:db8::1"), ip_address("2001:db8::2")),
}


@dataclass(frozen=True)
class End:
    """One end: its configuration as ExaBGP holds it, and what it negotiated."""

    neighbor: Any
    negotiated: Any


@dataclass(frozen=True)
class Link:
    near: End
    far: End
    version: int

    def receive(self, message: bytes) -> Any:
        """What the far end makes of a message."""
        kind = {Update.ID: Update, RouteRefresh.ID: RouteRefresh}[message[HEADER - 1]]
        return kind.unpack_message(message[HEADER:], Direction.IN, self.far.negotiated)


def _neighbor(version: int, asn: Asn, peer_asn: Asn, number: int, *, add_path: bool) -> Any:
    local, peer = ADDRESSES[version] if number == 0 else reversed(ADDRESSES[version])
    session = Neighbor(f"peer{number}", local, peer, peer_asn, add_path=add_path)
    speaker = SpeakerConfig(f"speaker{number}", asn, IPv4Address(f"10.255.0.{number + 1}"), (session,))
    configuration = Configuration([render_speaker(speaker)], text=True)
    assert configuration.reload(), str(configuration.error)
    (found,) = configuration.neighbors.values()
    found.rib.uncache()
    return found


def _open(neighbor: Any, *, asn4: bool) -> Any:
    capabilities = Capabilities().new(neighbor, False, local_as=neighbor["local-as"])
    if not asn4:
        capabilities.pop(Capability.CODE.FOUR_BYTES_ASN)
    return Open(Version(4), neighbor["local-as"], neighbor["hold-time"], neighbor["router-id"], capabilities)


@cache
def link(version: int = 4, *, internal: bool = False, add_path: bool = False, asn4: bool = True) -> Link:
    """A session between AS 4200000001 and either the same or AS 65001.

    Without ``asn4`` the far end is an OLD speaker of RFC 6793, AS 65001.
    """
    prepare_exabgp()
    near_asn = Asn(4200000001)
    far_asn = near_asn if internal else Asn(65001)
    near = _neighbor(version, near_asn, far_asn, 0, add_path=add_path)
    far = _neighbor(version, far_asn, near_asn, 1, add_path=add_path)
    near_open, far_open = _open(near, asn4=True), _open(far, asn4=asn4)
    ends = []
    for neighbor, sent, received in ((near, near_open, far_open), (far, far_open, near_open)):
        negotiated = Negotiated(neighbor)
        negotiated.sent(sent)
        negotiated.received(Open.unpack_message(received.message()[HEADER:]))
        ends.append(End(neighbor, negotiated))
    return Link(*ends, version)


@dataclass
class Heard:
    """A Listener that writes down what it is told."""

    announced: dict[Nlri, PathAttributes] = field(default_factory=dict)
    withdrawn: list[Nlri] = field(default_factory=list)
    ends_of_rib: int = 0
    refreshes: int = 0

    def update(self, _session: Any, announced: Any, withdrawn: list[Nlri]) -> None:
        self.withdrawn += withdrawn
        for (attributes, path_id), prefixes in announced.items():
            for prefix in prefixes:
                assert (prefix, path_id) not in self.announced, f"{prefix} announced twice"
                self.announced[prefix, path_id] = attributes

    def end_of_rib(self, _session: Any) -> None:
        self.ends_of_rib += 1

    def route_refresh(self, _session: Any) -> None:
        self.refreshes += 1


def heard(link: Link, *messages: bytes) -> Heard:
    """What the agent at the far end is told of these messages."""
    listener = Heard()
    processes = AgentProcesses(listener)
    for message in messages:
        received = link.receive(message)
        processes.message(received.ID, link.far.neighbor, "receive", received)
    return listener


# --- values ---

numbers_of_32_bits = st.integers(0, 2**32 - 1)
asns = st.integers(1, 2**32 - 1).map(Asn)


def path_attributes(version: int, *, internal: bool = False) -> st.SearchStrategy[PathAttributes]:
    """As our engine advertises them: LOCAL_PREF on internal sessions, and always there."""
    return st.builds(
        PathAttributes,
        next_hop=st.ip_addresses(v=version).filter(lambda address: not address.is_link_local),
        as_path=st.lists(asns, max_size=8).map(tuple),
        origin=st.sampled_from(Origin),
        local_pref=numbers_of_32_bits if internal else st.none(),
        med=st.none() | numbers_of_32_bits,
        communities=st.frozensets(numbers_of_32_bits.map(Community), max_size=6),
    )


def attributes(version: int = 4, **changes: Any) -> PathAttributes:
    simple = PathAttributes(ADDRESSES[version][0], (Asn(4200000001), Asn(65010)), med=7)
    return replace(simple, **changes)


def many_communities(count: int) -> frozenset[Community]:
    return frozenset(map(Community, range(count)))
