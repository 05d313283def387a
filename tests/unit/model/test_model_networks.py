"""Which virtual networks meet, and so may not overlap; and how a long list of names is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from model_builders import REFERENCE, changed, problems_of

from lab.model.load import parse_topology
from lab.model.problem import TopologyError
from lab.model.rules.networks import networks_on
from lab.model.view import View

SPACE = "virtual_networks.x.address_space.address_prefixes[0]"


def network(name: str, prefix: str, gateway_subnet: str | None = None) -> dict[str, Any]:
    subnets = [{"name": "GatewaySubnet", "address_prefixes": [gateway_subnet]}] if gateway_subnet else []
    space = {"address_prefixes": [prefix]}
    return {"name": name, "location": "West US 2", "address_space": space, "subnets": subnets}


def with_network(x: dict[str, Any], **more: list[Any]) -> dict[str, Any]:
    data = changed({"virtual_networks.+": x})
    for section, items in more.items():
        data[section] = data[section] + items
    return data


GATEWAY = {"name": "gw-x", "virtual_network": "x", "gateway_type": "ExpressRoute", "sku": "ErGw1AZ"}
CONNECTION = {"name": "conn-x", "virtual_network_gateway1": "gw-x", "peer": "er-seattle"}


def test_networks_linked_to_one_circuit_may_not_overlap() -> None:
    x = network("x", "10.17.128.0/17", "10.17.128.0/27")
    data = with_network(x, virtual_network_gateways=[GATEWAY], connections=[CONNECTION])
    assert problems_of(data) == [("C-13", SPACE)]


def test_a_gateway_without_a_connection_links_nothing() -> None:
    x = network("x", "10.17.128.0/17", "10.17.128.0/27")
    assert problems_of(with_network(x, virtual_network_gateways=[GATEWAY])) == []


def test_spokes_of_one_hub_may_not_overlap_although_they_are_not_peered() -> None:
    data = changed({})
    for name in ("x", "y"):
        half = {"name": "to-hub", "remote_virtual_network": "vnet-corp", "use_remote_gateways": True}
        spoke = network(name, "10.40.0.0/16") | {"virtual_network_peerings": [half]}
        data["virtual_networks"].append(spoke)
    data["virtual_networks"][0]["virtual_network_peerings"] = [
        {"name": f"to-{name}", "remote_virtual_network": name, "allow_gateway_transit": True}
        for name in ("x", "y")
    ]
    assert problems_of(data) == [("C-13", "virtual_networks.y.address_space.address_prefixes[0]")]


@pytest.mark.parametrize(("uses", "expected"), [(True, ["vnet-corp", "x"]), (False, ["vnet-corp"])])
def test_a_spoke_is_on_its_hubs_circuit_when_it_uses_the_hubs_gateway(
    uses: bool, expected: list[str]
) -> None:
    hub_side = {"name": "to-x", "remote_virtual_network": "x", "allow_gateway_transit": True}
    x = network("x", "10.40.0.0/16") | {
        "virtual_network_peerings": [
            {"name": "to-hub", "remote_virtual_network": "vnet-corp", "use_remote_gateways": uses}
        ]
    }
    data = with_network(x)
    data["virtual_networks"][0]["virtual_network_peerings"] = [hub_side]
    assert networks_on(View(parse_topology(json.dumps(data), "t")), "er-seattle") == expected


@pytest.mark.parametrize(("count", "end"), [(12, "n11"), (13, "n11 and 1 more")])
def test_a_hint_lists_a_dozen_names(count: int, end: str) -> None:
    networks = [network(f"n{index}", f"10.{index}.0.0/16") for index in range(count)]
    data = {"name": "lab", "virtual_networks": networks, "virtual_network_gateways": [
        REFERENCE["virtual_network_gateways"][0] | {"virtual_network": "zzz"}]}  # fmt: skip
    with pytest.raises(TopologyError) as raised:
        parse_topology(json.dumps(data), "t")
    assert str(raised.value).endswith(end)


@pytest.mark.parametrize(("routers", "hint"), [(1, None), (2, "a /28 or larger"), (9, "a /28 or larger"),
                                               (10, "a /27 or larger")])  # fmt: skip
def test_a_zones_lan_has_room_for_all_that_stand_in_it(routers: int, hint: str | None) -> None:
    """Five of the reference stand in the core: ce1, ce2, core1, fw1 and vpn1; a /29 has room for six."""
    data = changed({"on_premises.0.zones.0.address_prefixes": ["10.1.255.0/29"]})
    data["on_premises"][0]["routers"] += [
        {"name": f"r{index}", "zone": "core", "address_prefixes": [f"10.50.{index}.0/24"]}
        for index in range(routers)
    ]
    hints = []
    try:
        parse_topology(json.dumps(data), "t")
    except TopologyError as error:
        hints = [problem.hint for problem in error.problems]
    assert hints == ([hint] if hint else [])
