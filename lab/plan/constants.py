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
from lab.model.as_numbers import DOCUMENTATION
from lab.model.circuit import SkuTier
from lab.model.limits import limits
from lab.model.onprem import TimersProfile
from lab.model.public_prefixes import private_use

MSEE_ASN = Asn(constants.MSEE_ASN)
"""Microsoft's side of every peering, and the AS of its edge."""

TIMERS = {
    TimersProfile.AZURE: Timers(limits().keepalive, limits().hold, restart=60),
    TimersProfile.LAB: Timers(limits().practical_keepalive, limits().practical_hold, restart=5),
}

MAXIMUM_PATHS = 2 * limits().ecmp_circuits
"""ECMP width: at most four circuits from a virtual network, two MSEEs each."""

SINGLE_HOP_TTL = 1
"""Multihop BGP is not supported on a peering."""

PRIVATE_PEERING_PREFIXES = {tier: limits().private_peering_prefixes[tier.value] for tier in SkuTier}
PRIVATE_PEERING_IPV6_PREFIXES = limits().private_peering_ipv6_prefixes
MICROSOFT_PEERING_PREFIXES = limits().microsoft_peering_prefixes
"""Per session, either address family."""
GATEWAY_PREFIXES = (limits().gateway_prefixes, limits().gateway_ipv6_prefixes)
"""IPv4 and IPv6: what a gateway may announce to a circuit before their connection goes down."""

ECHOES = 1
"""Observed on private peering: an MSEE keeps a virtual network's prefix that the customer sends back,
with its own AS number in the path, as one more and longer way."""
LEARNED_WEIGHT = 32769
"""Observed at gateways: of what is learned over ExpressRoute; above their own, which is also that
of what comes from a VPN, so that of equal prefixes ExpressRoute's is used."""
OWN_WEIGHT = 32768

VPN_PREFIXES = 4000
"""What a VPN gateway takes from a device (vpn-gateway/vpn-gateway-vpn-faq)."""
IKE_LIFETIME = 28_800
ESP_LIFETIME = 27_000
"""Seconds (vpn-gateway/vpn-gateway-about-vpn-devices)."""
ESP_LIFETIME_KILOBYTES = 102_400_000
TUNNEL_MTU = 1400
TUNNEL_MSS = 1350
"""Published for VPN devices (vpn-gateway/vpn-gateway-about-vpn-devices)."""

LINK_MTU = limits().link_mtu
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
PUBLIC_LINKS = IPv4Network("100.64.192.0/18")
VNET_LINKS = (IPv4Network("100.64.128.0/18"), IPv6Network("fd64::2:0/112"))
BGP_IDENTIFIERS = IPv4Network("100.127.0.0/16")
"""Only identifiers: no interface has one of these."""

RFC1918 = private_use(4)
RESERVED = (*RFC1918, IPv4Network("100.64.0.0/10"))
"""What a virtual network keeps from the Internet (RFC 1918, RFC 6598)."""
(UNIQUE_LOCAL,) = private_use(6)
DEFAULT_ROUTES = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
DOCUMENTATION_ASNS = (Asn(DOCUMENTATION[0]), Asn(DOCUMENTATION[1]))
"""Not allowed in a path on Microsoft peering (RFC 5398)."""
