"""The limits Azure publishes (``lab/data/limits.yaml``, where each has its source)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lab.model.circuit import SkuTier
from lab.model.data import table


@dataclass(frozen=True, slots=True)
class Limits:
    """Prefixes are counted per BGP session, times are in seconds, packets in octets."""

    private_peering_prefixes: Mapping[str, int]
    """By the circuit's tier."""
    private_peering_ipv6_prefixes: int
    microsoft_peering_prefixes: int
    """Either address family."""
    gateway_prefixes: int
    gateway_ipv6_prefixes: int
    address_spaces_at_creation: int
    virtual_network_links: int
    premium_virtual_network_links: Mapping[int, int]
    """By bandwidth in Mbps."""
    circuits_of_one_location: int
    ecmp_circuits: int
    coexistence_prefix_length: int
    many_circuits: int
    many_circuits_prefix_length: int
    keepalive: int
    hold: int
    practical_keepalive: int
    practical_hold: int
    link_mtu: int
    gateway_packet: int
    circuits_per_subscription: int
    circuits_per_region: int
    fast_path_addresses: int
    system_prefixes: int

    def links_of(self, tier: SkuTier, bandwidth: int) -> int:
        """Most virtual networks linked to a circuit of so many Mbps."""
        if tier is SkuTier.PREMIUM:
            return self.premium_virtual_network_links[bandwidth]
        return self.virtual_network_links


@cache
def limits() -> Limits:
    return Limits(**table("limits"))
