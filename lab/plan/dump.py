"""A plan as text, one fact per line, and as plain data; neither holds a secret.

The text is what `mseelab plan` prints and what golden files hold: grouped by kind and sorted, so
that a difference between two plans is a difference of lines. What has an order keeps it: the rules
of a filter and of a policy are numbered, suggestions stay in theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from lab.bgp.policy import ACCEPT_ALL, REJECT_ALL, Policy
from lab.bgp.route import Community, format_community
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig
from lab.plan.dump_rules import describe_filter_rule, describe_policy
from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS
from lab.plan.tunnels import Proposals, TunnelEnd
from lab.plan.types import (
    AddressAssignment,
    Bridge,
    Namespace,
    Node,
    PacketFilter,
    Plan,
    Speaker,
    StaticRoute,
    SubInterface,
    Translation,
    Wire,
)

HIDDEN = "***"


def dump(plan: Plan) -> str:
    """The plan's canonical text."""
    lines = [f"plan {plan.name}"]
    lines += sorted(map(_node, plan.nodes))
    lines += sorted(map(_namespace, plan.namespaces))
    lines += sorted(map(_wire, plan.wires))
    lines += sorted(map(_sub_interface, plan.sub_interfaces))
    lines += sorted(map(_bridge, plan.bridges))
    lines += sorted(map(_address, plan.addresses))
    lines += sorted(map(_static_route, plan.static_routes))
    lines += sorted(map(_translation, plan.translations))
    for packet_filter in sorted(plan.filters, key=lambda one: one.namespace):
        lines += _filter(packet_filter)
    for end in sorted(plan.tunnels, key=lambda one: (one.name, one.namespace)):
        lines += _tunnel(end)
    for speaker in sorted(plan.speakers, key=lambda one: one.namespace):
        lines += _speaker(speaker)
    lines += [f"expected-down {namespace} {name}" for namespace, name in sorted(plan.expected_down)]
    lines += [f"expected-down tunnel {name}" for name in sorted(plan.tunnels_down)]
    lines += [f"try {one.command}  # {one.shows}" for one in plan.suggestions]
    return "\n".join(lines) + "\n"


def _node(node: Node) -> str:
    return f"node {node.name} {node.role.value} in {' / '.join(node.group)}"


def _namespace(namespace: Namespace) -> str:
    return f"namespace {namespace.name} {'forwards' if namespace.forwarding else 'does not forward'}"


def _wire(wire: Wire) -> str:
    return f"wire {wire.name} {wire.a} <-> {wire.b} mtu={wire.mtu}{' trunk' if wire.trunk else ''}"


def _sub_interface(sub: SubInterface) -> str:
    s_tag = "" if sub.s_tag is None else f" s-tag={sub.s_tag}"
    return f"tag {sub.namespace}:{sub.ifname} on {sub.port}{s_tag} c-tag={sub.c_tag} mtu={sub.mtu}"


def _bridge(bridge: Bridge) -> str:
    return f"bridge {bridge.namespace}:{bridge.ifname} of {', '.join(bridge.ports) or 'nothing'}"


def _address(assigned: AddressAssignment) -> str:
    return f"address {assigned.namespace}:{assigned.ifname} {assigned.address}"


def _static_route(route: StaticRoute) -> str:
    via = f"via {', '.join(map(str, route.next_hops))}" if route.next_hops else "blackhole"
    dev = "" if route.ifname is None else f" dev {route.ifname}"
    words = f"{' onlink' if route.onlink else ''}{' last resort' if route.last_resort else ''}"
    return f"route {route.namespace} {route.prefix} {via}{dev}{words}"


def _translation(one: Translation) -> str:
    return f"translate {one.namespace}:{one.ifname} {one.inside} <-> {one.outside}"


def _filter(packet_filter: PacketFilter) -> Iterator[str]:
    yield f"filter {packet_filter.namespace} default {packet_filter.default.value}"
    for number, rule in enumerate(packet_filter.rules, start=1):
        yield f"filter {packet_filter.namespace} {number} {describe_filter_rule(rule)}"


def _tunnel(end: TunnelEnd) -> Iterator[str]:
    here = f"tunnel {end.name} {end.namespace}:{end.ifname}"
    selectors = "any-from-peer" if end.takes_any_selectors else "own"
    answers = "" if end.answers else " does-not-answer"
    yield f"{here} {end.local_address} -> {end.remote_address} ({end.peer}) mtu={end.mtu} mss={end.mss}"
    if end.translated_address is not None:
        yield f"{here} known-as {end.translated_address}"
    yield f"{here} starts {end.initiation.value}{answers} dpd={end.dpd_timeout} {_proof(end)}"
    anew = " reauthenticates" if end.reauthenticates else ""
    yield f"{here} lifetimes ike={end.ike_lifetime}{anew} esp={end.child_lifetime} bytes={end.child_bytes}"
    yield f"{here} offers {_proposals(end.offered)}"
    yield f"{here} accepts {_proposals(end.accepted)}"
    for child in end.children:
        local, remote = ",".join(map(str, child.local)), ",".join(map(str, child.remote))
        yield f"{here} child {child.name} {local} <-> {remote} accepts={selectors}"
    if end.inner_peer_address is not None:
        yield f"{here} bgp {end.inner_address} -> {end.inner_peer_address}"
    for route in end.routes:
        yield f"{here} route {route} metric={end.metric}"


def _proof(end: TunnelEnd) -> str:
    old = " ikev1" if end.ike_version == 1 else ""
    if end.certificates is None:
        return f"key={HIDDEN}{old}"
    own, expired = end.certificates.own, " expired" if end.certificates.own.expired else ""
    wanted = f"CN={end.certificates.peer_subject} by {', '.join(end.certificates.trusted)}"
    return f"shows CN={own.subject} by {own.issuer}{expired} wants {wanted}{old}"


def _proposals(proposals: Proposals) -> str:
    """The long lists of the default policy by name."""
    if proposals in (AZURE_OFFERS, AZURE_ACCEPTS):
        return "what Azure's default policy does"
    return f"ike {' '.join(proposals.ike)} esp {' '.join(proposals.esp)}"


def _speaker(speaker: Speaker) -> Iterator[str]:
    config, here = speaker.config, f"speaker {speaker.namespace}"
    labels = _policy_labels(config)
    weight = f" origination-weight={config.origination_weight}" if config.origination_weight else ""
    yield f"{here} as={config.asn} id={config.bgp_identifier} maximum-paths={config.maximum_paths}{weight}"
    yield from sorted(f"{here} connected {network}" for network in config.connected)
    yield from sorted(f"{here} originates {_origination(one)}" for one in config.originations)
    yield from sorted(f"{here} neighbor {_neighbor(one, labels)}" for one in config.neighbors)
    for policy, label in sorted(labels.items(), key=lambda item: item[1]):
        if policy not in (ACCEPT_ALL, REJECT_ALL):
            yield from (f"{here} policy {label} {line}" for line in describe_policy(policy))


def _policy_labels(config: SpeakerConfig) -> dict[Policy, str]:
    """A name for each of the speaker's policies: its own, numbered where two share one."""
    labels: dict[Policy, str] = {}
    for neighbor in config.neighbors:
        for policy in (neighbor.import_policy, neighbor.export_policy):
            if policy not in labels:
                same = sum(other.name == policy.name for other in labels)
                labels[policy] = f"{policy.name}#{same + 1}" if same else policy.name
    return labels


def _origination(origination: Origination) -> str:
    communities = " ".join(map(format_community, sorted(origination.communities)))
    as_path = f" as-path={' '.join(map(str, origination.as_path))}" if origination.as_path else ""
    return f"{origination.prefix} {communities}".rstrip() + as_path


def _neighbor(neighbor: Neighbor, labels: dict[Policy, str]) -> str:
    timers = neighbor.timers
    facts = [
        neighbor.name,
        f"{neighbor.local_address} {'<-' if neighbor.passive else '->'} {neighbor.peer_address}",
        f"as={neighbor.peer_asn}",
        f"timers={timers.keepalive}/{timers.hold}/{timers.restart}",
        f"import={labels[neighbor.import_policy]}",
        f"export={labels[neighbor.export_policy]}",
        *_options(neighbor),
    ]
    return " ".join(facts)


def _options(neighbor: Neighbor) -> Iterator[str]:
    valued = (
        ("ttl", neighbor.ttl),
        ("max-prefixes", neighbor.max_prefixes),
        ("max-originations", neighbor.max_originations and "{}/{}".format(*neighbor.max_originations)),
        ("allow-own-as", neighbor.allow_own_as or None),
        ("password", None if neighbor.password is None else HIDDEN),
    )
    flags = (
        ("next-hop-self", neighbor.next_hop_self),
        ("route-reflector-client", neighbor.route_reflector_client),
        ("add-path", neighbor.add_path),
    )
    yield from (f"{name}={value}" for name, value in valued if value is not None)
    yield from (name for name, is_set in flags if is_set)


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data for ``json``: every field by its name, addresses as text."""
    data: dict[str, Any] = _plain(plan)
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, Neighbor):
        return _fields(value) | {"password": None if value.password is None else HIDDEN}
    if isinstance(value, TunnelEnd):
        return _fields(value) | {"shared_key": None if value.shared_key is None else HIDDEN}
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):  # of neighbours' names or of communities
        return [format_community(Community(one)) if isinstance(one, int) else one for one in sorted(value)]
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
