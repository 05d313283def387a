"""AS numbers that are not for everybody (``lab/data/as_numbers.yaml``, where each has its source)."""

from __future__ import annotations

from lab.model.constants import MSEE_ASN
from lab.model.data import table

DOCUMENTATION = (64496, 64511)
"""The first and the last one for documentation (RFC 5398)."""


def is_reserved_on_peerings(asn: int) -> bool:
    """Never the customer's side of a peering."""
    return asn == MSEE_ASN or _in("reserved_on_peerings", asn)


def is_reserved_on_vpn_gateways(asn: int) -> bool:
    """Neither a VPN gateway's nor its peer's."""
    documentation = DOCUMENTATION[0] <= asn <= DOCUMENTATION[1]
    return asn == MSEE_ASN or documentation or _in("reserved_on_vpn_gateways", asn)


def is_private(asn: int) -> bool:
    """For private use (RFC 6996)."""
    return _in("private", asn)


def _in(name: str, asn: int) -> bool:
    return any(first <= asn <= last for first, last in table("as_numbers")[name])
