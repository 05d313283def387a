"""Static routes in the kernel: set whatever was there, removed without touching another's."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import permutations
from typing import Any

import pytest
from namespaced_fib import STATIC, NamespacedFib, namespaced_fib

from lab.bgp.route import Prefix
from lab.runtime.steering import LAST_RESORT

pytestmark = pytest.mark.lab

PREFIXES = {
    4: (ip_network("10.0.0.0/8"), ip_network("0.0.0.0/0")),
    6: (ip_network("fd00::/16"), ip_network("::/0")),
}
HOPS = {4: ("192.0.2.2", "192.0.2.3"), 6: ("2001:db8::2", "2001:db8::3")}


@pytest.fixture
def kernel() -> Iterator[NamespacedFib]:
    with namespaced_fib() as fib:
        yield fib


def shapes(version: int) -> dict[str, tuple[Any, ...]]:
    """Arguments of ``Router.set_route`` behind the prefix, by what `ip route` shows of them."""
    one, other = map(ip_address, HOPS[version])
    far = ip_address("203.0.113.1" if version == 4 else "2001:db8:f::1")
    return {
        f"via {one} dev near": ((one,),),
        f"nexthop via {other} dev near": ((one, other),),
        "blackhole": ((),),
        f"via {far} dev near": ((far,), "near", True),
    }


def shown(kernel: NamespacedFib, prefix: Prefix) -> str:
    return kernel.ip(f"-{prefix.version} route show {prefix} proto static")


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
def test_a_route_takes_the_place_of_any_other_to_its_prefix(kernel: NamespacedFib, version: int) -> None:
    for prefix in PREFIXES[version]:
        for before, after in permutations(shapes(version).items(), 2):
            kernel.set_route(prefix, *before[1])
            kernel.set_route(prefix, *after[1])
            text = shown(kernel, prefix)
            assert after[0] in text
            assert len(kernel.routes(STATIC)) == 1
            assert ("nexthop" in text) is ("nexthop" in after[0])
        kernel.remove_route(prefix)


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
def test_a_removed_route_leaves_bgps_to_the_same_prefix(kernel: NamespacedFib, version: int) -> None:
    for prefix in PREFIXES[version]:
        learned = {prefix: (ip_address(HOPS[version][0]),)}
        assert kernel.apply(learned) == {}
        for shape in shapes(version).values():
            kernel.set_route(prefix, *shape)
            kernel.remove_route(prefix)
            assert shown(kernel, prefix) == ""
            kernel.remove_route(prefix)  # one that is gone already is fine
            assert kernel.routes() == learned
        kernel.apply({prefix: ()})


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
def test_a_last_resort_stands_behind_all_others_and_goes_alone(kernel: NamespacedFib, version: int) -> None:
    prefix, inside = PREFIXES[version][0], PREFIXES[version][0][1]
    one, other = map(ip_address, HOPS[version])
    kernel.set_route(prefix, (), None, False, LAST_RESORT)
    kernel.set_route(prefix, (one,))
    kernel.apply({prefix: (other,)})
    assert f"via {one} " in kernel.ip(f"route get {inside}")
    kernel.remove_route(prefix)
    assert f"via {other} " in kernel.ip(f"route get {inside}")
    kernel.set_route(prefix, (one,))
    kernel.remove_route(prefix, LAST_RESORT)
    assert "blackhole" not in shown(kernel, prefix)
    assert f"via {one} " in shown(kernel, prefix)
