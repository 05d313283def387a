"""Decision process: RFC 4271 section 9.1.2.2.

The RFC words it as elimination ("remove from consideration all routes which are not tied
for ..."), and so does this module. Elimination keeps the result independent of arrival
order; pairwise comparison does not, because MED only compares routes from the same
neighbouring AS (section 9.1.2.2 c).

Before the RFC's steps come two that routers have: a route this speaker originates wins, and
then the highest weight, a number of this speaker's own that no UPDATE carries. Cisco's routers
look at the weight first; Azure shows 32769 on what a gateway learned over ExpressRoute and
32768 on its own prefixes, and yet a virtual network keeps its own traffic, so here the weight
decides among learned routes only. After them all comes the path identifier, since two paths
of one peer (RFC 7911) tie on everything else.

Not implemented: the cost of the path to the next hop (9.1.2.2 e), as the lab has no IGP;
ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 section 9) in the tie-breaks, so a reflected route
counts with the identifier of the reflector; the age of a route, which the RFC does not
know either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from lab.bgp.route import DEFAULT_LOCAL_PREF, Address, Asn, PathAttributes


class Step(Enum):
    """Why a route was preferred; in the order in which the steps are taken."""

    ONLY_ROUTE = "only-route"
    LOCAL_ORIGIN = "local-origin"
    WEIGHT = "weight"
    LOCAL_PREF = "local-pref"
    AS_PATH = "as-path"
    ORIGIN = "origin"
    MED = "med"
    EXTERNAL = "external"
    BGP_IDENTIFIER = "bgp-identifier"
    PEER_ADDRESS = "peer-address"
    PATH_ID = "path-id"


class Learned(Enum):
    """Where a route came from."""

    LOCAL = "local"
    EXTERNAL = "external"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A path that may be chosen: its attributes after import policy, and its source.
    ``weight`` is 0 unless import policy set it, or the speaker weighs what it originates.

    It does not name a prefix: all prefixes of an UPDATE that fared alike share one. It is
    compared by identity, which is what makes the engine's memory of decisions cheap.
    """

    attributes: PathAttributes
    peer: str
    learned: Learned
    bgp_identifier: IPv4Address
    peer_address: Address
    path_id: int = 0
    weight: int = 0

    @property
    def neighbor_as(self) -> Asn | None:
        """RFC 4271 section 9.1.2.2 c; None: our own AS originated the route."""
        return self.attributes.as_path[0] if self.attributes.as_path else None


Candidates = Sequence[Candidate]
Steps = tuple[tuple[Step, Callable[[Candidates], list[Candidate]]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """``multipath``: the paths to use, the best first. ``eliminated``: who lost, by which
    step, first loser first. ``next_hops``: those of the multipath, distinct and sorted;
    empty for a local route, which the kernel has already."""

    best: Candidate
    reason: Step
    multipath: tuple[Candidate, ...]
    eliminated: tuple[tuple[Candidate, Step], ...]
    next_hops: tuple[Address, ...]


def decide(candidates: Candidates, maximum_paths: int = 1) -> Decision:
    """Pick the best of one or more paths, and those as good as it up to ``external``; the
    reason is the last step that eliminated anyone.

    Multipath means "multipath-relax" as routers call it: of the AS_PATHs only the length
    must agree, because circuits of customers with different AS numbers share traffic in
    Azure. Hence MEDs of different neighbouring ASes, which cannot be compared, do not keep
    paths apart. Of paths with the same next hop only the first counts.
    """
    eliminated: list[tuple[Candidate, Step]] = []
    equals = _narrow(list(candidates), PREFERENCES, eliminated)
    remaining = _narrow(equals, TIE_BREAKS, eliminated)
    if len(remaining) != 1:
        raise AssertionError(f"one peer and path id twice: {remaining}: the Adj-RIB-In is corrupt")
    reason = eliminated[-1][1] if eliminated else Step.ONLY_ROUTE
    multipath = _multipath(equals, maximum_paths)
    return Decision(remaining[0], reason, multipath, tuple(eliminated), _next_hops(multipath))


def _narrow(
    remaining: list[Candidate], steps: Steps, eliminated: list[tuple[Candidate, Step]]
) -> list[Candidate]:
    """Take the steps until one is left; losers are noted in ``eliminated``."""
    for step, eliminate in steps:
        if len(remaining) == 1:
            break
        kept = eliminate(remaining)
        if len(kept) < len(remaining):
            eliminated += [(loser, step) for loser in remaining if loser not in kept]
        remaining = kept
    return remaining


def _multipath(equals: Candidates, maximum_paths: int) -> tuple[Candidate, ...]:
    """The best comes first, for ``TIE_BREAKS`` choose by the same order."""
    chosen: dict[Address, Candidate] = {}
    for candidate in sorted(equals, key=_tie_break):
        chosen.setdefault(candidate.attributes.next_hop, candidate)
    return tuple(chosen.values())[: max(1, maximum_paths)]


def _next_hops(multipath: Candidates) -> tuple[Address, ...]:
    if multipath[0].learned is Learned.LOCAL:
        return ()
    return tuple(sorted((path.attributes.next_hop for path in multipath), key=int))


def _lowest(key: Callable[[Candidate], int]) -> Callable[[Candidates], list[Candidate]]:
    """The elimination that keeps all candidates with the lowest ``key``."""

    def eliminate(candidates: Candidates) -> list[Candidate]:
        keys = [key(candidate) for candidate in candidates]
        lowest = min(keys)
        return [candidate for candidate, own in zip(candidates, keys, strict=True) if own == lowest]

    return eliminate


def local_pref(candidate: Candidate) -> int:
    """The degree of preference; RFC 4271 leaves the default to us."""
    value = candidate.attributes.local_pref
    return DEFAULT_LOCAL_PREF if value is None else value


def med(candidate: Candidate) -> int:
    """Absent counts as the lowest possible value, 0 (RFC 4271 section 9.1.2.2 c)."""
    return candidate.attributes.med or 0


def _lowest_med(candidates: Candidates) -> list[Candidate]:
    """Drop a route if another from the same neighbouring AS has a lower MED."""
    lowest: dict[Asn | None, int] = {}
    for candidate in candidates:
        group = candidate.neighbor_as
        lowest[group] = min(med(candidate), lowest.get(group, med(candidate)))
    return [candidate for candidate in candidates if med(candidate) == lowest[candidate.neighbor_as]]


def _tie_break(candidate: Candidate) -> tuple[int, int, int]:
    return int(candidate.bgp_identifier), int(candidate.peer_address), candidate.path_id


PREFERENCES: Steps = (
    (Step.LOCAL_ORIGIN, _lowest(lambda path: path.learned is not Learned.LOCAL)),
    (Step.WEIGHT, _lowest(lambda path: -path.weight)),
    (Step.LOCAL_PREF, _lowest(lambda path: -local_pref(path))),
    (Step.AS_PATH, _lowest(lambda path: len(path.attributes.as_path))),  # 9.1.2.2 a
    (Step.ORIGIN, _lowest(lambda path: path.attributes.origin)),  # b
    (Step.MED, _lowest_med),  # c
    (Step.EXTERNAL, _lowest(lambda path: path.learned is Learned.INTERNAL)),  # d
)
"""What makes a path better; those that tie here may share traffic."""

TIE_BREAKS: Steps = (
    (Step.BGP_IDENTIFIER, _lowest(lambda path: int(path.bgp_identifier))),  # f
    (Step.PEER_ADDRESS, _lowest(lambda path: int(path.peer_address))),  # g
    (Step.PATH_ID, _lowest(lambda path: path.path_id)),
)
"""What makes one of them the best; ``_tie_break`` is the same as a sort order."""
