"""What to try first in a lab that has just come up."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.topology import Topology
from lab.plan.facts import extend
from lab.plan.types import AddressAssignment, Plan, Role, Speaker, Suggestion


def suggest(topology: Topology, plan: Plan) -> Plan:
    return extend(plan, _suggestions(topology, plan))


def _suggestions(topology: Topology, plan: Plan) -> Iterator[Suggestion]:
    host, machine = _host(plan), _reachable_machine(plan)
    if host is not None and machine is not None:
        command = f"exec {host} -- ping -c 3 {machine.address.ip}"
        yield Suggestion(command, f"{host} reaches {machine.namespace} over private peering")
    yield from _through_tunnels(topology, plan)
    msee = _first_private(plan, Role.MSEE)
    if msee is not None:
        yield Suggestion(f"show routes {msee.namespace}", "what the primary MSEE knows, and why")
    edge = _first_private(plan, Role.EDGE_ROUTER)
    prefix = _announced(plan)
    if edge is not None and prefix is not None:
        yield Suggestion(f"why {edge.namespace} {prefix}", f"how {edge.namespace} chose its way to Azure")


def _through_tunnels(topology: Topology, plan: Plan) -> Iterator[Suggestion]:
    """A machine behind a VPN gateway or a virtual appliance, and the tunnels to it."""
    azure = {Role.VPN_GATEWAY, Role.VIRTUAL_APPLIANCE}
    gateways = [end.namespace for end in plan.tunnels if plan.node(end.namespace).role in azure]
    host = _host_behind_tunnels(topology)
    networks = {plan.node(gateway).group for gateway in gateways}
    machines = {node.name for node in plan.nodes if node.role is Role.VM and node.group in networks}
    machine = next((assigned for assigned in plan.addresses if assigned.namespace in machines), None)
    if host is not None and machine is not None:
        command = f"exec {host} -- ping -c 3 {machine.address.ip}"
        yield Suggestion(
            command, f"{host} reaches {machine.namespace} through the tunnels", needs_tunnels=True
        )
        device = next(end.peer for end in plan.tunnels if end.namespace == gateways[0])
        yield Suggestion(f"show tunnels {device}", "what goes through each of them", needs_tunnels=True)


def _host_behind_tunnels(topology: Topology) -> str | None:
    """A host in a zone that a VPN device's inner leg stands in, if any."""
    for site in topology.on_premises:
        inside = {device.inside_zone for device in site.vpn_devices}
        routers = {router.name for router in site.routers if router.zone in inside}
        for host in site.hosts:
            if host.router in routers:
                return host.name
    return None


def _host(plan: Plan) -> str | None:
    """A host whose zone has private peering, if any."""
    zones = {
        (*plan.node(speaker.namespace.partition("/")[0]).group, speaker.namespace.partition("/")[2])
        for speaker in _with_private_peering(plan, Role.EDGE_ROUTER)
    }
    hosts = (node.name for node in plan.nodes if node.role is Role.HOST and node.group in zones)
    return next(hosts, None)


def _reachable_machine(plan: Plan) -> AddressAssignment | None:
    """A machine in a virtual network that learns routes, if any does."""
    if _first_private(plan, Role.ER_GATEWAY) is None:
        return None
    speaking = {speaker.namespace for speaker in plan.speakers}
    machines = {node.name for node in plan.nodes if node.role is Role.VM and node.group[1] in speaking}
    return next((assigned for assigned in plan.addresses if assigned.namespace in machines), None)


def _first_private(plan: Plan, role: Role) -> Speaker | None:
    return next(_with_private_peering(plan, role), None)


def _with_private_peering(plan: Plan, role: Role) -> Iterator[Speaker]:
    """Speakers of that role with a session on private peering that can come up."""
    for speaker in plan.speakers:
        if plan.node(speaker.namespace.partition("/")[0]).role is role and _is_private(plan, speaker):
            yield speaker


def _is_private(plan: Plan, speaker: Speaker) -> bool:
    sessions = ((speaker.namespace, neighbor.name) for neighbor in speaker.config.neighbors)
    return any("/private" in "".join(one) for one in sessions if one not in plan.expected_down)


def _announced(plan: Plan) -> str | None:
    gateway = _first_private(plan, Role.ER_GATEWAY)
    own = gateway.config.originations if gateway is not None else ()
    return str(own[0].prefix) if own else None
