"""Numbers that Microsoft publishes, those observed in its network, and the lab's own.

Published on learn.microsoft.com: expressroute-routing (AS number, timers, address order),
expressroute-faqs and azure-subscription-service-limits (route limits). What is only observed
says so; treat it as a pattern, not as a contract.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from lab.bgp.route import Asn
from lab.bgp.speaker import Timers
from lab.model import constants
from lab.model.circuit import SkuTier
from lab.model.onprem import TimersProfile

MSEE_ASN = Asn(constants.MSEE_ASN)
"""Microsoft's side of every peering, and the AS of its edge."""

TIMERS = {
    TimersProfile.AZURE: Timers(keepalive=60, hold=180, restart=60),
    TimersProfile.LAB: Timers(keepalive=3, hold=10, restart=5),
}

MAXIMUM_PATHS = 8
"""ECMP width: at most four circuits from a virtual network, two MSEEs each."""

SINGLE_HOP_TTL = 1
"""Multihop BGP is not supported on a peering."""

PRIVATE_PEERING_PREFIXES = {SkuTier.LOCAL: 4000, SkuTier.STANDARD: 4000, SkuTier.PREMIUM: 10000}
PRIVATE_PEERING_IPV6_PREFIXES = 100
MICROSOFT_PEERING_PREFIXES = 200
"""Per session, either address family."""
GATEWAY_PREFIXES = {4: 1000, 6: 100}
"""What a gateway may announce to a circuit before their connection goes down."""

VPN_PREFIXES = 4000
"""What a VPN gateway takes from a device (vpn-gateway/vpn-gateway-vpn-faq)."""
IKE_LIFETIME = 28_800
ESP_LIFETIME = 27_000
"""Seconds (vpn-gateway/vpn-gateway-about-vpn-devices)."""
ESP_LIFETIME_KILOBYTES = 102_400_000
TUNNEL_MTU = 1400
TUNNEL_MSS = 1350
"""Published for VPN devices (vpn-gateway/vpn-gateway-about-vpn-devices)."""

LINK_MTU = 1500
TRUNK_MTU = LINK_MTU + 100
"""Room for two VLAN tags, or for VXLAN where the kernel has no VLANs."""

FIRST_STAG = 1000
"""Outer tag of the file's first circuit when it names none; then counting up."""

# Offsets in the GatewaySubnet as observed in Azure: the MSEEs of the first circuit at +4 and +5,
# of the second at +6 and +7 and so on; the instances of an ExpressRoute gateway at +12 and +13;
# those of a VPN gateway at +4 and +5 when it is alone, else above the others.
MSEE_OFFSETS = (4, 6, 8, 10)
ER_GATEWAY_OFFSET = 12
VPN_GATEWAY_ALONE_OFFSET = 4
VPN_GATEWAY_OFFSET = 12
FIRST_FREE_OFFSET = 4
"""Azure keeps the network address and the three after it, .1 being the subnet's router."""

# Links nobody sees from outside, out of the shared address space of RFC 6598 and a unique local
# prefix of RFC 4193. One block per kind of link, so that adding a circuit renumbers no VPN gateway.
MICROSOFT_LINKS = (IPv4Network("100.64.0.0/18"), IPv6Network("fd64::/112"))
OUTSIDE_LINKS = IPv4Network("100.64.64.0/18")
VNET_LINKS = (IPv4Network("100.64.128.0/18"), IPv6Network("fd64::2:0/112"))
BGP_IDENTIFIERS = IPv4Network("100.127.0.0/16")
"""Only identifiers: no interface has one of these."""

RFC1918 = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))
UNIQUE_LOCAL = IPv6Network("fc00::/7")
DEFAULT_ROUTES = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
DOCUMENTATION_ASNS = (Asn(64496), Asn(64511))
"""Not allowed in a path on Microsoft peering (RFC 5398)."""
