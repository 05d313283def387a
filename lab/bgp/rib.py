"""The three RIBs of RFC 4271 section 3.2, stored so that 10,000 prefixes are cheap.

Hashing an ``ipaddress`` network costs more than all the rest, so it is done once per
prefix and event: it finds the ``Destination``, which hashes by identity. The Adj-RIBs-In
are kept by destination (``paths``), together with its place in the Loc-RIB (``decision``)
and in the FIB (``next_hops``); the Adj-RIB-Out is kept by peer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lab.bgp.decision import Decision
from lab.bgp.exporting import Exporter, Offers, PathIds
from lab.bgp.importing import Importer, Received
from lab.bgp.route import LOCAL, Address, PathAttributes, Prefix
from lab.bgp.speaker import Neighbor, SpeakerConfig

PathKey = tuple[str, int]
"""Peer name and path identifier: what tells the paths to one prefix apart."""

FORGOTTEN = PathAttributes(IPv4Address(0))
"""In an Adj-RIB-Out: the peer knows the path, but must be told its attributes again."""


@dataclass(slots=True, eq=False)
class Destination:
    """A prefix and all that is known about it."""

    prefix: Prefix
    paths: dict[PathKey, Received] = field(default_factory=dict)
    decision: Decision | None = None
    next_hops: tuple[Address, ...] = ()

    def has_path_from(self, peer: str) -> bool:
        return any(source == peer for source, _ in self.paths)

    def has_accepted_from(self, peer: str) -> bool:
        return any(path.candidate for (source, _), path in self.paths.items() if source == peer)


@dataclass(frozen=True, slots=True)
class PrefixCounts:
    """Different prefixes of one peer: in its Adj-RIB-In, of these accepted by import, and
    in its Adj-RIB-Out."""

    received: int
    accepted: int
    advertised: int


@dataclass(slots=True, eq=False)
class Peer:
    """A neighbour at work. ``closing``: it sent too much and was asked to go; ``held``: we have
    too much to tell it. What it still says is not listened to. ``destinations``: the prefixes in
    its Adj-RIB-In, in order."""

    neighbor: Neighbor
    importer: Importer
    exporter: Exporter
    established: bool = False
    closing: bool = False
    held: bool = False
    end_of_rib: bool = False
    bgp_identifier: IPv4Address = IPv4Address(0)
    down_reason: str = ""
    destinations: dict[Destination, None] = field(default_factory=dict)
    adj_rib_out: dict[Destination, Offers] = field(default_factory=dict)

    accepted: int | None = None  # how many of the destinations, once counted

    @property
    def listening(self) -> bool:
        return self.established and not (self.closing or self.held)

    @property
    def over_limit(self) -> bool:
        limit = self.neighbor.max_prefixes
        return limit is not None and len(self.destinations) > limit

    def counts(self) -> PrefixCounts:
        if self.accepted is None:
            self.accepted = sum(each.has_accepted_from(self.neighbor.name) for each in self.destinations)
        return PrefixCounts(len(self.destinations), self.accepted, len(self.adj_rib_out))

    def forget_attributes(self) -> None:
        """The peer wants to hear everything again; what it must no longer know is kept."""
        for destination, offers in self.adj_rib_out.items():
            self.adj_rib_out[destination] = tuple((path_id, FORGOTTEN) for path_id, _ in offers)


class Rib:
    """All destinations and all peers of one speaker."""

    def __init__(self, config: SpeakerConfig) -> None:
        self.config = config
        self.path_ids = PathIds((LOCAL, *(neighbor.name for neighbor in config.neighbors)))
        self.destinations: dict[Prefix, Destination] = {}
        self.peers: dict[str, Peer] = {}
        self.configure(config)

    def configure(self, config: SpeakerConfig) -> None:
        """Obey ``config`` from now on; peers that are in it keep their state."""
        self.config = config
        known, self.peers = self.peers, {}
        for neighbor in config.neighbors:
            importer, exporter = Importer(config, neighbor), Exporter(config, neighbor, self.path_ids)
            peer = known.get(neighbor.name) or Peer(neighbor, importer, exporter)
            peer.neighbor, peer.importer, peer.exporter = neighbor, importer, exporter
            self.peers[neighbor.name] = peer

    def destination(self, prefix: Prefix) -> Destination:
        """The destination of that prefix, made when there is none."""
        found = self.destinations.get(prefix)
        if found is None:
            found = self.destinations[prefix] = Destination(prefix)
        return found

    def forget_unused(self, destination: Destination) -> None:
        if not destination.paths:
            self.destinations.pop(destination.prefix, None)
