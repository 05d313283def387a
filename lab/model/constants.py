"""Numbers of the model, each with where it comes from; tables and limits are in lab/data.

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
DEFAULT_GATEWAY_ASN = 65515
"""An ExpressRoute gateway's, and a VPN gateway's when nobody sets one (vpn-gateway/vpn-gateway-vpn-faq)."""
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

ROUTING_WEIGHT_MAX = 32000
"""Of a connection (expressroute/expressroute-optimize-routing)."""
APIPA = IPv4Network("169.254.0.0/16")
APIPA_FOR_GATEWAYS = (IPv4Network("169.254.21.0/24"), IPv4Network("169.254.22.0/24"))
"""What a VPN gateway may speak BGP from beside its own address (vpn-gateway/bgp-howto)."""
SHARED_KEY_MAX = 128
SHARED_KEY_ALPHABET = frozenset(map(chr, range(0x21, 0x7E))) - {"-"}
"""Printable ASCII without space, hyphen and tilde (vpn-gateway/vpn-gateway-vpn-faq)."""
