"""Arithmetic of prefixes: which overlap, which addresses are for machines.

Two CIDR prefixes are disjoint or one holds the other (RFC 4632), so that a walk in address
order with a stack of the prefixes around finds every overlap without comparing all pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lab.model.constants import RESERVED_FIRST_ADDRESSES
from lab.model.problem import Loc

AnyAddress = IPv4Address | IPv6Address
AnyNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Claim:
    """A prefix that somebody uses, and who that is."""

    prefix: AnyNetwork
    loc: Loc
    owner: str


def overlaps(claims: Iterable[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Each claim that meets an earlier or wider one: (the first in the file, the other)."""
    order = sorted(enumerate(claims), key=_address_order)
    around: list[tuple[int, Claim]] = []
    for index, claim in order:
        while around and not _holds(around[-1][1].prefix, claim.prefix):
            around.pop()
        if around:
            (_, first), (_, second) = sorted([around[-1], (index, claim)], key=lambda entry: entry[0])
            yield first, second
        around.append((index, claim))


def _address_order(entry: tuple[int, Claim]) -> tuple[int, int, int, int]:
    index, claim = entry
    prefix = claim.prefix
    return prefix.version, int(prefix.network_address), prefix.prefixlen, index


def _holds(outer: AnyNetwork, inner: AnyNetwork) -> bool:
    return outer.version == inner.version and inner.network_address in outer


def inside(inner: AnyNetwork, outers: Iterable[AnyNetwork]) -> bool:
    """True when one of ``outers`` holds all of ``inner``."""
    return any(_holds(outer, inner) and outer.prefixlen <= inner.prefixlen for outer in outers)


def around(address: AnyAddress, prefixes: Iterable[AnyNetwork]) -> AnyNetwork | None:
    """The first of ``prefixes`` that holds the address."""
    return next((prefix for prefix in prefixes if address in prefix), None)


def first_usable(prefix: AnyNetwork) -> AnyAddress:
    """The lowest address a machine may have."""
    pair_or_single = prefix.max_prefixlen - prefix.prefixlen <= 1
    return prefix[0] if pair_or_single else prefix[1]


def is_edge(address: AnyAddress, prefix: AnyNetwork) -> bool:
    """True for the network's own address and, in IPv4, its broadcast address."""
    if prefix.max_prefixlen - prefix.prefixlen <= 1:
        return False
    return address == prefix[0] or (prefix.version == 4 and address == prefix[-1])


def reserved_by_azure(address: AnyAddress, subnet: AnyNetwork) -> bool:
    """True for the five addresses of a subnet that are no machine's."""
    offset = int(address) - int(subnet[0])
    return offset < RESERVED_FIRST_ADDRESSES or address == subnet[-1]


def first_free_in_azure(subnet: AnyNetwork) -> AnyAddress:
    """The lowest address of a subnet that Azure gives to a machine."""
    return subnet.network_address + RESERVED_FIRST_ADDRESSES
