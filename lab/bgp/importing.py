"""From what a peer sent to a candidate of the decision process: RFC 4271 section 9.1.1.

In order: the AS loop check (9.1.2), the next hop (5.1.3 and 9.1.2.1), the import policy.
Whatever refuses a path is kept beside it, because *why is it not in the table* is the
question asked most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from lab.bgp.decision import Candidate, Learned
from lab.bgp.policy import CompiledPolicy, Verdict
from lab.bgp.route import DEFAULT_LOCAL_PREF, LOCAL, Address, PathAttributes, Prefix
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig


class ImportResult(Enum):
    ACCEPTED = "accepted"
    OWN_AS_IN_PATH = "own-as-in-path"
    NEXT_HOP_IS_OURS = "next-hop-is-ours"
    NEXT_HOP_UNREACHABLE = "next-hop-unreachable"
    IMPORT_POLICY = "import-policy"


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A path of an Adj-RIB-In: ``attributes`` as received, and what became of them.

    Prefixes of one UPDATE that fared alike share one. ``verdict`` is None when the path did
    not get as far as the policy, ``candidate`` when it was refused.
    """

    attributes: PathAttributes
    result: ImportResult
    verdict: Verdict | None = None
    candidate: Candidate | None = None


class Importer:
    """What stands between one peer's Adj-RIB-In and the decision process."""

    def __init__(self, config: SpeakerConfig, neighbor: Neighbor) -> None:
        self._config = config
        self._neighbor = neighbor
        self._policy = CompiledPolicy(neighbor.import_policy)
        self._own_addresses = {each.local_address for each in config.neighbors}

    def open(
        self, attributes: PathAttributes, path_id: int, bgp_identifier: IPv4Address
    ) -> Callable[[Prefix], Received]:
        """A function for the prefixes of one UPDATE. What does not depend on the prefix is
        worked out here, once; what depends on the rule, once per rule."""
        refusal = self._refusal(attributes)
        if refusal is not None:
            refused = Received(attributes, refusal)
            return lambda prefix: refused
        preferred = self._with_preference(attributes)
        matching = self._policy.matching_path(preferred, self._neighbor.name)
        by_rule: dict[int, Received] = {}

        def receive(prefix: Prefix) -> Received:
            rules = matching & self._policy.matching_prefix(prefix)
            first = rules & -rules
            if first not in by_rule:
                verdict = self._policy.verdict(first, preferred)
                by_rule[first] = self._received(attributes, verdict, path_id, bgp_identifier)
            return by_rule[first]

        return receive

    def _refusal(self, attributes: PathAttributes) -> ImportResult | None:
        if attributes.as_path.count(self._config.asn) > self._neighbor.allow_own_as:
            return ImportResult.OWN_AS_IN_PATH
        if attributes.next_hop in self._own_addresses:
            return ImportResult.NEXT_HOP_IS_OURS
        if not any(attributes.next_hop in network for network in self._config.connected):
            return ImportResult.NEXT_HOP_UNREACHABLE
        return None

    def _with_preference(self, attributes: PathAttributes) -> PathAttributes:
        """LOCAL_PREF from an external peer is ignored (RFC 4271 section 5.1.5)."""
        value = attributes.local_pref
        if value is None or self._learned is Learned.EXTERNAL:
            value = DEFAULT_LOCAL_PREF
        return PathAttributes(
            attributes.next_hop,
            attributes.as_path,
            attributes.origin,
            value,
            attributes.med,
            attributes.communities,
        )

    @property
    def _learned(self) -> Learned:
        internal = self._neighbor.peer_asn == self._config.asn
        return Learned.INTERNAL if internal else Learned.EXTERNAL

    def _received(
        self, attributes: PathAttributes, verdict: Verdict, path_id: int, bgp_identifier: IPv4Address
    ) -> Received:
        if not verdict.accepted:
            return Received(attributes, ImportResult.IMPORT_POLICY, verdict)
        candidate = Candidate(
            attributes=verdict.attributes,
            peer=self._neighbor.name,
            learned=self._learned,
            bgp_identifier=bgp_identifier,
            peer_address=self._neighbor.peer_address,
            path_id=path_id,
            weight=verdict.weight,
        )
        return Received(attributes, ImportResult.ACCEPTED, verdict, candidate)


def originated(config: SpeakerConfig, origination: Origination) -> Received:
    """A route of our own. Its next hop is the unspecified address until it is exported."""
    here: Address = IPv4Address(0) if origination.prefix.version == 4 else IPv6Address(0)
    attributes = PathAttributes(
        next_hop=here,
        as_path=origination.as_path,
        local_pref=DEFAULT_LOCAL_PREF,
        communities=origination.communities,
    )
    candidate = Candidate(
        attributes, LOCAL, Learned.LOCAL, config.bgp_identifier, here, weight=config.origination_weight
    )
    return Received(attributes, ImportResult.ACCEPTED, candidate=candidate)
