"""Virtual networks: a router with a bridge per subnet, machines and gateways on the bridges.

A virtual network has no router one could log in to; its forwarding is software at every host.
Here one namespace stands for all of it, with the first usable address of each subnet, which is
what machines in Azure have as their default gateway too.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import Subnet, VirtualMachine, VirtualNetwork
from lab.model.constants import GATEWAY_SUBNET
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.addresses import holding, interface, links, usable
from lab.plan.azure import PeeredPair, instances, peered_pairs
from lab.plan.constants import VNET_LINKS
from lab.plan.errors import PlanError
from lab.plan.facts import Fact, extend
from lab.plan.gateway_subnet import seats
from lab.plan.lookup import named
from lab.plan.types import AddressAssignment, Bridge, Endpoint, Interface, Plan, Wire


def wire_virtual_networks(topology: Topology, plan: Plan) -> Plan:
    for vnet in topology.virtual_networks:
        plan = extend(plan, _vnet(topology, vnet))
    for index, pair in enumerate(peered_pairs(topology)):
        plan = extend(plan, _peering(index, pair))
    return plan


def _vnet(topology: Topology, vnet: VirtualNetwork) -> Iterator[Fact]:
    machines = [machine for machine in topology.virtual_machines if machine.virtual_network == vnet.name]
    for machine in machines:
        yield from _machine(vnet, machine)
    occupants = seats(topology, vnet)
    for namespace, addresses in occupants.items():
        yield from _occupant(topology, vnet, namespace, addresses)
    for subnet in vnet.subnets:
        residents = [machine.name for machine in machines if machine.subnet == subnet.name]
        if subnet.name == GATEWAY_SUBNET:
            residents += [_node(namespace) for namespace in occupants]
        yield from _subnet(vnet, subnet, residents)


def _subnet(vnet: VirtualNetwork, subnet: Subnet, residents: list[str]) -> Iterator[Fact]:
    bridge = "br-gateway" if subnet.name == GATEWAY_SUBNET else names.ifname(f"br-{subnet.name}")
    yield Bridge(vnet.name, bridge, tuple(names.ifname(node) for node in residents))
    for prefix in subnet.address_prefixes:
        yield AddressAssignment(vnet.name, bridge, usable(prefix, 1))


def _machine(vnet: VirtualNetwork, machine: VirtualMachine) -> Iterator[Fact]:
    subnet = named(vnet.subnets, machine.subnet, f"subnet of {vnet.name}")
    port = Endpoint(machine.name, names.HOST_PORT)
    yield _wire(vnet, port)
    for address in (machine.private_ip_address, machine.private_ipv6_address):
        if address is None:
            continue
        prefix = holding(subnet.address_prefixes, address)
        if prefix is None:
            raise PlanError(
                f"{machine.name}: {address} is not in subnet {subnet.name} of {vnet.name}",
                hint=f"choose from {', '.join(map(str, subnet.address_prefixes))}",
            )
        yield AddressAssignment(port.namespace, port.ifname, interface(address, prefix))


def _occupant(
    topology: Topology, vnet: VirtualNetwork, namespace: str, addresses: tuple[Interface, ...]
) -> Iterator[Fact]:
    """A gateway instance or an MSEE in the GatewaySubnet."""
    ours = {name for gateway in topology.virtual_network_gateways for name in instances(gateway)}
    port = names.GATEWAY_PORT if namespace in ours else names.ifname(vnet.name)
    yield _wire(vnet, Endpoint(namespace, port))
    for address in addresses:
        yield AddressAssignment(namespace, port, address)


def _wire(vnet: VirtualNetwork, far: Endpoint) -> Wire:
    node = _node(far.namespace)
    return Wire(names.wire_name(node, vnet.name), far, Endpoint(vnet.name, names.ifname(node)))


def _node(namespace: str) -> str:
    return namespace.partition("/")[0]


def _peering(index: int, pair: PeeredPair) -> Iterator[Fact]:
    """A link of its own between two peered networks."""
    a = Endpoint(pair.a.name, names.ifname(pair.b.name))
    b = Endpoint(pair.b.name, names.ifname(pair.a.name))
    yield Wire(names.wire_name(pair.a.name, pair.b.name), a, b)
    for left, right in links(VNET_LINKS, index, pair.versions):
        yield AddressAssignment(a.namespace, a.ifname, left)
        yield AddressAssignment(b.namespace, b.ifname, right)
