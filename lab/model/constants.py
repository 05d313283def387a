"""Numbers and limits of the model, each with where it comes from.

Pages are those of learn.microsoft.com/azure, named by their last two path elements.
"""

from __future__ import annotations

from ipaddress import IPv4Network

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Ours: far more than any lab that one host can hold."""
MAX_DEPTH = 32
"""Ours: the model itself is 9 levels deep."""
MAX_VALUES = 200_000
"""Ours: values in a file, aliases written out."""

MSEE_ASN = 12076
"""Microsoft's side of every peering (expressroute/expressroute-routing)."""
RESERVED_PEER_ASNS = frozenset({MSEE_ASN, *range(65515, 65521)})
"""Never the customer's side of a peering (expressroute/expressroute-routing)."""
MICROSOFT_PEERING_REGIONAL = 51000
"""12076:51nnn tags a region's prefixes (expressroute/expressroute-routing)."""
PRIVATE_PEERING_REGIONAL = 50000
"""12076:50nnn does on private peering (expressroute/expressroute-routing)."""

LINK_PREFIX_LENGTHS = {4: 30, 6: 126}
"""One link of a peering, by IP version (expressroute/expressroute-routing)."""
MD5_KEY_MAX = 25
"""Characters of a peering's shared key (MicrosoftDocs/azure-docs pull request 120536)."""

GATEWAY_SUBNET = "GatewaySubnet"
"""Exactly so (expressroute/expressroute-about-virtual-network-gateways)."""
SUBNET_LONGEST = {4: 29, 6: 64}
"""The smallest subnet, by IP version (virtual-network/virtual-networks-faq)."""
RESERVED_FIRST_ADDRESSES = 4
"""Of each subnet, and the last one too (virtual-network/virtual-networks-faq)."""

MINIMUM_HOLD_SECONDS = 3
"""Unless it is zero (RFC 4271 section 4.2)."""

EXPRESS_ROUTE_SKUS = (
    "Standard",
    "HighPerformance",
    "UltraPerformance",
    "ErGw1AZ",
    "ErGw2AZ",
    "ErGw3AZ",
    "ErGwScale",
)
"""Of ExpressRoute gateways (expressroute/expressroute-about-virtual-network-gateways)."""

VPN_GATEWAY_ASN = 65515
"""A VPN gateway's AS number unless it is given one (vpn-gateway/vpn-gateway-vpn-faq)."""
RESERVED_VPN_ASNS = frozenset(
    {8074, 8075, MSEE_ASN, VPN_GATEWAY_ASN, *range(65517, 65521)}
    | {23456, *range(64496, 64512), *range(65535, 65552), 4294967295}
)
"""By Azure, and by IANA (vpn-gateway/vpn-gateway-vpn-faq, whose 429496729 lacks its last digit)."""
APIPA = IPv4Network("169.254.0.0/16")
APIPA_FOR_GATEWAYS = (IPv4Network("169.254.21.0/24"), IPv4Network("169.254.22.0/24"))
"""What a VPN gateway may speak BGP from beside its own address (vpn-gateway/bgp-howto)."""
SHARED_KEY_MAX = 128
SHARED_KEY_ALPHABET = frozenset(map(chr, range(0x21, 0x7E))) - {"-"}
"""Printable ASCII without space, hyphen and tilde (vpn-gateway/vpn-gateway-vpn-faq)."""
