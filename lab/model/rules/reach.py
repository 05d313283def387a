"""Rules about how far a circuit reaches: peering locations, SKUs, clouds."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.circuit import SkuFamily, SkuTier
from lab.model.peering_locations import all_peering_locations, peering_locations
from lab.model.problem import Finding
from lab.model.properties import closest
from lab.model.reach import cloud_of, location_of, reach_of, reaches
from lab.model.regions import region
from lab.model.view import View

PLACE = ("service_provider_properties", "peering_location")


def peering_locations_are_known(view: View) -> Iterator[Finding]:
    """A circuit is at one of Azure's peering locations, which are no regions
    (expressroute/expressroute-locations-providers, expressroute/metro)."""
    for loc, circuit in view.circuits():
        name = circuit.service_provider_properties.peering_location
        if peering_locations(name):
            continue
        near = closest(name, [each.name for each in all_peering_locations()])
        hint = f"did you mean {near}?" if near else "such as Seattle, Amsterdam2 or Amsterdam Metro"
        if region(name) is not None:
            hint = f"{name} is an Azure region; the location is where the provider meets Microsoft"
        yield Finding((*loc, *PLACE), f"{name!r} is not a peering location known here", hint)


def local_circuits_are_unlimited(view: View) -> Iterator[Finding]:
    """The price of a Local circuit holds all its data: its family is UnlimitedData
    (expressroute/expressroute-faqs)."""
    for loc, circuit in view.circuits():
        if circuit.sku.tier is SkuTier.LOCAL and circuit.sku.family is not SkuFamily.UNLIMITED:
            what = f"a Local circuit is not {circuit.sku.family.value}"
            yield Finding((*loc, "sku", "family"), what, f"family: {SkuFamily.UNLIMITED.value}")


def local_circuits_are_near_a_region(view: View) -> Iterator[Finding]:
    """ExpressRoute Local is offered at peering locations with a region in their metro
    (expressroute/expressroute-locations-providers)."""
    for loc, circuit in view.circuits():
        location = location_of(circuit)
        if circuit.sku.tier is SkuTier.LOCAL and location is not None and not location.local:
            hint = "choose another location, or tier: Standard"
            yield Finding((*loc, "sku", "tier"), f"{location.name} has no ExpressRoute Local", hint)


def connected_networks_are_in_reach(view: View) -> Iterator[Finding]:
    """A linked network is in the circuit's geopolitical region, or in one of a Local circuit's own one
    or two regions; Premium reaches all (expressroute/expressroute-faqs,
    expressroute/expressroute-locations-providers)."""
    for loc, connection in view.circuit_connections():
        circuit, vnet = view.circuit.get(connection.peer or ""), view.network_of(connection)
        location = region(vnet.location) if vnet else None
        if circuit is None or vnet is None or location is None or location.cloud != cloud_of(circuit):
            continue
        if not reaches(circuit, location):
            tier = circuit.sku.tier.value
            what = f"{vnet.name} is in {location.name}, the {tier} circuit reaches {reach_of(circuit)}"
            hint = f"tier: {SkuTier.PREMIUM.value} reaches every region, or link another network"
            yield Finding((*loc, "peer"), what, hint)


def clouds_do_not_meet(view: View) -> Iterator[Finding]:
    """The national clouds connect neither with public Azure nor with each other
    (expressroute/expressroute-locations-providers)."""
    for loc, connection in view.circuit_connections():
        circuit, vnet = view.circuit.get(connection.peer or ""), view.network_of(connection)
        location = region(vnet.location) if vnet else None
        if circuit is None or vnet is None or location is None:
            continue
        if location.cloud != cloud_of(circuit):
            what = f"{vnet.name} is in {location.cloud}, circuit {circuit.name} in {cloud_of(circuit)}"
            hint = "circuit and network are in one cloud; the circuit's is that of its location"
            yield Finding((*loc, "peer"), what, hint)
    for loc, vnet, half in view.vnet_peerings():
        remote = view.vnet.get(half.remote_virtual_network)
        near, far = region(vnet.location), region(remote.location) if remote else None
        if near is not None and far is not None and near.cloud != far.cloud:
            what = f"{half.remote_virtual_network} is in {far.cloud}, {vnet.name} in {near.cloud}"
            yield Finding((*loc, "remote_virtual_network"), what, "peered networks are in one cloud")
