"""localNetworkGateways and what a connection of type IPsec has (ARM: Microsoft.Network).

Values and limits: learn.microsoft.com/azure/vpn-gateway, vpn-gateway-about-vpn-devices,
ipsec-ike-policy-howto, custom-traffic-selectors and vpn-gateway-vpn-faq; the enumerations are
those of the API (Azure/azure-rest-api-specs, virtualNetworkGateway.json 2023-05-01).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import Field, SecretStr

from lab.model.fields import AsNumber, Described, Ipv4, Ipv4Prefix, ResourceName, SubjectName
from lab.model.vpn_authentication import (
    AuthenticationType,
    CertificateAuthentication,
    DeviceCertificate,
)


class IkeEncryption(Enum):
    DES = "DES"
    DES3 = "DES3"
    AES128 = "AES128"
    AES192 = "AES192"
    AES256 = "AES256"
    GCM_AES128 = "GCMAES128"
    GCM_AES256 = "GCMAES256"


class IkeIntegrity(Enum):
    """Also the pseudo-random function; with GCM only that."""

    MD5 = "MD5"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"


class DhGroup(Enum):
    NONE = "None"
    GROUP1 = "DHGroup1"
    GROUP2 = "DHGroup2"
    GROUP14 = "DHGroup14"
    GROUP2048 = "DHGroup2048"
    GROUP24 = "DHGroup24"
    ECP256 = "ECP256"
    ECP384 = "ECP384"


class IpsecEncryption(Enum):
    NONE = "None"
    DES = "DES"
    DES3 = "DES3"
    AES128 = "AES128"
    AES192 = "AES192"
    AES256 = "AES256"
    GCM_AES128 = "GCMAES128"
    GCM_AES192 = "GCMAES192"
    GCM_AES256 = "GCMAES256"


class IpsecIntegrity(Enum):
    MD5 = "MD5"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    GCM_AES128 = "GCMAES128"
    GCM_AES192 = "GCMAES192"
    GCM_AES256 = "GCMAES256"


class PfsGroup(Enum):
    NONE = "None"
    PFS1 = "PFS1"
    PFS2 = "PFS2"
    PFS2048 = "PFS2048"
    PFS14 = "PFS14"
    PFS24 = "PFS24"
    ECP256 = "ECP256"
    ECP384 = "ECP384"
    PFSMM = "PFSMM"


class IpsecPolicy(Described):
    """A custom policy: complete, and then the only one offered and accepted."""

    sa_life_time_seconds: Annotated[int, Field(ge=300, le=172799)]
    """Of the ESP security association. Each end has its own; they need not agree."""
    sa_data_size_kilobytes: Annotated[int, Field(ge=1024, le=2147483647)]
    """Kibibytes an ESP security association may carry."""
    ipsec_encryption: IpsecEncryption
    ipsec_integrity: IpsecIntegrity
    """With GCM encryption the same GCM."""
    ike_encryption: IkeEncryption
    ike_integrity: IkeIntegrity
    dh_group: DhGroup
    pfs_group: PfsGroup


class TrafficSelectorPolicy(Described):
    """What this side proposes to carry: every local range with every remote one."""

    local_address_ranges: Annotated[tuple[Ipv4Prefix, ...], Field(min_length=1)]
    remote_address_ranges: Annotated[tuple[Ipv4Prefix, ...], Field(min_length=1)]


class ConnectionMode(Enum):
    DEFAULT = "Default"
    """Either side may start."""
    INITIATOR_ONLY = "InitiatorOnly"
    RESPONDER_ONLY = "ResponderOnly"


class ConnectionProtocol(Enum):
    IKEV2 = "IKEv2"
    IKEV1 = "IKEv1"


DpdTimeout = Annotated[int, Field(ge=9, le=3600)]

IpsecPolicies = Annotated[tuple[IpsecPolicy, ...], Field(max_length=1)]


class LocalBgpSettings(Described):
    """The VPN device's BGP speaker, as Azure is told of it."""

    asn: AsNumber
    bgp_peering_address: Ipv4
    """A loopback of the device; not its public address, in no virtual network."""


class LocalAddressSpace(Described):
    address_prefixes: tuple[Ipv4Prefix, ...] = ()


class LocalNetworkGateway(Described):
    """Azure's picture of a VPN device: where its tunnels end and what lies behind it."""

    name: ResourceName
    gateway_ip_address: Ipv4
    """The device's public address; over private peering the private one."""
    local_network_address_space: LocalAddressSpace = LocalAddressSpace()
    """What is routed into the tunnels beside what BGP says; the BGP peer's address need not be in it."""
    bgp_settings: LocalBgpSettings | None = None


class VpnDeviceTunnel(Described):
    """The device's side of one connection, where it differs from Azure's on purpose."""

    connection: ResourceName
    shared_key: SecretStr | None = None
    certificate: DeviceCertificate | None = None
    """What the device shows, on a connection with certificates."""
    gateway_subject_name: SubjectName | None = None
    """Whom the gateway's certificate must name; left out: whom it does."""
    ipsec_policies: IpsecPolicies = ()
    ike_life_time_seconds: Annotated[int, Field(ge=10, le=86400)] | None = None
    """Of the device's IKE security association; the gateway's lives 28,800 s."""
    sa_life_time_seconds: Annotated[int, Field(ge=10, le=172799)] | None = None
    """Of the device's ESP security associations, whatever its policy says."""
    reauthentication: bool = False
    """When the IKE association's time is up the device makes all anew, and then lets go of the old; else
    it only changes the keys."""
    dpd_timeout_seconds: DpdTimeout | None = None
    connection_mode: ConnectionMode | None = None
    """ResponderOnly: the device waits for the gateway."""
    traffic_selector_policies: tuple[TrafficSelectorPolicy, ...] = ()
    """As the device sees it: its own networks are the local ones."""
    bgp_passive: bool = False
    """The device waits for the gateway to begin the BGP session. A gateway that peers with an address of
    169.254.0.0/16 waits itself."""


class IpsecSettings(Described):
    """What a connection has when its type is IPsec; of one to a circuit all is left out."""

    local_network_gateway2: ResourceName | None = None
    shared_key: SecretStr | None = None
    """1 to 128 printable ASCII characters but space, - and ~. Left out: the lab makes one."""
    authentication_type: AuthenticationType = AuthenticationType.PSK
    certificate_authentication: CertificateAuthentication | None = None
    """With authentication_type Certificate, in place of the shared key."""
    connection_protocol: ConnectionProtocol | None = None
    """IKEv2 when left out."""
    enable_bgp: bool = False
    connection_mode: ConnectionMode = ConnectionMode.DEFAULT
    dpd_timeout_seconds: DpdTimeout = 45
    """How long a silent peer counts as alive."""
    ipsec_policies: IpsecPolicies = ()
    """Left out: Azure's default policy."""
    use_policy_based_traffic_selectors: bool = False
    """Propose the local network gateway's prefixes with the network's, not any to any."""
    traffic_selector_policies: tuple[TrafficSelectorPolicy, ...] = ()
    use_local_azure_ip_address: bool = False
    """End the tunnels on the instances' private addresses: they lead over private peering."""
