"""`why` for people, from real answers of the engine."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from lab.bgp.engine import Engine
from lab.bgp.events import Announced, PeerUp
from lab.bgp.policy import ACCEPT_ALL, Apply, Match, Policy, PrefixMatch, Rule
from lab.bgp.route import Asn, PathAttributes
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig
from lab.cli.why import explanation

AZURE = IPv4Network("10.17.0.0/16")
PREFER = Policy("prefer", (Rule("azure", True, Match((PrefixMatch(AZURE),)), Apply(local_pref=200)),))
PRIVATE_ONLY = Policy(
    "private-only", (Rule("rfc1918", True, Match((PrefixMatch(IPv4Network("192.168.0.0/16")),))),)
)


def neighbor(
    name: str, number: int, *, imports: Policy = ACCEPT_ALL, exports: Policy = ACCEPT_ALL
) -> Neighbor:
    return Neighbor(
        name,
        IPv4Address(f"192.0.2.{number}"),
        IPv4Address(f"192.0.2.{number + 1}"),
        Asn(65000 + number),
        import_policy=imports,
        export_policy=exports,
    )


NEIGHBORS = (
    neighbor("msee1", 1, imports=PREFER),
    neighbor("msee2", 5),
    neighbor("core1", 9, exports=PRIVATE_ONLY),
    neighbor("spare", 13),
)


def engine(*peers: str) -> Engine:
    """A router to which each of ``peers`` announced the Azure prefix; only ``spare`` is down."""
    config = SpeakerConfig(
        "ce1",
        Asn(65010),
        IPv4Address("192.0.2.100"),
        NEIGHBORS,
        originations=(Origination(IPv4Network("10.0.0.0/24")),),
        connected=(IPv4Network("192.0.2.0/24"),),
    )
    made = Engine(config)
    for each in NEIGHBORS[:3]:
        made.handle(PeerUp(each.name, IPv4Address(each.peer_address)))
    for name in peers:
        each = config.neighbor(name)
        made.handle(
            Announced(name, 0, PathAttributes(each.peer_address, (each.peer_asn,)), (AZURE,)),
        )
    return made


def why(asked: str, *peers: str) -> str:
    target = IPv4Network(asked) if "/" in asked else IPv4Address(asked)
    return "\n".join(explanation(engine(*peers).why(target)))


def test_the_chain_is_told_in_the_order_it_happened() -> None:
    text = why("10.17.0.0/16", "msee1", "msee2")
    parts = ["10.17.0.0/16 on ce1", "\nreceived", "\ndecision", "\nkernel", "\nadvertised"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_import_is_told_with_its_rule_and_what_it_changed() -> None:
    text = why("10.17.0.0/16", "msee1")
    assert "from msee1: next hop 192.0.2.2, AS path 65001, origin igp" in text
    assert "accepted by import policy prefer: azure" in text
    assert "import made it local pref 200" in text


def test_the_decision_is_told_step_by_step_with_what_was_compared() -> None:
    text = why("10.17.0.0/16", "msee1", "msee2")
    assert "local-pref: msee1 (200) preferred over msee2 (100)" in text
    assert "best: msee1, by local-pref" in text


def test_a_path_without_rivals_is_the_only_one() -> None:
    assert "best: msee2, the only path" in why("10.17.0.0/16", "msee2")


def test_paths_as_good_as_the_best_are_told() -> None:
    text = why("10.17.0.0/16", "msee2", "core1")
    assert "used beside it: core1, as good but for the tie-break" in text


def test_the_kernel_is_told_its_next_hop() -> None:
    assert "kernel\n  via 192.0.2.2" in why("10.17.0.0/16", "msee1", "msee2")


def test_every_peer_is_told_what_it_hears_or_why_not() -> None:
    text = why("10.17.0.0/16", "msee1")
    assert "not to msee1: msee1 is where the route was learned" in text
    assert "to msee2: next hop 192.0.2.5, AS path 65010 65001" in text
    assert "not to core1: refused by export policy private-only: " in text
    assert "not to spare: the session is down" in text


def test_an_address_is_answered_by_its_longest_match() -> None:
    assert why("10.17.1.4", "msee1").startswith("10.17.0.0/16 on ce1, the longest match of 10.17.1.4\n")


def test_a_prefix_of_our_own_has_an_empty_as_path() -> None:
    text = why("10.0.0.0/24")
    assert "AS path (empty)" in text
    assert "originated here" in text


def test_an_unknown_prefix_is_two_lines() -> None:
    assert why("10.9.0.0/16", "msee1").splitlines() == [
        "ce1 knows nothing of 10.9.0.0/16",
        "  no peer announced it, and it does not originate here",
    ]


def test_a_prefix_inside_a_known_one_names_what_its_packets_follow() -> None:
    assert "packets to it follow 10.17.0.0/16" in why("10.17.3.0/24", "msee1")
