"""The Fib protocol, held by the kernel and by its twin for tests alike."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import islice

import pytest
from namespaced_fib import STATIC, NamespacedFib, Routes, namespaced_fib

from lab.agent.fib import METRIC, Fib, MemoryFib, NextHops
from lab.bgp.route import Prefix

NEAR = {4: ip_network("192.0.2.0/24"), 6: ip_network("2001:db8::/64")}
"""The connected networks; ``namespaced_fib.SET_UP`` puts them on an interface."""

FAR = {4: ip_network("203.0.113.0/24"), 6: ip_network("2001:db8:f::/64")}
"""Where nothing leads."""

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

PREFIXES = {4: ip_network("10.0.0.0/8"), 6: ip_network("fd00::/16")}


@dataclass(frozen=True)
class Table:
    """A Fib, and the way to look at what it did."""

    fib: Fib
    routes: Callable[[], Routes]

    def apply(self, changes: Routes) -> dict[Prefix, str]:
        return self.fib.apply(changes)


@pytest.fixture
def kernel() -> Iterator[NamespacedFib]:
    with namespaced_fib() as fib:
        yield fib


@pytest.fixture(params=["memory", pytest.param("kernel", marks=pytest.mark.lab)])
def table(request: pytest.FixtureRequest) -> Table:
    if request.param == "memory":
        memory = MemoryFib(tuple(NEAR.values()))
        return Table(memory, lambda: dict(memory.routes))
    fib: NamespacedFib = request.getfixturevalue("kernel")
    return Table(fib, fib.routes)


both_families = pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])


def hops(version: int, *numbers: int) -> NextHops:
    """The hosts of those numbers on the connected network."""
    return tuple(NEAR[version][number] for number in numbers)


def unreachable(version: int, count: int = 1) -> NextHops:
    return tuple(islice(FAR[version].hosts(), count))


def prefixes(version: int, count: int) -> list[Prefix]:
    """The first ``count`` /24 or /64 of the family's prefix."""
    return list(islice(PREFIXES[version].subnets(new_prefix={4: 24, 6: 64}[version]), count))


@both_families
def test_an_installed_prefix_has_its_next_hop(table: Table, version: int) -> None:
    route: Routes = {PREFIXES[version]: hops(version, 2)}
    assert table.apply(route) == {}
    assert table.routes() == route


@both_families
def test_several_next_hops_are_ecmp(table: Table, version: int) -> None:
    route: Routes = {PREFIXES[version]: hops(version, 2, 3, 4)}
    assert table.apply(route) == {}
    assert table.routes() == route


@both_families
@pytest.mark.parametrize(
    "numbers",
    [
        [(2,), (3,)],
        [(2,), (2, 3)],
        [(2, 3), (2,)],
        [(2, 3), (4,)],
        [(2, 3), (4, 5)],
        [(2, 3, 4), (3, 4)],
        [(2, 3), (2, 3)],
        [(2,), (2, 3), (3, 4, 5), (3,), (2,)],
    ],
    ids=str,
)
def test_installing_is_replacing(table: Table, version: int, numbers: list[tuple[int, ...]]) -> None:
    for each in numbers:
        assert table.apply({PREFIXES[version]: hops(version, *each)}) == {}
        assert table.routes() == {PREFIXES[version]: hops(version, *each)}


@both_families
@pytest.mark.parametrize("numbers", [(2,), (2, 3, 4)], ids=["one next hop", "several"])
def test_a_removed_prefix_is_gone_and_the_others_stay(
    table: Table, version: int, numbers: tuple[int, ...]
) -> None:
    gone, kept = prefixes(version, 2)
    table.apply({gone: hops(version, *numbers), kept: hops(version, *numbers)})
    assert table.apply({gone: ()}) == {}
    assert table.routes() == {kept: hops(version, *numbers)}


@both_families
def test_removing_what_is_not_there_is_no_error(table: Table, version: int) -> None:
    first, second, absent = prefixes(version, 3)
    assert table.apply({absent: ()}) == {}
    assert table.apply({absent: (), first: hops(version, 2)}) == {}
    assert table.apply({second: hops(version, 2), absent: ()}) == {}
    assert set(table.routes()) == {first, second}


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "10.1.2.3/32", "fd00::1/128", "10.128.0.0/9"])
def test_any_length_of_prefix_will_do(table: Table, text: str) -> None:
    prefix = ip_network(text)
    assert table.apply({prefix: hops(prefix.version, 2)}) == {}
    assert table.routes() == {prefix: hops(prefix.version, 2)}
    assert table.apply({prefix: ()}) == {}
    assert table.routes() == {}


def test_families_share_a_batch(table: Table) -> None:
    routes: Routes = {PREFIXES[version]: hops(version, 2, 3) for version in (4, 6)}
    assert table.apply(routes) == {}
    assert table.routes() == routes


def test_nothing_to_do_is_done(table: Table) -> None:
    assert table.apply({}) == {}
    assert table.routes() == {}


@both_families
@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "between", "last"])
def test_what_is_refused_is_reported_and_the_rest_is_applied(table: Table, version: int, place: int) -> None:
    wanted: Routes = {prefix: hops(version, 2) for prefix in prefixes(version, 3)}
    bad = list(wanted)[place]
    refused = table.apply(wanted | {bad: unreachable(version)})
    assert set(refused) == {bad}
    assert refused[bad]
    assert table.routes() == {prefix: hops for prefix, hops in wanted.items() if prefix != bad}


@both_families
def test_one_unreachable_next_hop_refuses_the_whole_route(table: Table, version: int) -> None:
    prefix = PREFIXES[version]
    assert set(table.apply({prefix: (*hops(version, 2), *unreachable(version))})) == {prefix}
    assert table.routes() == {}


@both_families
@pytest.mark.parametrize("numbers", [(2,), (2, 3)], ids=["one next hop", "several"])
def test_a_refused_replacement_leaves_the_route_as_it_was(
    table: Table, version: int, numbers: tuple[int, ...]
) -> None:
    before: Routes = {PREFIXES[version]: hops(version, *numbers)}
    table.apply(before)
    assert set(table.apply({PREFIXES[version]: unreachable(version)})) == {PREFIXES[version]}
    assert table.routes() == before


@both_families
def test_a_thousand_routes_come_and_go_in_a_batch(table: Table, version: int) -> None:
    routes: Routes = {prefix: hops(version, 2, 3) for prefix in prefixes(version, 1000)}
    assert table.apply(routes) == {}
    assert table.routes() == routes
    assert table.apply(dict.fromkeys(routes, ())) == {}
    assert table.routes() == {}


@both_families
def test_a_thousand_refusals_are_a_thousand_reports(table: Table, version: int) -> None:
    routes: Routes = {prefix: unreachable(version, 8) for prefix in prefixes(version, 1000)}
    good = PREFIXES[version].supernet()
    assert set(table.apply({**routes, good: hops(version, 2)})) == set(routes)
    assert table.routes() == {good: hops(version, 2)}


# What only a kernel can get wrong.


@pytest.mark.lab
@both_families
def test_many_next_hops_of_many_routes_fit_the_socket(kernel: NamespacedFib, version: int) -> None:
    routes: Routes = {prefix: hops(version, *range(2, 50)) for prefix in prefixes(version, 400)}
    assert kernel.apply(routes) == {}
    assert kernel.routes() == routes


@pytest.mark.lab
@both_families
def test_routes_of_other_protocols_survive_a_removal(kernel: NamespacedFib, version: int) -> None:
    prefix, other = PREFIXES[version], hops(version, 9)
    kernel.ip(f"route add {prefix} via {other[0]} proto static metric {METRIC[FAMILIES[version]]}")
    assert kernel.apply({prefix: ()}) == {}
    assert kernel.routes(STATIC) == {prefix: other}


@pytest.mark.lab
@both_families
def test_a_static_route_stands_before_ours_and_stays(kernel: NamespacedFib, version: int) -> None:
    prefix, static, ours = PREFIXES[version], hops(version, 9), hops(version, 2)
    kernel.ip(f"route add {prefix} via {static[0]} proto static")
    assert kernel.apply({prefix: ours}) == {}
    assert (kernel.routes(), kernel.routes(STATIC)) == ({prefix: ours}, {prefix: static})
    assert f"via {static[0]} " in kernel.ip(f"route get {prefix[1]}")
    kernel.apply({prefix: ()})
    assert (kernel.routes(), kernel.routes(STATIC)) == ({}, {prefix: static})


@pytest.mark.lab
@both_families
def test_a_connected_network_stands_before_ours(kernel: NamespacedFib, version: int) -> None:
    inside = NEAR[version][77]
    assert kernel.apply({NEAR[version]: hops(version, 2)}) == {}
    assert "via" not in kernel.ip(f"route get {inside}")
