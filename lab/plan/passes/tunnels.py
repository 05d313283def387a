"""IPsec tunnels: both ends of each, and ways to the far ends that do not lead through a tunnel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, ip_network

from lab.model.topology import Topology
from lab.model.vpn import ConnectionMode, ConnectionProtocol, IpsecPolicies, TrafficSelectorPolicy
from lab.plan import names
from lab.plan.addresses import host
from lab.plan.azure import spaces, transit_spokes
from lab.plan.constants import (
    ESP_LIFETIME,
    ESP_LIFETIME_KILOBYTES,
    IKE_LIFETIME,
    TUNNEL_MSS,
    TUNNEL_MTU,
)
from lab.plan.facts import Fact, extend
from lab.plan.gateway_subnet import seats
from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS, custom
from lab.plan.queries import address_of
from lab.plan.sites import lan_of, machines
from lab.plan.static import add_routes
from lab.plan.tunnels import Child, Initiation, Proposals, TunnelEnd
from lab.plan.types import AddressAssignment, Plan, StaticRoute
from lab.plan.vpn import Tunnel, static_spaces, tunnels
from lab.plan.vpn_authentication import Proof, devices_proof, gateways_proof

ONE_KIBIBYTE = 1024


def lay_tunnels(topology: Topology, plan: Plan) -> Plan:
    found = tunnels(topology)
    ends = (end for tunnel in found for end in _ends(topology, tunnel))
    plan = replace(plan, tunnels=tuple(_in_order(ends)))
    plan = extend(plan, dict.fromkeys(_loopbacks(found)))
    plan = add_routes(plan, (route for tunnel in found for route in _underlay(plan, tunnel)))
    plan = add_routes(plan, _from_networks(topology, found))
    return add_routes(plan, _discards(topology, found))


def _in_order(ends: Iterable[TunnelEnd]) -> Iterator[TunnelEnd]:
    """Of several tunnels with one prefix the file's first carries it, the next ones stand by."""
    seen: dict[str, int] = {}
    for end in ends:
        yield replace(end, metric=seen.get(end.namespace, 0))
        seen[end.namespace] = seen.get(end.namespace, 0) + 1


def _from_networks(topology: Topology, found: tuple[Tunnel, ...]) -> Iterator[StaticRoute]:
    """A virtual network sends what a local network gateway stands for to the gateway's instances."""
    of_gateways = [tunnel for tunnel in found if tunnel.gateway is not None]
    for connection in dict.fromkeys(tunnel.connection for tunnel in of_gateways):
        through = [tunnel for tunnel in of_gateways if tunnel.connection == connection]
        vnet = through[0].vnet
        hops = tuple(seats(topology, vnet)[tunnel.instance][0].ip for tunnel in through)
        for prefix in through[0].behind:
            yield StaticRoute(vnet.name, prefix, hops)


def _ends(topology: Topology, tunnel: Tunnel) -> Iterator[TunnelEnd]:
    """The device's end is Azure's with the directions turned round, and what it differs in on purpose."""
    azure, device, modes = tunnel.connection, tunnel.override, _modes(tunnel)
    mode, device_mode = modes
    yield _end(
        topology,
        tunnel,
        at_gateway=True,
        proof=gateways_proof(topology, tunnel),
        policies=azure.ipsec_policies,
        children=_children(tunnel),
        dpd=azure.dpd_timeout_seconds,
        initiation=_initiation(mode, patient=device_mode is not ConnectionMode.RESPONDER_ONLY),
        answers=mode is not ConnectionMode.INITIATOR_ONLY,
    )
    mirrored = tuple(replace(one, local=one.remote, remote=one.local) for one in _children(tunnel))
    devices = _end(
        topology,
        tunnel,
        at_gateway=False,
        proof=devices_proof(topology, tunnel),
        policies=device.ipsec_policies or azure.ipsec_policies,
        children=_given(device.traffic_selector_policies) or mirrored,
        dpd=device.dpd_timeout_seconds or azure.dpd_timeout_seconds,
        initiation=_initiation(device_mode, patient=False),
        answers=device_mode is not ConnectionMode.INITIATOR_ONLY,
    )
    yield replace(
        devices,
        ike_lifetime=device.ike_life_time_seconds or devices.ike_lifetime,
        child_lifetime=device.sa_life_time_seconds or devices.child_lifetime,
        reauthenticates=device.reauthentication,
    )


def _end(
    topology: Topology,
    tunnel: Tunnel,
    *,
    at_gateway: bool,
    proof: Proof,
    policies: IpsecPolicies,
    children: tuple[Child, ...],
    dpd: int,
    initiation: Initiation,
    answers: bool,
) -> TunnelEnd:
    """Both kinds of end; ``at_gateway`` says which."""
    own, far = tunnel.device.name, tunnel.instance
    outer, remote = tunnel.device.address, tunnel.azure.public
    inner, inner_peer = tunnel.device_bgp_address, tunnel.bgp_address
    routes = static_spaces(tunnel)
    if at_gateway:
        own, far, outer, remote = far, own, tunnel.azure.address, outer
        inner, inner_peer = inner_peer, inner
        routes = tunnel.behind
    offered, accepted = _proposals(policies)
    return TunnelEnd(
        name=tunnel.name,
        namespace=own,
        ifname=names.ifname(far),
        peer=far,
        local_address=outer,
        remote_address=remote,
        inner_address=inner,
        inner_peer_address=inner_peer,
        shared_key=proof.shared_key,
        offered=offered,
        accepted=accepted,
        children=children,
        takes_any_selectors=at_gateway and tunnel.gateway is not None,
        initiation=initiation,
        answers=answers,
        dpd_timeout=dpd,
        ike_lifetime=IKE_LIFETIME,
        child_lifetime=policies[0].sa_life_time_seconds if policies else ESP_LIFETIME,
        child_bytes=ONE_KIBIBYTE
        * (policies[0].sa_data_size_kilobytes if policies else ESP_LIFETIME_KILOBYTES),
        routes=routes,
        metric=0,
        mtu=TUNNEL_MTU,
        mss=TUNNEL_MSS,
        certificates=proof.certificates,
        ike_version=1 if tunnel.connection.connection_protocol is ConnectionProtocol.IKEV1 else 2,
        translated_address=tunnel.azure.public if at_gateway and tunnel.azure.is_translated else None,
    )


def _modes(tunnel: Tunnel) -> tuple[ConnectionMode, ConnectionMode]:
    """Azure's and the device's."""
    return tunnel.connection.connection_mode, tunnel.override.connection_mode or ConnectionMode.DEFAULT


def _initiation(mode: ConnectionMode, *, patient: bool) -> Initiation:
    if mode is ConnectionMode.RESPONDER_ONLY:
        return Initiation.NEVER
    return Initiation.PATIENT if patient and mode is ConnectionMode.DEFAULT else Initiation.AT_ONCE


def _proposals(policies: IpsecPolicies) -> tuple[Proposals, Proposals]:
    if not policies:
        return AZURE_OFFERS, AZURE_ACCEPTS
    only = custom(policies[0])
    return only, only


def _children(tunnel: Tunnel) -> tuple[Child, ...]:
    """What Azure proposes. Ranges of one policy are one child, policies are children of their own
    (learn.microsoft.com, custom-traffic-selectors); prefixes of a policy-based device are one each."""
    connection = tunnel.connection
    if connection.traffic_selector_policies:
        return _given(connection.traffic_selector_policies)
    if not connection.use_policy_based_traffic_selectors:
        return (Child("any"),)
    pairs = [
        (space, prefix)
        for space in spaces(tunnel.vnet)
        if isinstance(space, IPv4Network)
        for prefix in tunnel.behind
    ]
    return tuple(
        Child(f"selectors-{number}", (space,), (prefix,)) for number, (space, prefix) in enumerate(pairs, 1)
    )


def _given(policies: Iterable[TrafficSelectorPolicy]) -> tuple[Child, ...]:
    return tuple(
        Child(f"selectors-{number}", policy.local_address_ranges, policy.remote_address_ranges)
        for number, policy in enumerate(policies, 1)
    )


def _loopbacks(found: Iterable[Tunnel]) -> Iterator[Fact]:
    """What an Azure end speaks BGP from, where that is no address of an interface."""
    for tunnel in found:
        if tunnel.bgp_address is not None and (tunnel.has_apipa or tunnel.gateway is None):
            yield AddressAssignment(tunnel.instance, "lo", host(tunnel.bgp_address))


def _underlay(plan: Plan, tunnel: Tunnel) -> Iterator[StaticRoute]:
    """The far end's own address stays outside, whatever prefix is learned through the tunnel."""
    far, azure = ip_network(tunnel.azure.public), tunnel.azure
    machine = next(one for one in machines(tunnel.site) if one.name == tunnel.device.name)
    router = lan_of(tunnel.site, machine).router_of(tunnel.device.address)
    yield StaticRoute(machine.name, far, (router.ip,), names.HOST_PORT)
    back = ip_network(tunnel.device.address)
    if azure.router is not None:
        yield StaticRoute(azure.instance, back, (azure.router,), azure.port)
        return
    edge = address_of(plan, names.MICROSOFT_EDGE, names.ifname(azure.instance), 4)
    assert edge is not None, "the Microsoft network pass gave every such port an address"
    yield StaticRoute(azure.instance, back, (edge.ip,), azure.port, onlink=True)


def _discards(topology: Topology, found: Iterable[Tunnel]) -> Iterator[StaticRoute]:
    """A device that learns of a network through its tunnels and has lost them would send by its next best
    route, outside and in the clear; so its last one leads to nowhere."""
    for tunnel in found:
        if tunnel.device.discard_routes and tunnel.connection.enable_bgp:
            for network in (tunnel.vnet, *transit_spokes(topology, tunnel.vnet)):
                for space in spaces(network):
                    if space.version == 4:
                        yield StaticRoute(tunnel.device.name, space, (), last_resort=True)
