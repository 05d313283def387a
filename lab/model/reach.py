"""How far a circuit reaches: its cloud, and the regions its SKU leads to.

Local: the one or two regions at its peering location; Standard: those of the location's
geopolitical region; Premium: all of its cloud (learn.microsoft.com, expressroute/expressroute-faqs
and expressroute/expressroute-locations-providers).
"""

from __future__ import annotations

from lab.model.circuit import ExpressRouteCircuit, SkuTier
from lab.model.peering_locations import PeeringLocation, peering_locations
from lab.model.regions import PUBLIC_CLOUD, AzureRegion, region


def location_of(circuit: ExpressRouteCircuit) -> PeeringLocation | None:
    """The circuit's peering location in its own cloud; None where it is not known."""
    return next((each for each in _locations(circuit) if each.cloud == cloud_of(circuit)), None)


def cloud_of(circuit: ExpressRouteCircuit) -> str:
    """The cloud of the resource's region, else that of the peering location; a city of several
    clouds is public Azure's then."""
    resource = region(circuit.location) if circuit.location else None
    if resource is not None:
        return resource.cloud
    found = _locations(circuit)
    return found[0].cloud if found else PUBLIC_CLOUD


def _locations(circuit: ExpressRouteCircuit) -> tuple[PeeringLocation, ...]:
    return peering_locations(circuit.service_provider_properties.peering_location)


def reaches(circuit: ExpressRouteCircuit, target: AzureRegion) -> bool:
    """Whether networks and public services of the region can be reached over the circuit; what
    is not documented is taken for reachable."""
    if target.cloud != cloud_of(circuit):
        return False
    location = location_of(circuit)
    if circuit.sku.tier is SkuTier.PREMIUM or location is None:
        return True
    if circuit.sku.tier is SkuTier.LOCAL:
        return target.name in location.local
    return target.geopolitical in (None, location.geopolitical)


def reach_of(circuit: ExpressRouteCircuit) -> str:
    """The same in words, for a message about a circuit that is not Premium."""
    location = location_of(circuit)
    if location is None:
        return "a place that is not known here"
    if circuit.sku.tier is SkuTier.LOCAL:
        return " and ".join(location.local) or "no region"
    return location.geopolitical
