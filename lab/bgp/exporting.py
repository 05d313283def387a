"""From the Loc-RIB to one peer's Adj-RIB-Out: RFC 4271 section 9.1.3.

In order: may this peer hear of the route at all (split horizon, RFC 4456, well-known
communities of RFC 1997), the export policy, then what the protocol itself does to the
attributes. The policy works on the AS_PATH without our own AS number, which is put in
front at the very end.

Not implemented: ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 section 8); two reflectors that
are each other's clients would loop. Confederations (RFC 5065).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from lab.bgp.decision import Candidate, Decision, Learned
from lab.bgp.policy import CompiledPolicy, RuleSet, Verdict
from lab.bgp.route import NO_ADVERTISE, NO_EXPORT, PathAttributes, Prefix
from lab.bgp.speaker import Neighbor, SpeakerConfig


class ExportResult(Enum):
    ADVERTISED = "advertised"
    NO_ROUTE = "no-route"
    OTHER_FAMILY = "other-family"
    SESSION_DOWN = "session-down"
    LEARNED_FROM_THIS_PEER = "learned-from-this-peer"
    IBGP_SPLIT_HORIZON = "ibgp-split-horizon"
    NO_EXPORT = "no-export"
    NO_ADVERTISE = "no-advertise"
    EXPORT_POLICY = "export-policy"


@dataclass(frozen=True, slots=True)
class Exported:
    """What one peer is told of one path: ``attributes`` as on the wire, or None and why.
    ``verdict`` is None when the path did not get as far as the policy."""

    result: ExportResult
    attributes: PathAttributes | None = None
    verdict: Verdict | None = None


Offers = tuple[tuple[int, PathAttributes], ...]
"""What one peer is told of one prefix: path identifier and attributes of each path."""


class PathIds:
    """RFC 7911 path identifiers: small, and the same for a source as long as we live.

    Without add-path towards us a source is a peer, and peers are numbered in the order of
    the configuration; other paths get the next number when first seen.
    """

    def __init__(self, peers: Iterable[str]) -> None:
        self._numbers: dict[tuple[str, int], int] = {}
        for peer in peers:
            self.number(peer, 0)

    def number(self, peer: str, path_id: int) -> int:
        return self._numbers.setdefault((peer, path_id), len(self._numbers) + 1)


class Exporter:
    """What stands between the Loc-RIB and one peer's Adj-RIB-Out."""

    def __init__(self, config: SpeakerConfig, neighbor: Neighbor, path_ids: PathIds) -> None:
        self._config = config
        self._neighbor = neighbor
        self._path_ids = path_ids
        self._internal = neighbor.peer_asn == config.asn
        self._clients = {each.name for each in config.neighbors if each.route_reflector_client}
        self._policy = CompiledPolicy(neighbor.export_policy)

    def matching_prefix(self, prefix: Prefix) -> RuleSet:
        """All that the peer's policy cares about in a prefix; see ``CompiledPolicy``."""
        return self._policy.matching_prefix(prefix)

    def offers(self, decision: Decision, rules: RuleSet) -> Offers:
        """The best path, or with add-path all paths in use; ``rules`` from above."""
        if not self._neighbor.add_path:
            attributes = self.export(decision.best, rules).attributes
            return () if attributes is None else ((0, attributes),)
        return tuple(
            (self._path_ids.number(path.peer, path.path_id), attributes)
            for path in decision.multipath
            if (attributes := self.export(path, rules).attributes) is not None
        )

    def export(self, path: Candidate, rules: RuleSet) -> Exported:
        refusal = self._refusal(path)
        if refusal is not None:
            return Exported(refusal)
        attributes = path.attributes
        if attributes.med is not None and not self._internal:
            # RFC 4271 5.1.4: another AS's MED is not passed on; one set by policy is
            attributes = replace(attributes, med=None)
        matching = rules & self._policy.matching_path(attributes, path.peer)
        verdict = self._policy.verdict(matching, attributes)
        if not verdict.accepted:
            return Exported(ExportResult.EXPORT_POLICY, verdict=verdict)
        return Exported(ExportResult.ADVERTISED, self._on_the_wire(path, verdict.attributes), verdict)

    def _refusal(self, path: Candidate) -> ExportResult | None:
        if path.peer == self._neighbor.name:
            return ExportResult.LEARNED_FROM_THIS_PEER
        if path.learned is Learned.LOCAL:
            return None
        if self._internal and path.learned is Learned.INTERNAL and not self._reflects(path):
            return ExportResult.IBGP_SPLIT_HORIZON
        if NO_ADVERTISE in path.attributes.communities:
            return ExportResult.NO_ADVERTISE
        if NO_EXPORT in path.attributes.communities and not self._internal:
            return ExportResult.NO_EXPORT
        return None

    def _reflects(self, path: Candidate) -> bool:
        """RFC 4456 section 6: from a client to everyone, from a non-client to clients."""
        return path.peer in self._clients or self._neighbor.route_reflector_client

    def _on_the_wire(self, path: Candidate, attributes: PathAttributes) -> PathAttributes:
        """RFC 4271 sections 5.1.2 (AS_PATH), 5.1.3 (NEXT_HOP) and 5.1.5 (LOCAL_PREF)."""
        if not self._internal:
            return PathAttributes(
                next_hop=self._neighbor.local_address,
                as_path=(self._config.asn, *attributes.as_path),
                origin=attributes.origin,
                local_pref=None,
                med=attributes.med,
                communities=attributes.communities,
            )
        if self._neighbor.next_hop_self or path.learned is Learned.LOCAL:
            return replace(attributes, next_hop=self._neighbor.local_address)
        return attributes
