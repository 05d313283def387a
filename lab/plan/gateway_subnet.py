"""Who sits where in a GatewaySubnet.

The MSEEs of every connected circuit, the ExpressRoute gateway's instances and the VPN gateway's
share the subnet, at the offsets observed in Azure (``lab.plan.constants``); an address the file
gives wins, and who finds a seat taken moves to the next free one. The same offset holds in the
subnet's IPv6 prefix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import chain

from lab.bgp.route import Prefix
from lab.model.azure import GatewayType, VirtualNetwork, VirtualNetworkGateway
from lab.model.circuit import LinkPath
from lab.model.constants import GATEWAY_SUBNET
from lab.model.topology import Topology
from lab.plan.addresses import first_of, interface
from lab.plan.azure import er_gateway, gateway_subnet, gateways, instances, linked_legs
from lab.plan.constants import (
    ER_GATEWAY_OFFSET,
    FIRST_FREE_OFFSET,
    MSEE_OFFSETS,
    VPN_GATEWAY_ALONE_OFFSET,
    VPN_GATEWAY_OFFSET,
)
from lab.plan.errors import PlanError
from lab.plan.types import Interface


@dataclass(frozen=True, slots=True)
class Claim:
    """``namespace`` wants this offset, or the address the file gives it."""

    namespace: str
    offset: int
    given: IPv4Address | None = None


def seats(topology: Topology, vnet: VirtualNetwork) -> dict[str, tuple[Interface, ...]]:
    """Each occupant's addresses in the GatewaySubnet: namespace to IPv4, then IPv6 if there is."""
    claims = tuple(_claims(topology, vnet))
    if not claims:
        return {}
    prefixes = gateway_subnet(vnet).address_prefixes
    offsets = _allocate(vnet, prefixes, claims)
    return {
        claim.namespace: tuple(interface(prefix[offsets[claim.namespace]], prefix) for prefix in prefixes)
        for claim in claims
    }


def router_addresses(vnet: VirtualNetwork) -> tuple[Interface, ...]:
    """The virtual network's own addresses in the GatewaySubnet: the first usable ones."""
    return tuple(interface(prefix[1], prefix) for prefix in gateway_subnet(vnet).address_prefixes)


def _claims(topology: Topology, vnet: VirtualNetwork) -> Iterator[Claim]:
    express_route = er_gateway(topology, vnet)
    if express_route is not None:
        for linked in linked_legs(topology, express_route):
            first = MSEE_OFFSETS[linked.order] if linked.order < len(MSEE_OFFSETS) else FIRST_FREE_OFFSET
            secondary = linked.leg.path is LinkPath.SECONDARY
            yield Claim(linked.leg.msee_namespace, first + secondary)
        yield from _instance_claims(express_route, ER_GATEWAY_OFFSET)
    for vpn in gateways(topology, vnet, GatewayType.VPN):
        alone = express_route is None
        yield from _instance_claims(vpn, VPN_GATEWAY_ALONE_OFFSET if alone else VPN_GATEWAY_OFFSET)


def _instance_claims(gateway: VirtualNetworkGateway, first: int) -> Iterator[Claim]:
    for index, name in enumerate(instances(gateway)):
        given = None
        if index < len(gateway.ip_configurations):
            given = gateway.ip_configurations[index].private_ip_address
        yield Claim(name, first + index, given)


def _allocate(
    vnet: VirtualNetwork, prefixes: tuple[Prefix, ...], claims: tuple[Claim, ...]
) -> dict[str, int]:
    """An offset for every claim: given addresses first, then in order."""
    smallest = min(prefix.num_addresses for prefix in prefixes)
    taken: dict[int, str] = {}
    for claim in claims:
        if claim.given is not None:
            _take_given(vnet, prefixes, claim, taken)
    for claim in claims:
        if claim.given is None:
            taken[_free(vnet, claim.offset, taken, smallest)] = claim.namespace
    return {namespace: offset for offset, namespace in taken.items()}


def _take_given(
    vnet: VirtualNetwork, prefixes: tuple[Prefix, ...], claim: Claim, taken: dict[int, str]
) -> None:
    prefix = first_of(prefixes, 4)
    assert claim.given is not None
    where = f"{claim.namespace}: {claim.given}"
    if prefix is None or claim.given not in prefix:
        raise PlanError(
            f"{where} is not in the {GATEWAY_SUBNET} of {vnet.name}, {prefix}",
            hint=f"leave private_ip_address out, or choose from {prefix}",
        )
    offset = int(claim.given) - int(prefix.network_address)
    if offset < FIRST_FREE_OFFSET or offset == prefix.num_addresses - 1:
        raise PlanError(
            f"{where} is reserved in {prefix}",
            hint=f"Azure keeps the first four addresses and the last; {prefix[FIRST_FREE_OFFSET]} is free",
        )
    if offset in taken:
        raise PlanError(f"{where} is taken by {taken[offset]}", hint="give each instance its own address")
    taken[offset] = claim.namespace


def _free(vnet: VirtualNetwork, wanted: int, taken: dict[int, str], size: int) -> int:
    for offset in chain(range(wanted, size - 1), range(FIRST_FREE_OFFSET, wanted)):
        if offset not in taken and offset < size - 1:
            return offset
    raise PlanError(
        f"the {GATEWAY_SUBNET} of {vnet.name} has no address left for its gateways and MSEEs",
        hint="make it /27 or larger",
    )
