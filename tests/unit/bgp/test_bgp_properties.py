"""What must hold after any sequence of events.

The far ends are modelled as plainly as possible: what each peer has sent, what each was
told, and what the kernel holds, all built from events and actions alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import product

from bgp_builders import OUR_ASN, attributes, communities, conversations, neighbor, net, policy, rule, speaker
from hypothesis import given
from hypothesis import strategies as st

from lab.bgp.engine import Engine
from lab.bgp.events import (
    Advertise,
    Announced,
    CloseSession,
    Install,
    Originate,
    PeerDown,
    PeerUp,
    PolicyChanged,
    RouteRefresh,
    Uninstall,
    Withdraw,
    Withdrawn,
    WithdrawOrigination,
)
from lab.bgp.policy import REJECT_ALL, Apply, PrefixMatch
from lab.bgp.speaker import Origination

PREFIXES = [net("10.1.0.0/16"), net("10.2.0.0/16"), net("10.2.3.0/24")]
PICKY = policy(
    rule("no", accept=False, prefixes=(PrefixMatch(PREFIXES[0]),), communities=communities("1:1")),
    rule("far", apply=Apply(local_pref=50), prefixes=(PrefixMatch(PREFIXES[1], le=24),)),
    rule("rest"),
)
TAGGING = policy(
    rule("tag", apply=Apply(med=3, add_communities=communities("9:9")), communities=communities("1:1")),
    rule("some", apply=Apply(prepend=(OUR_ASN,)), prefixes=(PrefixMatch(PREFIXES[2]),)),
    rule("rest"),
)
E1 = neighbor("e1", 0, 65001)
E2 = neighbor("e2", 1, 65002, export_policy=TAGGING, add_path=True)
I1, I2 = (
    neighbor("i1", 2, OUR_ASN, route_reflector_client=True),
    neighbor("i2", 3, OUR_ASN, next_hop_self=True),
)
MANY = neighbor("many", 4, 65003, add_path=True)

CONFIGS = [
    speaker(E1, E2, I1, I2, MANY),
    speaker(
        replace(E1, import_policy=PICKY),
        E2,
        I1,
        replace(I2, export_policy=PICKY),
        MANY,
        maximum_paths=2,
    ),
    speaker(
        E1,
        replace(E2, import_policy=REJECT_ALL),
        I1,
        I2,
        replace(MANY, export_policy=TAGGING),
        maximum_paths=1,
    ),
    speaker(E1, E2, I1, I2, MANY, connected=(net("192.0.2.0/29"),)),
]
LIMITED = speaker(replace(E1, max_prefixes=1), replace(MANY, max_prefixes=2), E2, I1, I2)
PEERS = {each.name: each for each in CONFIGS[0].neighbors}

SOURCES = [(name, number) for name, each in PEERS.items() for number in ((1, 2) if each.add_path else (0,))]
SOME = [(PREFIXES[0],), (PREFIXES[1],), (PREFIXES[2],), tuple(PREFIXES)]
SENT = [
    attributes(as_path, via, local_pref=local_pref, communities=tags)
    for as_path, via, local_pref, tags in product(
        ["65001", "65002", "65001 7", f"7 {OUR_ASN}"],
        ["192.0.2.2", "192.0.2.6", "192.0.2.18"],
        [None, 200],
        [frozenset(), communities("1:1")],
    )
] + [attributes(as_path, "192.0.2.10", med=med) for as_path in ["65001", "65002"] for med in (1, 2)]

# every event there can be, so that drawing one is a single choice and examples are cheap
announcements = st.sampled_from(
    [Announced(peer, path_id, each, some) for (peer, path_id), each, some in product(SOURCES, SENT, SOME)]
)
withdrawals = st.sampled_from(
    [Withdrawn(peer, tuple((prefix, n) for prefix in some)) for (peer, n), some in product(SOURCES, SOME)]
)
sessions = st.sampled_from(
    [PeerUp(peer, IPv4Address(identifier)) for peer in PEERS for identifier in ("10.0.0.1", "10.0.0.2")]
    + [PeerDown(peer) for peer in PEERS]
    + [RouteRefresh(peer) for peer in PEERS]
)
operators = st.sampled_from(
    [Originate(Origination(prefix)) for prefix in PREFIXES]
    + [WithdrawOrigination(prefix) for prefix in PREFIXES]
    + [PolicyChanged(config) for config in CONFIGS]
)
events = st.one_of(announcements, announcements, withdrawals, sessions, operators)
ALL_UP = [PeerUp(name, IPv4Address(f"10.0.0.{n}")) for n, name in enumerate(PEERS, start=1)]


@dataclass
class World:
    """Everyone around the engine."""

    fib: dict = field(default_factory=dict)
    told: dict = field(default_factory=lambda: {name: {} for name in PEERS})
    sent: dict = field(default_factory=lambda: {name: {} for name in PEERS})
    identifiers: dict = field(default_factory=dict)

    def happens(self, event):
        match event:
            case PeerUp(peer, identifier):
                self.reset(peer)
                self.identifiers[peer] = identifier
            case PeerDown(peer):
                self.reset(peer)
            case Announced(peer, path_id, attributes_, prefixes_) if peer in self.identifiers:
                self.sent[peer] |= {(prefix, path_id): attributes_ for prefix in prefixes_}
            case Withdrawn(peer, nlri_):
                for each in nlri_:
                    self.sent[peer].pop(each, None)

    def reset(self, peer):
        self.identifiers.pop(peer, None)
        self.sent[peer], self.told[peer] = {}, {}

    def obey(self, actions):
        for action in actions:
            match action:
                case Install(prefix, next_hops):
                    assert self.fib.get(prefix) != next_hops, "installed twice"
                    self.fib[prefix] = next_hops
                case Uninstall(prefix):
                    del self.fib[prefix]
                case Advertise(peer, attributes_, nlri_):
                    self.told[peer] |= dict.fromkeys(nlri_, attributes_)
                case Withdraw(peer, nlri_):
                    for each in nlri_:
                        del self.told[peer][each]

    def told_without_ids(self):
        """Path identifiers of sources that use add-path themselves depend on who was first."""
        return {
            peer: sorted((str(prefix), repr(each)) for (prefix, _), each in told.items())
            for peer, told in self.told.items()
        }


def play(events_, sizes):
    """Hand the events over in batches of these sizes, cyclically."""
    world, engine, rest, turn = World(), Engine(CONFIGS[0]), [*ALL_UP, *events_], 0
    while rest:
        size = sizes[turn % len(sizes)]
        batch, rest, turn = rest[:size], rest[size:], turn + 1
        for event in batch:
            world.happens(event)
        world.obey(engine.handle(*batch))
    return world, engine


def fresh(world, config):
    """What an engine would do that saw only the final state, peers in reverse."""
    engine, other = Engine(config), World()
    for peer in reversed(world.identifiers):
        other.obey(engine.handle(PeerUp(peer, world.identifiers[peer])))
    for peer in reversed(world.sent):
        for (prefix, path_id), attributes_ in world.sent[peer].items():
            other.obey(engine.handle(Announced(peer, path_id, attributes_, (prefix,))))
    return other, engine


several = st.lists(events, min_size=8, max_size=30)
batches = st.lists(st.integers(1, 6), min_size=1, max_size=3)


@conversations
@given(several, batches)
def test_history_leaves_no_trace(happened, sizes):
    """FIB, Adj-RIBs-Out and all that people see follow from the final state alone."""
    world, engine = play(happened, sizes)
    other, anew = fresh(world, engine.config)
    assert world.fib == other.fib
    assert world.told_without_ids() == other.told_without_ids()
    assert engine.routes() == anew.routes()
    assert [engine.counts(peer) for peer in PEERS] == [anew.counts(peer) for peer in PEERS]


@conversations
@given(several, batches)
def test_what_was_said_is_what_is_shown(happened, sizes):
    """The stream of actions adds up to the engine's own view."""
    world, engine = play(happened, sizes)
    in_use = {}
    for route in engine.routes():
        if route["multipath"] and route["peer"] != "local":
            in_use.setdefault(route["prefix"], set()).add(route["next_hop"])
    assert {str(prefix): set(map(str, hops)) for prefix, hops in world.fib.items()} == in_use
    for peer in PEERS:
        shown = {(route["prefix"], route["path_id"]) for route in engine.adj_rib_out(peer)}
        assert shown == {(str(prefix), path_id) for prefix, path_id in world.told[peer]}
        received = {(route["prefix"], route["path_id"]) for route in engine.adj_rib_in(peer)}
        assert received == {(str(prefix), path_id) for prefix, path_id in world.sent[peer]}


@conversations
@given(several)
def test_batching_changes_how_often_but_not_what_is_said(happened):
    alone, together = play(happened, [1])[0], play(happened, [1000])[0]
    assert (alone.fib, alone.told_without_ids()) == (together.fib, together.told_without_ids())


@conversations
@given(several)
def test_withdrawing_everything_leaves_nothing(happened):
    world, engine = play(happened, [3])
    for peer, routes in world.sent.items():
        if routes:
            world.obey(engine.handle(Withdrawn(peer, tuple(routes))))
    for origination in engine.config.originations:
        world.obey(engine.handle(WithdrawOrigination(origination.prefix)))
    assert (world.fib, engine.routes()) == ({}, [])
    assert [engine.why(prefix)["prefix"] for prefix in PREFIXES] == [None] * len(PREFIXES)
    assert not any(world.told.values())
    assert engine.handle(PolicyChanged(engine.config)) == []


@conversations
@given(several)
def test_hearing_the_same_again_says_nothing(happened):
    world, engine = play(happened, [2])
    for peer, routes in world.sent.items():
        for (prefix, path_id), attributes_ in routes.items():
            assert engine.handle(Announced(peer, path_id, attributes_, (prefix,))) == []
    assert engine.handle(PolicyChanged(engine.config)) == []


@conversations
@given(st.lists(st.one_of(announcements, withdrawals, sessions), min_size=8, max_size=30))
def test_nobody_exceeds_the_limit_and_stays(happened):
    """The agent answers CloseSession with PeerDown; then the state is as if never up."""
    world, engine = World(), Engine(LIMITED)
    for event in [*ALL_UP, *happened]:
        world.happens(event)
        actions = engine.handle(event)
        world.obey(actions)
        for close in [action for action in actions if isinstance(action, CloseSession)]:
            world.happens(PeerDown(close.peer))
            world.obey(engine.handle(PeerDown(close.peer)))
        assert engine.counts("e1").received <= 1
        assert engine.counts("many").received <= 2
    other, _ = fresh(world, LIMITED)
    assert (world.fib, world.told_without_ids()) == (other.fib, other.told_without_ids())
