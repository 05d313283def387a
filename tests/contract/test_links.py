"""What a kernel tells of interfaces, and which networks it has a way to by one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network

import pytest
from namespaced_fib import NamespacedFib, namespaced_fib

from lab.bgp.route import Prefix
from lab.timing import Budget, wait_until

pytestmark = pytest.mark.lab

NEAR = frozenset({ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")})
"""What ``namespaced_fib.SET_UP`` connects."""
PEER, SIX = ip_network("10.2.0.228/32"), ip_network("2001:db8:1::228/128")
"""Behind an interface that stands for a tunnel's."""


@pytest.fixture
def kernel() -> Iterator[NamespacedFib]:
    with namespaced_fib() as kernel:
        kernel.ip("link add tunnel type veth peer name beyond")
        for ifname in ("near", "tunnel"):
            kernel.pass_over_without_carrier(ifname)
        kernel.ip("link set beyond up")
        kernel.ip("link set tunnel up")
        for version, peer in ((4, PEER), (6, SIX)):
            kernel.ip(f"-{version} route add {peer} dev tunnel")
            kernel.ip(f"-{version} route add blackhole {peer} metric 4000000")
        kernel.changed()
        yield kernel


def test_there_is_a_way_to_what_interfaces_lead_to(kernel: NamespacedFib) -> None:
    kernel.ip("route add 198.51.100.0/24 via 192.0.2.2")
    kernel.ip("route add default via 192.0.2.2")
    assert {network for network in kernel.networks() if not network.is_link_local} == {*NEAR, PEER, SIX}


def test_our_own_routes_are_no_way_to_a_next_hop(kernel: NamespacedFib) -> None:
    far = ip_network("203.0.113.0/24")
    kernel.apply({far: (ip_address("192.0.2.2"),)})
    kernel.ip(f"route add {ip_network('203.0.112.0/24')} dev near proto 201")
    assert not {far, ip_network("203.0.112.0/24")} & kernel.networks()


def test_nothing_is_told_while_nothing_happens(kernel: NamespacedFib) -> None:
    assert not kernel.changed()
    kernel.ip("address add 192.0.2.77/24 dev near")
    assert not kernel.changed()


CHANGES = {
    "it is removed": "link delete tunnel",
    "it is set down": "link set tunnel down",
    "its other end is": "link set beyond down",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_way_ends_with_its_interface_and_that_is_told(kernel: NamespacedFib, change: str) -> None:
    kernel.ip(change)
    left = _networks(kernel, lambda found: {PEER, SIX}.isdisjoint(found))
    assert left >= NEAR
    assert kernel.changed()


def test_a_way_is_back_with_the_carrier(kernel: NamespacedFib) -> None:
    kernel.ip("link set beyond down")
    _networks(kernel, lambda found: {PEER, SIX}.isdisjoint(found))
    kernel.changed()
    kernel.ip("link set beyond up")
    _networks(kernel, lambda found: found >= {PEER, SIX})
    assert kernel.changed()


def _networks(kernel: NamespacedFib, fits: Callable[[frozenset[Prefix]], bool]) -> frozenset[Prefix]:
    """Once they fit: a carrier is followed a little later."""
    return wait_until("the kernel has followed", kernel.networks, fits, Budget("test-carrier", 10.0))


def test_an_interface_that_is_removed_takes_every_next_hop_of_a_route_along(kernel: NamespacedFib) -> None:
    """Why a speaker has to write again what is left."""
    prefix, left, gone = ip_network("10.2.0.0/24"), ip_address("192.0.2.2"), PEER[0]
    assert kernel.apply({prefix: (left, gone)}) == {}
    kernel.ip("link delete tunnel")
    assert kernel.routes() == {}
    assert kernel.apply({prefix: (left,)}) == {}
    assert kernel.routes() == {prefix: (left,)}
