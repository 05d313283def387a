"""Arithmetic on networks: the nth usable address, the two ends of a link, links out of a block."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from lab.bgp.route import Address, Prefix
from lab.plan.errors import PlanError
from lab.plan.types import Interface

Blocks = tuple[IPv4Network, IPv6Network]


def interface(address: Address, network: Prefix) -> Interface:
    """``address`` with the mask of ``network``."""
    return ip_interface(f"{address}/{network.prefixlen}")


def host(address: Address) -> Interface:
    """``address`` alone: /32 or /128."""
    return ip_interface(f"{address}/{address.max_prefixlen}")


def usable(network: Prefix, ordinal: int) -> Interface:
    """The network's usable address number ``ordinal``, from 1.

    The first one is the network address itself in a /31 (RFC 3021), a /127 (RFC 6164) and a
    single address; elsewhere the network address is not usable, nor is IPv4's broadcast address.
    """
    offset = ordinal - 1 if network.num_addresses <= 2 else ordinal
    beyond = network.num_addresses - (1 if network.version == 4 and network.num_addresses > 2 else 0)
    if offset >= beyond:
        raise PlanError(f"{network} has no usable address number {ordinal}", hint="use a larger network")
    return interface(network[offset], network)


def default_route(address: Address) -> Prefix:
    """The default route of the address's IP version."""
    return ip_network(f"{address}/0", strict=False)


def first_of(networks: Iterable[Prefix], version: int) -> Prefix | None:
    """The first network of that IP version."""
    return next((network for network in networks if network.version == version), None)


def holding(networks: Iterable[Prefix], address: Address) -> Prefix | None:
    """The longest of the networks that holds ``address``."""
    holders = [network for network in networks if network.version == address.version and address in network]
    return max(holders, key=lambda network: network.prefixlen, default=None)


def link(block: Prefix, index: int) -> tuple[Interface, Interface]:
    """The two ends of link number ``index`` out of ``block``: a /31 or a /127."""
    length = block.max_prefixlen - 1
    if 2 * index + 1 >= block.num_addresses:
        raise PlanError(f"more than {block.num_addresses // 2} links", hint="split the topology")
    return ip_interface(f"{block[2 * index]}/{length}"), ip_interface(f"{block[2 * index + 1]}/{length}")


def links(blocks: Blocks, index: int, versions: Iterable[int]) -> tuple[tuple[Interface, Interface], ...]:
    """Link number ``index`` in each of these IP versions."""
    wanted = set(versions)
    return tuple(link(block, index) for block in blocks if block.version in wanted)
