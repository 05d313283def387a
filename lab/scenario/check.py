"""The rules a scenario keeps, in one table: S-10 and on.

A rule is a function from a View to Findings whose docstring says why, and a row here. Names are
looked up in the plan that the scenario starts with, since no change of a running lab adds or
removes a node, an interface, a session or an address (``lab.plan.changes``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Network, ip_address
from typing import Any

from lab.bgp.route import LOCAL, Address, Prefix
from lab.model.problem import Finding, Loc
from lab.model.properties import closest
from lab.plan.queries import connected_networks, interfaces_of, own_addresses, owners
from lab.plan.types import Plan
from lab.scenario.bounds import OF_SESSIONS, OF_TUNNELS, Cause, at_least, at_most
from lab.scenario.breaking import misfits, strays
from lab.scenario.kinds.announce import Originate, Withdraw
from lab.scenario.kinds.arp import ArpEntry, NoArpEntry
from lab.scenario.kinds.base import Action, Expectation
from lab.scenario.kinds.flow import Interruption, StartFlow
from lab.scenario.kinds.route import FibEntry, RoutePresent
from lab.scenario.kinds.traffic import NoReach, NotOnWire, OnWire, Reach
from lab.scenario.kinds.transfer import NoTransfer, TransferDone
from lab.scenario.kinds.tunnel import NoTunnel, TunnelUp, names_of
from lab.scenario.scenario import Scenario
from lab.scenario.step import Step

POSITIVES: dict[str, tuple[str, ...]] = {
    "no_session": ("session", "prefixes"),
    "no_tunnel": ("tunnel", "reach"),
    "no_route": ("route",),
    "no_fib": ("fib",),
    "no_arp": ("arp",),
    "no_reach": ("reach", "spread", "wire"),
    "no_wire": ("wire", "reach"),
    "no_transfer": ("transfer", "reach"),
}
"""The kinds of which one has to hold before an absence of that kind means anything. Only a session
that is established carries prefixes; a tunnel whose ends reach each other could be there."""

OF_SPEAKERS = frozenset({"session", "no_session", "route", "no_route", "prefixes", "originate", "withdraw"})
"""Kinds whose node has to speak BGP."""

LINK_LOCAL = IPv6Network("fe80::/10")
"""On every interface (RFC 4291)."""

LISTED = 12
"""Names that a hint lists before it says how many more there are."""

Kind = Expectation | Action


@dataclass(frozen=True, slots=True)
class View:
    """A scenario as the rules look at it: its steps with their places, and the lab's names."""

    scenario: Scenario
    plan: Plan | None
    """None when there is none: then names cannot be looked up."""

    def steps(self) -> Iterator[tuple[Loc, Step]]:
        return ((("steps", index), step) for index, step in enumerate(self.scenario.steps))

    def kinds(self) -> Iterator[tuple[Loc, str, Kind]]:
        """What each step holds, with the place of it; not the patches of changes."""
        for loc, step in self.steps():
            if isinstance(step.what, Expectation | Action):
                yield (*loc, step.kind), step.kind, step.what

    def on_plan(self) -> Iterator[tuple[Loc, str, Kind, Plan]]:
        """The same, when there is a plan to look names up in."""
        if self.plan is not None:
            yield from ((*entry, self.plan) for entry in self.kinds())


def absences_come_after_a_positive(view: View) -> Iterator[Finding]:
    """In a lab where nothing works nothing is there: an absence says something only once the
    same thing was seen to be there."""
    seen: set[str] = set()
    for loc, step in view.steps():
        wanted = POSITIVES.get(step.kind)
        if wanted and seen.isdisjoint(wanted):
            what = f"{step.kind} before any step has {_either(wanted)}"
            yield Finding((*loc, step.kind), what, "claim first what must be there, then what must not")
        seen.add(step.kind)


def the_last_step_is_an_expectation(view: View) -> Iterator[Finding]:
    """What is done and not looked at proves nothing."""
    *_, (loc, last) = view.steps()
    if not isinstance(last.what, Expectation):
        yield Finding((*loc, last.kind), f"the last step is {last.kind}", "end with what it should lead to")


def namespaces_exist(view: View) -> Iterator[Finding]:
    """Each routing table has a name of its own; a node with VRFs has one for each."""
    for loc, _, what, plan in view.on_plan():
        known = [namespace.name for namespace in plan.namespaces]
        for place, name in _namespaces(loc, what):
            yield from _unless_known(place, "node", name, known, "nodes")


def speakers_speak(view: View) -> Iterator[Finding]:
    """Sessions, routes and announcements are a BGP speaker's."""
    for loc, kind, what, plan in view.on_plan():
        node = getattr(what, "node", None)
        exists = any(namespace.name == node for namespace in plan.namespaces)
        speakers = [speaker.namespace for speaker in plan.speakers]
        if kind in OF_SPEAKERS and exists and node not in speakers:
            inside = [name for name in speakers if name.startswith(f"{node}/")]
            hint = f"its VRFs do: {', '.join(inside)}" if inside else f"speakers: {_listed(speakers)}"
            yield Finding((*loc, "node"), f"{node} does not speak BGP", hint)


def neighbors_exist(view: View) -> Iterator[Finding]:
    """A neighbour is named as `mseelab show bgp` does, the far namespace; a route may also be the
    speaker's own."""
    for loc, kind, what, plan in view.on_plan():
        field, own = ("peer", [LOCAL]) if kind in ("route", "no_route") else ("neighbor", [])
        node, name = getattr(what, "node", None), getattr(what, field, None)
        for speaker in plan.speakers:
            if name is not None and speaker.namespace == node:
                known = [neighbor.name for neighbor in speaker.config.neighbors]
                yield from _unless_known(
                    (*loc, field), "neighbor", name, [*known, *own], f"neighbors of {node}"
                )


def interfaces_exist(view: View) -> Iterator[Finding]:
    """An interface is looked for in its namespace."""
    for loc, _, what, plan in view.on_plan():
        known = [namespace.name for namespace in plan.namespaces]
        for place, name in _interfaces(loc, what):
            node, _, interface = name.rpartition(":")
            if node not in known:
                yield from _unless_known(place, "node", node, known, "nodes")
            else:
                there = list(interfaces_of(plan, node))
                yield from _unless_known(place, "interface", interface, there, f"interfaces of {node}")


def answers_come_from_somebody(view: View) -> Iterator[Finding]:
    """Only an address that a node has answers a probe, so that nothing is learned from the silence
    of another."""
    for loc, _, what, plan in view.on_plan():
        if not isinstance(what, Reach | NoReach | NotOnWire | TransferDone | NoTransfer | StartFlow):
            continue
        if not owners(plan, what.destination):
            known = {str(each.address.ip): each.namespace for each in plan.addresses}
            near = closest(str(what.destination), known)
            hint = f"did you mean {near} of {known[near]}?" if near else "`mseelab plan` lists addresses"
            yield Finding((*loc, "destination"), f"no node has the address {what.destination}", hint)


def neighbors_are_asked_for(view: View) -> Iterator[Finding]:
    """A node asks for the link-layer addresses of others in its own networks, and for no more."""
    for loc, _, what, plan in view.on_plan():
        if not isinstance(what, ArpEntry | NoArpEntry):
            continue
        networks = connected_networks(plan, what.node)
        place = (*loc, "address")
        if what.address in own_addresses(plan, what.node):
            yield Finding(place, f"{what.address} is {what.node}'s own address", "it does not ask for that")
        elif networks and not any(what.address in each for each in (*networks, LINK_LOCAL)):
            hint = f"its networks: {_listed([str(each) for each in networks])}"
            yield Finding(place, f"{what.node} has no interface in a network of {what.address}", hint)


def next_hops_are_addresses_or_interfaces(view: View) -> Iterator[Finding]:
    """What the kernel forwards by: a router's address, or an interface for what is connected."""
    for loc, _, what, plan in view.on_plan():
        if isinstance(what, FibEntry):
            known = [*interfaces_of(plan, what.node), "lo"]
            for index, text in enumerate(what.next_hops):
                place, address = (*loc, "next_hops", index), _address(text)
                if address is None:
                    yield from _unless_known(place, "interface", text, known, f"interfaces of {what.node}")
                else:
                    yield from _unless_one_family(place, address, what.prefix)


def families_agree(view: View) -> Iterator[Finding]:
    """IPv4 goes to IPv4, IPv6 to IPv6."""
    for loc, _, what in view.kinds():
        if isinstance(what, RoutePresent):
            yield from _unless_one_family((*loc, "next_hop"), what.next_hop, what.prefix)
        elif isinstance(what, Reach | NoReach | TransferDone | NoTransfer | StartFlow):
            yield from _unless_one_family((*loc, "source_address"), what.source_address, what.destination)


def ports_are_of_udp_and_tcp(view: View) -> Iterator[Finding]:
    """ICMP has none."""
    for loc, _, what in view.kinds():
        if not isinstance(what, Reach | NoReach | OnWire | NotOnWire):
            continue
        if what.port is not None and what.protocol == "icmp":
            hint = "say protocol: udp or protocol: tcp"
            yield Finding((*loc, "port"), "a port without udp or tcp", hint)


def counts_are_counts(view: View) -> Iterator[Finding]:
    """A claim about prefixes says how many, of at least one direction."""
    for loc, kind, what in view.kinds():
        if kind == "prefixes":
            counts = {name: getattr(what, name) for name in ("received", "accepted", "advertised")}
            if not any(count is not None for count in counts.values()):
                yield Finding(loc, "says no number", f"give one of {', '.join(counts)}")
            for name, count in counts.items():
                if count is not None and count < 0:
                    yield Finding((*loc, name), f"{count} is less than 0", "how many prefixes, exactly")


def withdrawn_is_what_was_announced(view: View) -> Iterator[Finding]:
    """A withdrawal of what nobody announced changes nothing. Series are not looked at here."""
    announced: dict[str, set[Any]] = {}
    plan = view.plan
    for speaker in plan.speakers if plan else ():
        announced[speaker.namespace] = {each.prefix for each in speaker.config.originations}
    series: dict[str, list[Any]] = {}
    for loc, _, what, _ in view.on_plan():
        if isinstance(what, Originate):
            announced.setdefault(what.node, set()).update(what.prefixes)
            series.setdefault(what.node, []).extend([what.series] if what.series else [])
        elif isinstance(what, Withdraw) and not series.get(what.node):
            for index, prefix in enumerate(what.prefixes):
                if prefix not in announced.get(what.node, ()):
                    yield Finding((*loc, "prefixes", index), f"{what.node} does not announce {prefix}")


def tunnels_exist(view: View) -> Iterator[Finding]:
    """A tunnel is named by one of its ends, and there by its peer or its name, as `mseelab show
    tunnels` does."""
    for loc, _, what, plan in view.on_plan():
        if not isinstance(what, TunnelUp | NoTunnel):
            continue
        ends = [end for end in plan.tunnels if end.namespace == what.node]
        if ends:
            yield from _unless_known(
                (*loc, "peer"), "tunnel", what.peer, names_of(ends), f"tunnels of {what.node}"
            )
        elif any(namespace.name == what.node for namespace in plan.namespaces):
            nodes = list(dict.fromkeys(end.namespace for end in plan.tunnels))
            yield Finding((*loc, "node"), f"no tunnel ends at {what.node}", f"they end at: {_listed(nodes)}")


def flows_are_begun_once_and_before_they_are_looked_at(view: View) -> Iterator[Finding]:
    """A flow is known by its name."""
    begun: list[str] = []
    for loc, _, what in view.kinds():
        if isinstance(what, StartFlow):
            if what.name in begun:
                hint = "each has a name of its own"
                yield Finding((*loc, "name"), f"there is a flow {what.name} already", hint)
            begun.append(what.name)
        elif isinstance(what, Interruption):
            yield from _unless_known((*loc, "flow"), "flow", what.flow, begun, "flows begun before")


def conversations_begin_at_an_address_of_their_own(view: View) -> Iterator[Finding]:
    """What comes back has to find its way to who began."""
    for loc, _, what, plan in view.on_plan():
        if not isinstance(what, TransferDone | NoTransfer | StartFlow) or what.source_address is None:
            continue
        own, address = own_addresses(plan, what.source), what.source_address
        if own and address not in own and address.version == what.destination.version:
            hint = f"it has: {_listed([str(each) for each in sorted(own, key=str)])}"
            yield Finding((*loc, "source_address"), f"{address} is no address of {what.source}", hint)


def interruptions_are_bounded(view: View) -> Iterator[Finding]:
    """A claim about an interruption says how long it may be, by timers that the lab has."""
    for loc, _, what in view.kinds():
        if not isinstance(what, Interruption):
            continue
        if what.at_most is None and what.at_least is None and what.lost_at_most is None:
            yield Finding(loc, "says no bound", "give at_most, at_least or lost_at_most")
        if view.plan is not None:
            yield from _wrong_bounds(loc, what, view.plan)


def _wrong_bounds(loc: Loc, what: Interruption, plan: Plan) -> Iterator[Finding]:
    for field, causes in (("at_most", what.at_most or ()), ("at_least", what.at_least or ())):
        for cause in causes:
            if cause in OF_TUNNELS and not plan.tunnels:
                yield Finding((*loc, field), f"{cause.value} in a lab without tunnels")
            if cause in OF_SESSIONS and not any(speaker.config.neighbors for speaker in plan.speakers):
                yield Finding((*loc, field), f"{cause.value} in a lab without BGP sessions")
    if what.at_least is None:
        return
    least = at_least(plan, what.at_least).seconds
    if not least:
        hint = f"{Cause.HOLD.value} and {Cause.RESTART.value} take some"
        yield Finding((*loc, "at_least"), "these may take no time at all", hint)
    elif what.at_most is not None and least > at_most(plan, what.at_most).seconds:
        yield Finding((*loc, "at_least"), "this is more than at_most")


def faults_fit(view: View) -> Iterator[Finding]:
    """What is broken has to be there."""
    if view.plan is not None:
        yield from misfits(((loc, what) for loc, _, what in view.kinds()), view.plan)


def faults_are_applied_before_they_are_cleared(view: View) -> Iterator[Finding]:
    """What is mended is called by what it was called when it was broken."""
    yield from strays((loc, what) for loc, _, what in view.kinds())


Rule = Callable[[View], Iterator[Finding]]

RULES: tuple[tuple[str, Rule], ...] = (
    ("S-10", absences_come_after_a_positive),
    ("S-11", the_last_step_is_an_expectation),
    ("S-12", namespaces_exist),
    ("S-13", speakers_speak),
    ("S-14", neighbors_exist),
    ("S-15", interfaces_exist),
    ("S-16", answers_come_from_somebody),
    ("S-17", next_hops_are_addresses_or_interfaces),
    ("S-18", families_agree),
    ("S-19", ports_are_of_udp_and_tcp),
    ("S-20", counts_are_counts),
    ("S-21", withdrawn_is_what_was_announced),
    ("S-22", neighbors_are_asked_for),
    ("S-23", tunnels_exist),
    ("S-24", faults_fit),
    ("S-25", faults_are_applied_before_they_are_cleared),
    ("S-30", flows_are_begun_once_and_before_they_are_looked_at),
    ("S-31", conversations_begin_at_an_address_of_their_own),
    ("S-32", interruptions_are_bounded),
)


def findings(scenario: Scenario, plan: Plan | None) -> Iterator[Finding]:
    """Everything in which the scenario breaks a rule, each finding with the rule's name."""
    view = View(scenario, plan)
    for name, rule in RULES:
        for finding in rule(view):
            yield replace(finding, rule=name)


def _namespaces(loc: Loc, what: Kind) -> Iterator[tuple[Loc, str]]:
    for field in ("node", "source"):
        if hasattr(what, field):
            yield (*loc, field), getattr(what, field)


def _interfaces(loc: Loc, what: Kind) -> Iterator[tuple[Loc, str]]:
    if hasattr(what, "interface"):
        yield (*loc, "interface"), what.interface
    for index, name in enumerate(getattr(what, "over", ())):
        yield (*loc, "over", index), name


def _unless_known(loc: Loc, kind: str, name: str, known: Collection[str], where: str) -> Iterator[Finding]:
    if name not in known:
        near = closest(name, known)
        what = f"there is no {kind} {name!r}" + (f", did you mean {near!r}?" if near else "")
        yield Finding(loc, what, f"{where}: {_listed(known)}")


def _listed(names: Collection[str]) -> str:
    known = list(names)
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return (", ".join(known[:LISTED]) or "none") + more


def _either(kinds: tuple[str, ...]) -> str:
    return " or ".join(kinds)


def _unless_one_family(loc: Loc, one: Address | None, other: Address | Prefix) -> Iterator[Finding]:
    if one is not None and one.version != other.version:
        hint = "IPv4 goes with IPv4, IPv6 with IPv6"
        yield Finding(loc, f"{one} and {other} are of two IP versions", hint)


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
