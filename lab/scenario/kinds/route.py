"""A route stands in a speaker's Loc-RIB, or does not."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import Field

from lab.bgp.decision import Step
from lab.model.fields import Address, AsNumber, CommunityText, Network
from lab.scenario.chain import broken_route
from lab.scenario.kinds.base import Absence, Expectation, NamespaceName, Sight
from lab.scenario.running import Json, RunningLab
from lab.scenario.words import counted, listed, spaced

MOST_SHOWN = 8
"""Candidates that a sight lists; of a full table nobody would read more."""


class RoutePresent(Expectation):
    """At least one candidate of the prefix fits all that is given."""

    node: NamespaceName
    prefix: Network
    peer: str | None = None
    """The neighbour it was learned from."""
    as_path: tuple[AsNumber, ...] | None = None
    """The whole AS path, first the neighbour's; an empty list for one of our own."""
    next_hop: Address | None = None
    communities: tuple[CommunityText, ...] | None = None
    """All of them, exactly; an empty list for none at all."""
    weight: int | None = None
    """The speaker's own ranking, which no UPDATE carries; of a gateway's routes, for instance."""
    local_preference: int | None = None
    best: bool | None = None
    because: Step | None = None
    """The step of the decision that chose it or, for one that is not best, that eliminated it;
    the REASON of `mseelab show routes`."""
    candidates: int | None = None
    """How many candidates fit, exactly; left out: one or more."""

    def claim(self) -> str:
        what = f"{self.node} has {self.prefix}"
        if self.candidates is not None:
            what = f"{self.node} has {counted(self.candidates, 'candidate')} of {self.prefix}"
        return what + "".join(self._conditions())

    def look(self, lab: RunningLab) -> Sight:
        known = _candidates(lab, self.node, str(self.prefix))
        fitting = [route for route in known if self._fits(route)]
        holds = bool(fitting) if self.candidates is None else len(fitting) == self.candidates
        return Sight(holds, _shown(known) or f"no candidate of {self.prefix}")

    def broken_link(self, lab: RunningLab) -> str | None:
        return broken_route(lab, self.node, self.prefix, self.peer) or self._lost(lab) or self._otherwise(lab)

    def _conditions(self) -> Iterator[str]:
        if self.peer is not None:
            yield f" from {self.peer}"
        if self.as_path is not None:
            yield f" with AS path {spaced(self.as_path)}"
        if self.next_hop is not None:
            yield f", next hop {self.next_hop}"
        if self.communities is not None:
            yield f", communities {spaced(self.communities)}"
        if self.weight is not None:
            yield f", weight {self.weight}"
        if self.local_preference is not None:
            yield f", local pref {self.local_preference}"
        if self.best is not None:
            yield ", best" if self.best else ", not best"
        if self.because is not None:
            yield f", by {self.because.value}"

    def _fits(self, route: Json) -> bool:
        return not self._misfits(route)

    def _misfits(self, route: Json) -> list[str]:
        """The properties in which the candidate is other than claimed."""
        facts = {
            "peer": (self.peer, route["peer"]),
            "AS path": (self.as_path, tuple(route["as_path"])),
            "next hop": (self.next_hop, ip_address(route["next_hop"])),
            "communities": (
                None if self.communities is None else set(self.communities),
                set(route["communities"]),
            ),
            "weight": (self.weight, route["weight"]),
            "local pref": (self.local_preference, route["local_pref"]),
            "best": (self.best, route["best"]),
            "reason": (None if self.because is None else self.because.value, route["reason"]),
        }
        return [name for name, (wanted, found) in facts.items() if wanted is not None and wanted != found]

    def _otherwise(self, lab: RunningLab) -> str | None:
        """For a route that is there and is not as claimed: who sent each candidate, what let it
        in, and in what it differs."""
        misfits: dict[str, list[str]] = {}
        for route in _candidates(lab, self.node, str(self.prefix)):
            misfits.setdefault(route["peer"], self._misfits(route))
        lines = [
            f"{self.node}, from {path['peer']}: {path['explanation']}; {_verdict(misfits[path['peer']])}"
            for path in lab.why(self.node, str(self.prefix))["received"]
            if path["accepted"] and path["peer"] in misfits and self.peer in (None, path["peer"])
        ]
        return _first_of(lines) or None

    def _lost(self, lab: RunningLab) -> str | None:
        """For a route that is there and should be the best: what was preferred, and by which step."""
        decision = lab.why(self.node, str(self.prefix))["decision"]
        if not self.best or decision is None or self.peer in (None, decision["best"]):
            return None
        for step in decision["steps"]:
            for path in step["eliminated"]:
                if path["peer"] == self.peer:
                    kept = listed(f"{each['peer']} ({_value(each['value'])})" for each in step["kept"])
                    return f"{step['step']}: {kept} preferred over {self.peer} ({_value(path['value'])})"
        return None


class NoRoute(Absence):
    """No candidate of the prefix fits all that is given."""

    node: NamespaceName
    prefix: Network
    or_longer: bool = False
    """Nor of any prefix inside it."""
    peer: str | None = None

    def claim(self) -> str:
        inside = " nor to anything inside it" if self.or_longer else ""
        source = f" from {self.peer}" if self.peer is not None else ""
        return f"{self.node} has no route to {self.prefix}{inside}{source}"

    def look(self, lab: RunningLab) -> Sight:
        found = [route for route in lab.routes(self.node) if self._is_meant(route)]
        return Sight(not found, _shown(found) or "none")

    def broken_link(self, lab: RunningLab) -> str | None:
        """Who let it in, and by which rule."""
        found = [route for route in lab.routes(self.node) if self._is_meant(route)]
        for path in lab.why(self.node, found[0]["prefix"])["received"] if found else []:
            if path["accepted"] and self.peer in (None, path["peer"]):
                return f"{self.node}, from {path['peer']}: {path['explanation']}"
        return None

    def _is_meant(self, route: Json) -> bool:
        if self.peer not in (None, route["peer"]):
            return False
        if not self.or_longer:
            return bool(route["prefix"] == str(self.prefix))
        prefix = ip_network(route["prefix"])
        return prefix.version == self.prefix.version and prefix.subnet_of(self.prefix)  # type: ignore[arg-type]


class FibEntry(Expectation):
    """The kernel has the prefix, by exactly these next hops."""

    node: NamespaceName
    prefix: Network
    next_hops: Annotated[tuple[str, ...], Field(min_length=1)]
    """Addresses; for what is directly connected, the name of the interface."""

    def claim(self) -> str:
        return f"the kernel of {self.node} forwards {self.prefix} by {listed(self.next_hops)}"

    def look(self, lab: RunningLab) -> Sight:
        found = _next_hops(lab, self.node, str(self.prefix))
        if found is None:
            return Sight(False, f"no entry for {self.prefix}")
        return Sight(set(found) == set(map(_canonical, self.next_hops)), f"by {listed(found)}")

    def broken_link(self, lab: RunningLab) -> str | None:
        if not any(speaker.namespace == self.node for speaker in lab.plan.speakers):
            return None
        missing = broken_route(lab, self.node, self.prefix)
        return missing or f"{self.node} decided: {lab.why(self.node, str(self.prefix))['fib']['explanation']}"


class NoFibEntry(Absence):
    """The kernel does not have the prefix."""

    node: NamespaceName
    prefix: Network

    def claim(self) -> str:
        return f"the kernel of {self.node} has no entry for {self.prefix}"

    def look(self, lab: RunningLab) -> Sight:
        found = _next_hops(lab, self.node, str(self.prefix))
        return Sight(found is None, "none" if found is None else f"by {listed(found)}")

    def broken_link(self, lab: RunningLab) -> str | None:
        return NoRoute(node=self.node, prefix=self.prefix, holds_for=self.holds_for).broken_link(lab)


def _candidates(lab: RunningLab, node: str, prefix: str) -> list[Json]:
    return [route for route in lab.routes(node) if route["prefix"] == prefix]


def _shown(routes: list[Json]) -> str:
    """What may be claimed of a route, candidate by candidate."""
    return _first_of([_described(route) for route in routes])


def _first_of(lines: list[str]) -> str:
    more = [f"and {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else []
    return "\n".join([*lines[:MOST_SHOWN], *more])


def _verdict(misfits: list[str]) -> str:
    return f"not as claimed: {listed(misfits)}" if misfits else "as claimed"


def _described(route: Json) -> str:
    facts = [
        f"{route['prefix']} from {route['peer']}: AS path {spaced(route['as_path'])}",
        f"next hop {route['next_hop']}",
        f"communities {spaced(route['communities'])}",
        *([f"weight {route['weight']}"] if route["weight"] else []),
        f"local pref {route['local_pref']}",
        f"{'best' if route['best'] else 'not best'}, by {route['reason']}",
    ]
    return ", ".join(facts)


def _value(value: object) -> str:
    return spaced(value) if isinstance(value, list) else str(value)


def _next_hops(lab: RunningLab, node: str, prefix: str) -> list[str] | None:
    """By address, or by interface where there is none; None without an entry."""
    for entry in lab.fib(node):
        if entry["prefix"] == prefix:
            return [_canonical(hop["gateway"] or hop["interface"]) for hop in entry["next_hops"]]
    return None


def _canonical(hop: str) -> str:
    """One spelling for each address (RFC 5952)."""
    try:
        return str(ip_address(hop))
    except ValueError:
        return hop
