"""Short words for the values these tests talk about, and the conversation itself."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Any

from hypothesis import HealthCheck, settings

from lab.bgp.decision import Candidate, Learned
from lab.bgp.engine import Engine
from lab.bgp.events import Action, Announced, Event, Install, PeerUp, Uninstall, Withdrawn
from lab.bgp.policy import Apply, Match, Policy, Rule
from lab.bgp.route import Asn, PathAttributes, Prefix, parse_community
from lab.bgp.speaker import Neighbor, SpeakerConfig

unhurried = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: a busy machine is no failure."""

conversations = settings(unhurried, max_examples=100)
"""For properties over long sequences of events, where one example tries much."""

OUR_ASN = Asn(12076)


def net(text: str) -> Prefix:
    return ip_network(text)


def communities(*texts: str) -> frozenset[Any]:
    return frozenset(parse_community(text) for text in texts)


def attributes(as_path: str = "", via: str = "192.0.2.2", **more: Any) -> PathAttributes:
    path = tuple(Asn(int(asn)) for asn in as_path.split())
    return PathAttributes(ip_address(via), path, **more)


def candidate(
    name: str = "x",
    as_path: str = "65001",
    *,
    learned: Learned = Learned.EXTERNAL,
    bgp_identifier: str = "10.0.0.1",
    peer_address: str = "192.0.2.2",
    path_id: int = 0,
    weight: int = 0,
    **more: Any,
) -> Candidate:
    """``more`` goes to ``attributes``."""
    return Candidate(
        attributes=attributes(as_path, **more),
        peer=name,
        learned=learned,
        bgp_identifier=IPv4Address(bgp_identifier),
        peer_address=ip_address(peer_address),
        path_id=path_id,
        weight=weight,
    )


def rule(name: str, accept: bool = True, apply: Apply | None = None, **match: Any) -> Rule:
    return Rule(name, accept, Match(**match), apply or Apply())


def policy(*rules: Rule, name: str = "test") -> Policy:
    return Policy(name, rules)


def neighbor(name: str, number: int, asn: int, **more: Any) -> Neighbor:
    """Neighbour ``number`` is 192.0.2.(4n+2) over a /30 of its own, we are the .(4n+1)."""
    base = IPv4Address("192.0.2.0") + 4 * number
    return Neighbor(name, base + 1, base + 2, Asn(asn), **more)


def neighbor_ipv6(name: str, asn: int, **more: Any) -> Neighbor:
    return Neighbor(name, ip_address("2001:db8::1"), ip_address("2001:db8::2"), Asn(asn), **more)


def speaker(*neighbors: Neighbor, **more: Any) -> SpeakerConfig:
    config = SpeakerConfig(
        name="msee1",
        asn=OUR_ASN,
        bgp_identifier=IPv4Address("10.255.0.1"),
        neighbors=neighbors,
        connected=(IPv4Network("192.0.2.0/24"), net("2001:db8::/64")),
    )
    return replace(config, **more)


def up(config: SpeakerConfig, *but: str) -> Engine:
    """An engine all of whose peers are up (``but`` these are not), numbered 10.0.0.1, ..."""
    engine = Engine(config)
    for number, each in enumerate(config.neighbors, start=1):
        if each.name not in but:
            engine.handle(PeerUp(each.name, IPv4Address(f"10.0.0.{number}")))
    return engine


def announced(peer: str, sent: PathAttributes, *prefixes: str, path_id: int = 0) -> Announced:
    return Announced(peer, path_id, sent, tuple(net(prefix) for prefix in prefixes))


def withdrawn(peer: str, *prefixes: str, path_id: int = 0) -> Withdrawn:
    return Withdrawn(peer, tuple((net(prefix), path_id) for prefix in prefixes))


def nlri(*prefixes: str, path_id: int = 0) -> tuple[tuple[Prefix, int], ...]:
    return tuple((net(prefix), path_id) for prefix in prefixes)


def play(engine: Engine, script: list[tuple[Event, list[Action]]]) -> None:
    """The whole conversation is compared at once, so a failure shows all of it."""
    assert [(event, engine.handle(event)) for event, _ in script] == script


# --- one cast for the conversations: two legs of a customer and a gateway ---

CE1, CE2, GW = neighbor("ce1", 0, 65001), neighbor("ce2", 1, 65001), neighbor("gw", 2, 65515)
P, Q = "10.1.0.0/16", "10.2.0.0/16"


def from_ce1(as_path: str = "65001", **more: Any) -> PathAttributes:
    return attributes(as_path, via="192.0.2.2", **more)


def from_ce2(as_path: str = "65001", **more: Any) -> PathAttributes:
    return attributes(as_path, via="192.0.2.6", **more)


def to_gw(as_path: str = "12076 65001", **more: Any) -> PathAttributes:
    return attributes(as_path, via="192.0.2.9", **more)


def install(prefix: str, *next_hops: str) -> Install:
    return Install(net(prefix), tuple(map(ip_address, next_hops)))


def uninstall(prefix: str) -> Uninstall:
    return Uninstall(net(prefix))
