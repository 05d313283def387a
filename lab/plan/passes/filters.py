"""What each router refuses to forward."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import groupby

from lab.model.azure import GatewayType, VirtualMachine, VirtualNetwork
from lab.model.onprem import Firewall, FirewallRule
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.azure import PeeredPair, instances, linked_legs, peered_pairs, spaces
from lab.plan.facts import extend
from lab.plan.legs import Attached, Leg, all_attached
from lab.plan.microsoft import microsoft_legs, public_networks
from lab.plan.types import FilterAction, FilterRule, PacketFilter, Plan
from lab.plan.vpn import appliances

ACCEPT, DROP = FilterAction.ACCEPT, FilterAction.DROP

_PROTOCOLS: dict[str | None, tuple[str | None, tuple[tuple[int, int], ...]]] = {
    None: (None, ()),
    "ike": ("udp", ((500, 500), (4500, 4500))),
    "esp": ("esp", ()),
    "icmp": ("icmp", ()),
}
"""What an attachment may permit, as a filter's protocol and ports (RFC 7296 section 2, RFC 3948)."""


def filter_packets(topology: Topology, plan: Plan) -> Plan:
    return extend(plan, _filters(topology, plan))


def _filters(topology: Topology, plan: Plan) -> Iterator[PacketFilter]:
    for site in topology.on_premises:
        yield from map(_firewall, site.firewalls)
    yield from _edge_routers(all_attached(topology))
    yield from map(_public_sources, microsoft_legs(topology))
    yield from _circuit_is_no_transit(topology)
    for vnet in topology.virtual_networks:
        yield from _virtual_network(topology, vnet)
    for gateway in topology.virtual_network_gateways:
        if gateway.gateway_type is GatewayType.VPN:
            for instance in instances(gateway):
                yield _only_tunneled(plan, instance, names.OUTSIDE_PORT, names.GATEWAY_PORT)
    yield from (_one_armed(plan, machine) for machine in appliances(topology))
    for site in topology.on_premises:
        for device in site.vpn_devices:
            inside = () if device.inside_zone is None else (names.ifname(device.inside_zone),)
            yield _only_tunneled(plan, device.name, names.HOST_PORT, *inside)


def _only_tunneled(plan: Plan, namespace: str, outside: str, *inside: str) -> PacketFilter:
    """Nothing passes between the public side and the private one but what a tunnel brings."""
    tunnels = (end.ifname for end in plan.tunnels if end.namespace == namespace)
    private = (*inside, *tunnels)
    into = FilterRule(DROP, "from outside, not by tunnel", in_interfaces=(outside,), out_interfaces=private)
    out = FilterRule(DROP, "to outside, not by tunnel", in_interfaces=private, out_interfaces=(outside,))
    return PacketFilter(namespace, (into, out) if private else (), default=ACCEPT if private else DROP)


def _one_armed(plan: Plan, machine: VirtualMachine) -> PacketFilter:
    """An appliance forwards into tunnels and out of them, and nothing back to where it came from. Azure
    lets it when IP forwarding is enabled on its network interface; else it drops what the machine has
    not sent, and what is not for it (learn.microsoft.com, virtual-networks-udr-overview)."""
    port = (names.HOST_PORT,)
    rules = [
        FilterRule(DROP, "neither into a tunnel nor out of one", in_interfaces=port, out_interfaces=port)
    ]
    if not machine.enable_ip_forwarding:
        tunnels = tuple(end.ifname for end in plan.tunnels if end.namespace == machine.name)
        rules.append(FilterRule(DROP, "IP forwarding is not enabled", in_interfaces=tunnels))
        rules.append(FilterRule(DROP, "IP forwarding is not enabled", out_interfaces=tunnels))
    return PacketFilter(machine.name, tuple(rules), default=ACCEPT)


def _firewall(firewall: Firewall) -> PacketFilter:
    established = FilterRule(ACCEPT, "answers to what was allowed", established=True)
    return PacketFilter(firewall.name, (established, *map(_firewall_rule, firewall.rules)))


def _firewall_rule(rule: FirewallRule) -> FilterRule:
    return FilterRule(
        ACCEPT,
        rule.name,
        in_interfaces=(names.ifname(rule.source_zone),),
        out_interfaces=(names.ifname(rule.destination_zone),),
        sources=rule.source_prefixes,
        destinations=rule.destination_prefixes,
        protocol=rule.protocol,
        destination_ports=tuple((port, port) for port in rule.destination_ports),
    )


def _edge_routers(everywhere: tuple[Attached, ...]) -> Iterator[PacketFilter]:
    """Peerings that only some remote prefixes or protocols may use; what crosses none of them passes."""
    limited = [attached for attached in everywhere if _is_limited(attached)]
    limited.sort(key=lambda attached: attached.namespace)
    for namespace, group in groupby(limited, key=lambda attached: attached.namespace):
        rules = tuple(rule for attached in group for rule in _permitted(attached))
        yield PacketFilter(namespace, rules, default=ACCEPT)


def _is_limited(attached: Attached) -> bool:
    attachment = attached.attachment
    return bool(attachment.permitted_remote_prefixes or attachment.permitted_protocols)


def _permitted(attached: Attached) -> Iterator[FilterRule]:
    remote, port = attached.attachment.permitted_remote_prefixes, (attached.ifname,)
    for name in attached.attachment.permitted_protocols or (None,):
        protocol, ports = _PROTOCOLS[name]
        what = "permitted prefixes" if name is None else f"permitted {name}"
        yield FilterRule(
            ACCEPT,
            f"from {what} on {port[0]}",
            in_interfaces=port,
            sources=remote,
            protocol=protocol,
            destination_ports=ports,
        )
        yield FilterRule(
            ACCEPT,
            f"to {what} on {port[0]}",
            out_interfaces=port,
            destinations=remote,
            protocol=protocol,
            destination_ports=ports,
        )
    yield FilterRule(DROP, f"anything else from {port[0]}", in_interfaces=port)
    yield FilterRule(DROP, f"anything else to {port[0]}", out_interfaces=port)


def _public_sources(leg: Leg) -> PacketFilter:
    """Microsoft peering drops what does not come from an advertised public prefix."""
    config, port = leg.peering.microsoft_peering_config, (leg.ifname,)
    sources = () if config is None else config.advertised_public_prefixes
    allowed = FilterRule(ACCEPT, "from advertised public prefixes", in_interfaces=port, sources=sources)
    dropped = FilterRule(DROP, "from any other source", in_interfaces=port)
    return PacketFilter(leg.msee_namespace, (allowed, dropped) if sources else (dropped,), default=ACCEPT)


def _circuit_is_no_transit(topology: Topology) -> Iterator[PacketFilter]:
    """Virtual networks do not reach each other through a circuit, not even by a default route from
    on premises (learn.microsoft.com, expressroute-about-virtual-network-gateways)."""
    ports: dict[str, list[str]] = {}
    for gateway in topology.virtual_network_gateways:
        for linked in linked_legs(topology, gateway):
            ports.setdefault(linked.leg.msee_namespace, []).append(names.ifname(gateway.virtual_network))
    for namespace, networks in ports.items():
        both = tuple(networks)
        rule = FilterRule(DROP, "between virtual networks", in_interfaces=both, out_interfaces=both)
        yield PacketFilter(namespace, (rule,), default=ACCEPT)


def _virtual_network(topology: Topology, vnet: VirtualNetwork) -> Iterator[PacketFilter]:
    """Peering is not transitive, and either side may close it to the networks themselves while
    the gateway stays shared (learn.microsoft.com, virtual-network-peering-overview).

    Not implemented: ``allow_forwarded_traffic``, since a machine that forwards does so into tunnels only.
    """
    pairs = [pair for pair in peered_pairs(topology) if vnet in (pair.a, pair.b)]
    rules = [rule for pair in pairs if _is_closed(pair) for rule in _closed(pair, vnet)]
    ports = tuple(_port(pair, vnet) for pair in pairs)
    if len(ports) > 1:
        comment = "from one peered network to another"
        rules.append(FilterRule(DROP, comment, in_interfaces=ports, out_interfaces=ports))
    rules += _only_public_machines(topology, vnet)
    if rules:
        yield PacketFilter(vnet.name, tuple(rules), default=ACCEPT)


def _only_public_machines(topology: Topology, vnet: VirtualNetwork) -> Iterator[FilterRule]:
    """By the way to Microsoft's public network: nobody but machines with an address there."""
    port = (names.MICROSOFT_EDGE,)
    for network in public_networks(topology):
        if network.vnet == vnet:
            machines = tuple(IPv4Network(private) for private, _ in network.machines)
            comment = "machines with a public address"
            yield FilterRule(ACCEPT, f"from {comment}", out_interfaces=port, sources=machines)
            yield FilterRule(ACCEPT, f"to {comment}", in_interfaces=port, destinations=machines)
            comment = "machine without a public address"
            yield FilterRule(DROP, f"from a {comment}", out_interfaces=port)
            yield FilterRule(DROP, f"to a {comment}", in_interfaces=port)


def _port(pair: PeeredPair, vnet: VirtualNetwork) -> str:
    return names.ifname(_other(pair, vnet).name)


def _other(pair: PeeredPair, vnet: VirtualNetwork) -> VirtualNetwork:
    return pair.b if pair.a == vnet else pair.a


def _is_closed(pair: PeeredPair) -> bool:
    return not (pair.a_half.allow_virtual_network_access and pair.b_half.allow_virtual_network_access)


def _closed(pair: PeeredPair, vnet: VirtualNetwork) -> Iterator[FilterRule]:
    remote, port = _other(pair, vnet), (_port(pair, vnet),)
    ours, theirs = spaces(vnet), spaces(remote)
    comment = f"virtual network access to {remote.name} is off"
    yield FilterRule(DROP, comment, out_interfaces=port, sources=ours, destinations=theirs)
    yield FilterRule(DROP, comment, in_interfaces=port, sources=theirs, destinations=ours)
