"""expressRouteCircuits and routeFilters (ARM: Microsoft.Network)."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from lab.model.fields import (
    AsNumber,
    CommunityText,
    Described,
    Ipv4Prefix,
    Ipv6Prefix,
    Network,
    NodeName,
    ResourceName,
    VlanId,
)


class SkuTier(Enum):
    LOCAL = "Local"
    STANDARD = "Standard"
    PREMIUM = "Premium"


class SkuFamily(Enum):
    METERED = "MeteredData"
    UNLIMITED = "UnlimitedData"


class PeeringType(Enum):
    PRIVATE = "AzurePrivatePeering"
    MICROSOFT = "MicrosoftPeering"


class LinkPath(Enum):
    """The two connections of every circuit; the az CLI calls them paths."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class Connectivity(Enum):
    LAYER2 = "layer2"
    """The provider bridges the customer edge to the MSEE."""
    LAYER3 = "layer3"
    """The provider's edge speaks BGP on both sides."""


class PeeringState(Enum):
    ENABLED = "Enabled"
    DISABLED = "Disabled"


class Sku(Described):
    tier: SkuTier = SkuTier.STANDARD
    family: SkuFamily = SkuFamily.METERED


class ServiceProviderProperties(Described):
    service_provider_name: Annotated[str, Field(min_length=1)]
    """The connectivity provider, e.g. Equinix."""
    peering_location: Annotated[str, Field(min_length=1)]
    """Where the provider meets Microsoft, e.g. Seattle. Not an Azure region."""
    bandwidth_in_mbps: Literal[50, 100, 200, 500, 1000, 2000, 5000, 10000]


class MicrosoftPeeringConfig(Described):
    advertised_public_prefixes: Annotated[tuple[Network, ...], Field(min_length=1)]
    """The public prefixes you own; packets from any other source are dropped."""
    customer_asn: Annotated[int, Field(ge=0, le=4294967295)] = 0
    """The ASN the prefixes are registered to, when it is not peer_asn."""
    routing_registry_name: Literal[
        "ARIN", "APNIC", "AFRINIC", "LACNIC", "RIPENCC", "RADB", "ALTDB", "NONE"
    ] = "NONE"
    advertised_public_prefixes_state: Literal[
        "NotConfigured", "Configuring", "Configured", "ValidationNeeded"
    ] = "Configured"
    """To be given when peer_asn is private: Microsoft then validates by hand."""


class Ipv6PeeringConfig(Described):
    """IPv6 on the same sub-interfaces, with BGP sessions of its own."""

    primary_peer_address_prefix: Ipv6Prefix
    secondary_peer_address_prefix: Ipv6Prefix
    state: PeeringState = PeeringState.ENABLED


class Peering(Described):
    """One routing domain of a circuit: a pair of independent BGP sessions."""

    peering_type: PeeringType
    state: PeeringState = PeeringState.ENABLED
    peer_asn: AsNumber
    """The AS number on the customer's side of the sessions: the site's, or the provider's edge's
    on a layer3 circuit."""
    vlan_id: VlanId
    """The customer tag; the same on both links, unique in the circuit."""
    primary_peer_address_prefix: Ipv4Prefix
    """A /30: the customer's router takes the first usable address, the MSEE the second."""
    secondary_peer_address_prefix: Ipv4Prefix
    shared_key: SecretStr | None = None
    """TCP MD5 key of both sessions, at most 25 characters."""
    microsoft_peering_config: MicrosoftPeeringConfig | None = None
    route_filter: ResourceName | None = None
    """Name of a route filter; without one, Microsoft peering advertises nothing."""
    ipv6_peering_config: Ipv6PeeringConfig | None = None


class Authorization(Described):
    name: ResourceName
    authorization_key: UUID


class ExpressRouteCircuit(Described):
    """Two links to two MSEEs, identified by the service key."""

    name: NodeName
    location: str | None = None
    """The Azure region of the resource; not the peering location."""
    sku: Sku = Sku()
    service_provider_properties: ServiceProviderProperties
    service_key: UUID | None = None
    """Left out: derived from the topology's and the circuit's name, stable per lab."""
    circuit_provisioning_state: Literal["Enabled", "Disabled"] = "Enabled"
    service_provider_provisioning_state: Literal[
        "NotProvisioned", "Provisioning", "Provisioned", "Deprovisioning"
    ] = "Provisioned"
    connectivity: Connectivity = Connectivity.LAYER2
    provider_asn: AsNumber | None = None
    """The provider edge's AS number; layer3 connectivity only."""
    stag: VlanId | None = None
    """The outer tag of the circuit on the trunk between provider edge and MSEE."""
    peerings: tuple[Peering, ...] = ()
    authorizations: tuple[Authorization, ...] = ()

    @property
    def in_service(self) -> bool:
        """Microsoft enables a circuit, the provider provisions it; it takes both."""
        return (self.circuit_provisioning_state, self.service_provider_provisioning_state) == (
            "Enabled",
            "Provisioned",
        )


class RouteFilterRule(Described):
    name: ResourceName
    access: Literal["Allow"] = "Allow"
    route_filter_rule_type: Literal["Community"] = "Community"
    communities: Annotated[tuple[CommunityText, ...], Field(min_length=1)]


class RouteFilter(Described):
    """An allow-list of communities for a Microsoft peering; it holds exactly one rule."""

    name: ResourceName
    location: str | None = None
    is_authorized_to_use: bool = False
    """Whether Microsoft has authorised the subscription to use communities of Microsoft 365."""
    rules: Annotated[tuple[RouteFilterRule, ...], Field(min_length=1, max_length=1)]
