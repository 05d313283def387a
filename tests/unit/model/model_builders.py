"""The reference topology with changes, for tests that break it on purpose."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from lab.model.load import parse_topology
from lab.model.problem import TopologyError

TOPOLOGIES = Path(__file__).parents[3] / "scenarios" / "topologies"
REFERENCE: dict[str, Any] = yaml.safe_load((TOPOLOGIES / "expressroute-vpn.yaml").read_text())
DELETED = "<deleted>"

Changes = dict[str, Any]


def changed(changes: Changes) -> dict[str, Any]:
    """The reference topology with values set at dotted paths; ``+`` appends, DELETED removes."""
    data = copy.deepcopy(REFERENCE)
    for path, value in copy.deepcopy(changes).items():
        *way, last = path.split(".")
        place: Any = data
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key = int(last) if isinstance(place, list) and last != "+" else last
        if value == DELETED:
            del place[key]
        elif last == "+":
            place.append(value)
        else:
            place[key] = value
    return data


def circuit(number: int, location: str = "Seattle", **more: Any) -> dict[str, Any]:
    """One of several circuits with private peering and nobody attached."""
    return {
        "name": f"er-{number}",
        "service_provider_properties": {
            "service_provider_name": "Equinix",
            "peering_location": location,
            "bandwidth_in_mbps": 1000,
        },
        "peerings": [
            {
                "peering_type": "AzurePrivatePeering",
                "peer_asn": 65010,
                "vlan_id": 100,
                "primary_peer_address_prefix": f"192.168.{number}.0/30",
                "secondary_peer_address_prefix": f"192.168.{number}.4/30",
            }
        ],
        **more,
    }


def on_circuits(*circuits: dict[str, Any]) -> Changes:
    """The reference's ExpressRoute gateway connected to each of these instead of its own circuit."""
    return {
        "express_route_circuits": list(circuits),
        "connections": [
            {"name": f"conn-{each['name']}", "virtual_network_gateway1": "ergw-corp", "peer": each["name"]}
            for each in circuits
        ],
        "local_network_gateways": DELETED,
        "on_premises": DELETED,
    }


def linked_networks(count: int) -> Changes:
    """So many more networks linked to the reference's circuit, each by a gateway of its own."""
    numbers = range(count)
    return {
        "virtual_networks": REFERENCE["virtual_networks"]
        + [
            {
                "name": f"vnet-{number}",
                "location": "West US 2",
                "address_space": {"address_prefixes": [f"10.{100 + number}.0.0/16"]},
                "subnets": [{"name": "GatewaySubnet", "address_prefixes": [f"10.{100 + number}.0.0/27"]}],
            }
            for number in numbers
        ],
        "virtual_network_gateways": REFERENCE["virtual_network_gateways"]
        + [
            {
                "name": f"ergw-{number}",
                "virtual_network": f"vnet-{number}",
                "gateway_type": "ExpressRoute",
                "sku": "ErGw1AZ",
            }
            for number in numbers
        ],
        "connections": REFERENCE["connections"]
        + [
            {"name": f"conn-{number}", "virtual_network_gateway1": f"ergw-{number}", "peer": "er-seattle"}
            for number in numbers
        ],
    }


def problems_of(data: dict[str, Any]) -> list[tuple[str | None, str]]:
    try:
        parse_topology(json.dumps(data), "test.yaml")
    except TopologyError as error:
        return [(problem.rule, problem.path) for problem in error.problems]
    return []
