"""The BGP speaker as a state machine without I/O: events in, actions out.

``handle`` first lets every event change the Adj-RIBs-In, remembering which destinations
it touched, then brings Loc-RIB, FIB and Adj-RIBs-Out up to date for those and returns
only what changed. Handing over many events at once is therefore cheaper and sends less
than one by one; the outcome is the same. It has no clock, so equal events give equal
actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from lab.bgp import explain
from lab.bgp.changes import Changes
from lab.bgp.decision import Candidate, Decision, decide
from lab.bgp.events import (
    Action,
    Announced,
    CloseSession,
    EndOfRib,
    Event,
    HoldSession,
    Originate,
    PeerDown,
    PeerUp,
    PolicyChanged,
    ReleaseSession,
    RouteRefresh,
    Withdrawn,
    WithdrawOrigination,
)
from lab.bgp.exporting import Offers
from lab.bgp.importing import Received, originated
from lab.bgp.rib import Destination, Peer, PrefixCounts, Rib
from lab.bgp.route import LOCAL, Address, Asn, Community, Prefix
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig

CEASE, MAXIMUM_PREFIXES_REACHED, ADMINISTRATIVE_SHUTDOWN = 6, 1, 2  # RFC 4486 section 3

OwnPath = tuple[int, frozenset[Community], tuple[Asn, ...]]
"""What an origination says but for its prefix: IP version, communities and AS path."""


class Engine:
    """One speaker. Events of a peer that is not up are ignored (what was in flight when the
    session fell); a peer that is not configured is a KeyError."""

    def __init__(self, config: SpeakerConfig) -> None:
        self._rib = Rib(config)
        self._originations: dict[Prefix, Origination] = {}
        self._own_paths: dict[OwnPath, Received] = {}
        self._touched: dict[Destination, None] = {}
        self._refreshed: dict[str, None] = {}
        self._closing: dict[str, Peer] = {}
        self._originate_only(config.originations)
        self.first_actions = self._flush()
        """What to do before the first event: which sessions must not come up."""

    @property
    def config(self) -> SpeakerConfig:
        """What is in force, with the operator's originations."""
        return replace(self._rib.config, originations=tuple(self._originations.values()))

    def handle(self, *events: Event) -> list[Action]:
        """What to do about ``events``, which happened in this order."""
        for event in events:
            self._apply(event)
        return self._flush()

    # --- queries: JSON-ready, for humans; see lab.bgp.explain ---

    def routes(self, prefix: Prefix | None = None) -> list[explain.Json]:
        """The Loc-RIB with every candidate, the best one first; of ``prefix`` or of all."""
        return explain.routes(self._rib, prefix)

    def why(self, target: Prefix | Address) -> explain.Json:
        """The whole chain of decisions about a prefix, or about the longest match of an
        address: import, decision, FIB, export."""
        return explain.why(self._rib, target)

    def neighbors(self) -> list[explain.Json]:
        """State and prefix counts of every neighbour, in the order of the configuration."""
        return explain.neighbors(self._rib)

    def counts(self, peer: str) -> PrefixCounts:
        """How many prefixes ``peer`` sent, how many were accepted, how many it was told."""
        return self._rib.peers[peer].counts()

    def adj_rib_in(self, peer: str) -> list[explain.Json]:
        """What ``peer`` sent, as received, and what import made of it."""
        return explain.adj_rib_in(self._rib, peer)

    def adj_rib_out(self, peer: str) -> list[explain.Json]:
        """What ``peer`` was told, as on the wire."""
        return explain.adj_rib_out(self._rib, peer)

    # --- events ---

    def _apply(self, event: Event) -> None:
        match event:
            case Announced():
                self._announced(event)
            case Withdrawn():
                self._withdrawn(event)
            case PeerUp():
                self._peer_up(event)
            case PeerDown(name, reason):
                self._peer_down(self._rib.peers[name], reason)
            case EndOfRib(name):
                peer = self._rib.peers[name]
                peer.end_of_rib = peer.listening
            case RouteRefresh(name):
                self._rib.peers[name].forget_attributes()
                self._refreshed[name] = None
            case Originate(origination):
                self._originate(origination)
            case WithdrawOrigination(prefix):
                self._withdraw_origination(prefix)
            case PolicyChanged(config):
                self._policy_changed(config)

    def _announced(self, update: Announced) -> None:
        peer = self._rib.peers[update.peer]
        key, peer.accepted = (update.peer, update.path_id), None
        receive = peer.importer.open(update.attributes, update.path_id, peer.bgp_identifier)
        for prefix in update.prefixes:
            if not peer.listening:
                return
            destination = self._rib.destination(prefix)
            peer.destinations[destination] = None
            self._touched[destination] = None
            destination.paths[key] = receive(prefix)
            self._check_limit(peer)

    def _check_limit(self, peer: Peer) -> None:
        """What a peer said that says too much is not used, not even until its session is down."""
        if peer.over_limit:
            peer.closing = True
            self._closing[peer.neighbor.name] = peer
            self._forget_paths(peer)

    def _withdrawn(self, update: Withdrawn) -> None:
        peer = self._rib.peers[update.peer]
        if not peer.listening:
            return
        peer.accepted = None
        for prefix, path_id in update.nlri:
            destination = self._rib.destinations.get(prefix)
            if destination and destination.paths.pop((update.peer, path_id), None):
                self._touched[destination] = None
                if not destination.has_path_from(update.peer):
                    del peer.destinations[destination]

    def _peer_up(self, event: PeerUp) -> None:
        peer = self._rib.peers[event.peer]
        self._clear(peer)
        peer.held = False  # whoever held it did not manage; it will be asked again
        peer.established, peer.bgp_identifier = True, event.bgp_identifier
        self._refreshed[event.peer] = None

    def _peer_down(self, peer: Peer, reason: str) -> None:
        self._clear(peer)
        peer.down_reason = reason

    def _clear(self, peer: Peer) -> None:
        """Forget the session: both its Adj-RIBs (RFC 4271 section 6)."""
        peer.established = peer.closing = peer.end_of_rib = False
        self._closing.pop(peer.neighbor.name, None)
        peer.adj_rib_out.clear()
        self._forget_paths(peer)

    def _forget_paths(self, peer: Peer) -> None:
        for destination in peer.destinations:
            self._touched[destination] = None
            for key in [key for key in destination.paths if key[0] == peer.neighbor.name]:
                del destination.paths[key]
        peer.destinations.clear()
        peer.accepted = None

    def _originate(self, origination: Origination) -> None:
        self._originations[origination.prefix] = origination
        destination = self._rib.destination(origination.prefix)
        destination.paths[LOCAL, 0] = self._own_path(origination)
        self._touched[destination] = None

    def _own_path(self, origination: Origination) -> Received:
        """Shared by all that differ in their prefix only, as the prefixes of an UPDATE share
        theirs: what is decided about one is decided about thousands."""
        shared = (origination.prefix.version, origination.communities, origination.as_path)
        if shared not in self._own_paths:
            self._own_paths[shared] = originated(self._rib.config, origination)
        return self._own_paths[shared]

    def _withdraw_origination(self, prefix: Prefix) -> None:
        if self._originations.pop(prefix, None):
            destination = self._rib.destinations[prefix]
            del destination.paths[LOCAL, 0]
            self._touched[destination] = None

    def _originate_only(self, originations: Iterable[Origination]) -> None:
        for prefix in list(self._originations):
            self._withdraw_origination(prefix)
        self._own_paths.clear()
        for origination in originations:
            self._originate(origination)

    def _policy_changed(self, config: SpeakerConfig) -> None:
        kept = {neighbor.name for neighbor in config.neighbors}
        for name, peer in self._rib.peers.items():
            if name not in kept:
                self._clear(peer)
        self._rib.configure(config)
        self._originate_only(config.originations)
        self._import_again()
        self._touched.update(dict.fromkeys(self._rib.destinations.values()))
        for peer in self._rib.peers.values():
            if peer.listening:
                self._check_limit(peer)

    def _import_again(self) -> None:
        """What UPDATEs had in common stays shared, so this costs no more than receiving."""
        for peer in self._rib.peers.values():
            peer.accepted = None
        opened: dict[Received, Callable[[Prefix], Received]] = {}
        for destination in self._rib.destinations.values():
            for (name, path_id), old in destination.paths.items():
                if name == LOCAL:
                    continue
                if old not in opened:
                    peer = self._rib.peers[name]
                    opened[old] = peer.importer.open(old.attributes, path_id, peer.bgp_identifier)
                destination.paths[name, path_id] = opened[old](destination.prefix)

    # --- Loc-RIB, FIB, Adj-RIB-Out ---

    def _flush(self) -> list[Action]:
        """Bring everything behind the Adj-RIBs-In up to date. Decisions and exports are
        remembered for the length of this call: an UPDATE's prefixes mostly fare alike."""
        changes = Changes()
        self._hold_sessions(changes)
        self._select_all(changes)
        self._export_all(changes)
        for peer in self._closing.values():
            changes.session(_maximum_prefixes_reached(peer.neighbor))
        for destination in self._touched:
            self._rib.forget_unused(destination)
        self._touched.clear()
        self._refreshed.clear()
        self._closing.clear()
        return changes.actions()

    def _hold_sessions(self, changes: Changes) -> None:
        """Down with those that may not exist while we originate so much; up with them when we no
        longer do."""
        for peer in self._rib.peers.values():
            reason = peer.neighbor.excess(self._originations)
            if reason and not peer.held:
                changes.session(HoldSession(peer.neighbor.name, ADMINISTRATIVE_SHUTDOWN, reason))
            elif peer.held and not reason:
                changes.session(ReleaseSession(peer.neighbor.name))
            peer.held = reason is not None

    def _select_all(self, changes: Changes) -> None:
        decided: dict[tuple[Candidate, ...], Decision] = {}
        for destination in self._touched:
            candidates = tuple(
                [path.candidate for path in destination.paths.values() if path.candidate is not None]
            )
            decision = decided.get(candidates)
            if decision is None and candidates:
                decision = decided[candidates] = decide(candidates, self._rib.config.maximum_paths)
            destination.decision = decision
            next_hops = decision.next_hops if decision else ()
            if next_hops != destination.next_hops:
                destination.next_hops = next_hops
                changes.fib(destination.prefix, next_hops)

    def _export_all(self, changes: Changes) -> None:
        for name, peer in self._rib.peers.items():
            if peer.established and not peer.held:
                if name in self._refreshed:
                    self._export(changes, peer, self._rib.destinations.values())
                else:
                    self._export(changes, peer, self._touched)

    def _export(self, changes: Changes, peer: Peer, destinations: Iterable[Destination]) -> None:
        """Send the difference between what the peer should know and what it was told."""
        version = peer.neighbor.family.value
        exported: dict[tuple[Decision, int], Offers] = {}
        for destination in destinations:
            if destination.prefix.version != version:
                continue
            wanted: Offers = ()
            if destination.decision:
                key = (destination.decision, peer.exporter.matching_prefix(destination.prefix))
                offers = exported.get(key)
                if offers is None:
                    offers = exported[key] = peer.exporter.offers(*key)
                wanted = offers
            changes.export(peer, destination, wanted)


def _maximum_prefixes_reached(neighbor: Neighbor) -> CloseSession:
    reason = f"more than {neighbor.max_prefixes} prefixes received"
    return CloseSession(neighbor.name, CEASE, MAXIMUM_PREFIXES_REACHED, reason)
