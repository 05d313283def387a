"""The communities Microsoft puts on routes (learn.microsoft.com, expressroute-routing)."""

from __future__ import annotations

from lab.bgp.route import Community, parse_community
from lab.model.azure import Region, VirtualNetwork
from lab.model.regions import AzureRegion, region
from lab.plan.errors import PlanError


def of_region(public: Region) -> frozenset[Community]:
    """What the region's public prefixes carry on Microsoft peering: 12076:51nnn, or nothing where
    the region's number is not documented."""
    return _communities(azure_region(public.name).microsoft_community)


def of_virtual_network(vnet: VirtualNetwork) -> frozenset[Community]:
    """The custom community of the network and with it the regional one, 12076:50nnn; a network
    without a custom one carries none."""
    if vnet.bgp_communities is None:
        return frozenset()
    custom = vnet.bgp_communities.virtual_network_community
    return _communities(custom, azure_region(vnet.location).private_community)


def _communities(*texts: str | None) -> frozenset[Community]:
    return frozenset(parse_community(text) for text in texts if text is not None)


def azure_region(name: str) -> AzureRegion:
    """What is known of the region a file names."""
    found = region(name)
    if found is None:
        raise PlanError(f"{name!r} is no Azure region", hint="as in the portal: West US 2, West Europe")
    return found
