"""Azure's published tables: whole, of one mind with the model, and read as they are meant."""

from __future__ import annotations

from ipaddress import ip_network
from typing import get_args

import pytest

from lab.model.as_numbers import is_private, is_reserved_on_peerings, is_reserved_on_vpn_gateways
from lab.model.azure import GatewaySku, GatewayType
from lab.model.circuit import ExpressRouteCircuit, ServiceProviderProperties, SkuTier
from lab.model.data import DATA, table
from lab.model.gateway_skus import gateway_skus
from lab.model.limits import limits
from lab.model.peering_locations import all_peering_locations, peering_locations
from lab.model.public_prefixes import not_public, private_use
from lab.model.reach import cloud_of, reach_of, reaches
from lab.model.regions import PUBLIC_CLOUD, region
from lab.model.service_communities import service_communities


@pytest.mark.parametrize("file", sorted(DATA.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_table_says_where_it_comes_from(file: object) -> None:
    comments = [line for line in DATA.joinpath(str(file)).read_text().splitlines() if line.startswith("#")]
    assert [line for line in comments if "learn.microsoft.com" in line or "RFC" in line]
    assert table(DATA.joinpath(str(file)).stem)


# Peering locations and reach.


def test_a_location_is_in_a_cloud_once_and_its_regions_are_known_there() -> None:
    seen = [(each.name, each.cloud) for each in all_peering_locations()]
    assert len(set(seen)) == len(seen)
    for location in all_peering_locations():
        for name in location.local:
            local = region(name)
            assert local is not None, name
            assert (local.name, local.geopolitical, local.cloud) == (
                name,
                location.geopolitical,
                location.cloud,
            )


@pytest.mark.parametrize("name", ["Silicon Valley", "siliconvalley", "SILICON VALLEY"])
def test_a_location_is_found_however_it_is_written(name: str) -> None:
    assert {each.cloud for each in peering_locations(name)} == {PUBLIC_CLOUD, "US Government"}


def test_what_is_no_location() -> None:
    assert peering_locations("West US 2") == ()


def circuit(location: str, tier: str, region_of_resource: str | None = None) -> ExpressRouteCircuit:
    provider = ServiceProviderProperties(
        service_provider_name="Equinix", peering_location=location, bandwidth_in_mbps=1000
    )
    data = {"name": "er", "sku": {"tier": tier}, "service_provider_properties": provider}
    return ExpressRouteCircuit.model_validate(data | {"location": region_of_resource})


@pytest.mark.parametrize(("location", "tier", "target", "expected"), [
    ("Amsterdam", "Local", "West Europe", True), ("Amsterdam", "Local", "North Europe", False),
    ("Washington DC", "Local", "East US 2", True), ("Dallas", "Local", "South Central US", False),
    ("Amsterdam", "Standard", "North Europe", True), ("Amsterdam", "Standard", "UK South", True),
    ("Amsterdam", "Standard", "East US", False), ("Amsterdam", "Premium", "East US", True),
    ("Amsterdam", "Premium", "China North", False), ("Seattle", "Premium", "US Gov Texas", False),
    ("Canberra", "Standard", "Australia East", False), ("nowhere", "Standard", "East US", True),
])  # fmt: skip
def test_how_far_a_circuit_reaches(location: str, tier: str, target: str, expected: bool) -> None:
    found = region(target)
    assert found is not None
    assert reaches(circuit(location, tier), found) is expected


@pytest.mark.parametrize(("location", "resource", "cloud"), [
    ("Seattle", None, PUBLIC_CLOUD), ("Seattle", "West US 2", PUBLIC_CLOUD),
    ("Seattle", "US Gov Virginia", "US Government"), ("Beijing", None, "China"),
    ("nowhere", None, PUBLIC_CLOUD), ("Seattle", "no region", PUBLIC_CLOUD),
])  # fmt: skip
def test_the_cloud_of_a_circuit(location: str, resource: str | None, cloud: str) -> None:
    assert cloud_of(circuit(location, "Standard", resource)) == cloud


@pytest.mark.parametrize(("location", "tier", "words"), [
    ("Washington DC", "Local", "East US and East US 2"), ("Dallas", "Local", "no region"),
    ("Dallas", "Standard", "North America"),
])  # fmt: skip
def test_reach_in_words(location: str, tier: str, words: str) -> None:
    assert reach_of(circuit(location, tier)) == words


# Limits and gateways.


def test_every_bandwidth_and_tier_has_its_limits() -> None:
    bandwidths = get_args(ServiceProviderProperties.model_fields["bandwidth_in_mbps"].annotation)
    assert set(limits().premium_virtual_network_links) == set(bandwidths)
    assert set(limits().private_peering_prefixes) == {tier.value for tier in SkuTier}


@pytest.mark.parametrize(("tier", "bandwidth", "links"), [
    (SkuTier.LOCAL, 10000, 10), (SkuTier.STANDARD, 50, 10), (SkuTier.PREMIUM, 50, 20),
    (SkuTier.PREMIUM, 10000, 100),
])  # fmt: skip
def test_links_of_a_circuit(tier: SkuTier, bandwidth: int, links: int) -> None:
    assert limits().links_of(tier, bandwidth) == links


def test_the_model_knows_the_skus_of_the_table() -> None:
    skus = {name for kind in GatewayType for name in gateway_skus(kind)}
    assert skus | {"Basic"} == set(get_args(GatewaySku))


@pytest.mark.parametrize(("sku", "units", "circuits"), [
    ("Standard", 1, 4), ("ErGw2AZ", 1, 8), ("UltraPerformance", 1, 16),
    ("ErGwScale", 1, 4), ("ErGwScale", 2, 8), ("ErGwScale", 9, 8), ("ErGwScale", 10, 16),
    ("ErGwScale", 40, 16),
])  # fmt: skip
def test_circuits_of_a_gateway(sku: str, units: int, circuits: int) -> None:
    assert gateway_skus(GatewayType.EXPRESS_ROUTE)[sku].most_circuits(units) == circuits


# Communities, AS numbers, addresses.


def test_services_that_need_authorisation() -> None:
    known = service_communities()
    assert known["12076:5010"].microsoft_365
    assert not known["12076:5070"].microsoft_365


@pytest.mark.parametrize(("asn", "on_peerings", "on_vpn_gateways", "private"), [
    (12076, True, True, False), (8075, False, True, False), (64496, False, True, False),
    (64511, False, True, False), (64512, False, False, True), (65514, False, False, True),
    (65515, True, False, True), (65516, True, False, True), (65520, True, True, True),
    (65521, False, False, True), (65534, False, False, True), (65535, False, True, False),
    (65552, False, False, False), (4199999999, False, False, False), (4200000000, False, False, True),
    (4294967295, False, True, False),
])  # fmt: skip
def test_as_numbers_at_the_edges(asn: int, on_peerings: bool, on_vpn_gateways: bool, private: bool) -> None:
    found = is_reserved_on_peerings(asn), is_reserved_on_vpn_gateways(asn), is_private(asn)
    assert found == (on_peerings, on_vpn_gateways, private)


@pytest.mark.parametrize("prefix", [
    "10.1.0.0/16", "100.64.0.0/10", "172.31.255.0/24", "0.0.0.0/0", "::/0", "192.0.0.0/8", "224.0.0.5/32",
    "fc00::/7", "fe80::1/128", "ff00::/8", "4000::/16", "::1/128",
])  # fmt: skip
def test_what_is_not_public(prefix: str) -> None:
    assert not_public(ip_network(prefix)) is not None


@pytest.mark.parametrize("prefix", [
    "9.255.0.0/16", "11.0.0.0/8", "100.128.0.0/16", "172.32.0.0/16", "192.0.2.0/24", "223.255.255.0/24",
    "2000::/16", "2001:db8::/32", "3fff::/20",
])  # fmt: skip
def test_what_is_public_or_stands_for_it(prefix: str) -> None:
    assert not_public(ip_network(prefix)) is None


def test_private_use_is_rfc_1918_and_rfc_4193() -> None:
    assert list(map(str, private_use(4))) == ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
    assert list(map(str, private_use(6))) == ["fc00::/7"]
