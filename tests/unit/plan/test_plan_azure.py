"""Virtual networks, GatewaySubnets, peered networks and Microsoft's public side."""

from __future__ import annotations

import pytest
from plan_builders import address, changed, compiled, packet_filter, routes

from lab.plan.errors import PlanError
from lab.plan.types import FilterAction, Node, Role

VPN, TWO = "expressroute-vpn", "two-circuits"
BASIC = "expressroute-basic"


def seats(plan, vnet, port="gw"):
    """Who sits where in a network's GatewaySubnet: namespace to the last octet."""
    found = {
        one.namespace: one.address
        for one in plan.addresses
        if (one.ifname in (port, vnet) or one.ifname == "br-gateway") and one.address.version == 4
    }
    return {name: int(str(address.ip).rpartition(".")[2]) for name, address in found.items()}


def test_a_network_is_one_router_with_a_bridge_per_subnet():
    plan = compiled(VPN)
    assert plan.node("vnet-corp") == Node("vnet-corp", Role.VNET, ("azure", "vnet-corp"))
    bridges = {bridge.ifname: bridge.ports for bridge in plan.bridges if bridge.namespace == "vnet-corp"}
    assert bridges == {
        "br-workload": ("vm-corp",),
        "br-gateway": ("msee1", "msee2", "ergw-corp-0", "ergw-corp-1"),
    }
    assert address(plan, "vnet-corp:br-workload") == ["10.17.1.1/24"]
    assert address(plan, "vnet-corp:br-gateway") == ["10.17.11.65/27"]


def test_a_machine_has_its_address_and_the_subnets_router_as_default():
    plan = compiled("dual-stack")
    assert address(plan, "vm-six:eth0") == ["10.20.1.4/24", "fd00:20:0:1::4/64"]
    assert routes(plan, "vm-six") == {"0.0.0.0/0": ("10.20.1.1",), "::/0": ("fd00:20:0:1::1",)}


def test_msees_and_gateway_instances_sit_at_the_observed_offsets():
    """10.17.11.64/27: neighbours at +4 and +5, instances at +12 and +13."""
    assert seats(compiled(VPN), "vnet-corp") == {
        "msee1/private": 68,
        "msee2/private": 69,
        "ergw-corp-0": 76,
        "ergw-corp-1": 77,
        "vnet-corp": 65,
        "vnet-secure": 225,
        "vpngw-secure-0": 228,
        "vpngw-secure-1": 229,
    }


def test_the_second_circuits_msees_follow_and_a_vpn_gateway_takes_the_next_free_seats():
    assert seats(compiled(TWO), "vnet-corp") == {
        "er-seattle-msee1/private": 68,
        "er-seattle-msee2/private": 69,
        "er-chicago-msee1/private": 70,
        "er-chicago-msee2/private": 71,
        "ergw-corp-0": 76,
        "ergw-corp-1": 77,
        "vpngw-corp-0": 78,
        "vpngw-corp-1": 79,
        "vnet-corp": 65,
    }


def test_a_vpn_gateway_alone_sits_where_the_msees_would():
    def edit(data):
        for configuration in data["virtual_network_gateways"][1]["ip_configurations"]:
            del configuration["private_ip_address"]

    plan = changed(VPN, edit)
    assert address(plan, "vpngw-secure-0:gw") == ["10.2.0.228/27"]
    assert address(plan, "vpngw-secure-1:gw") == ["10.2.0.229/27"]


def test_a_given_address_wins_and_the_others_make_room():
    def edit(data):
        data["virtual_network_gateways"][0]["ip_configurations"] = [
            {"name": "a", "private_ip_address": "10.17.11.68"},
            {"name": "b", "private_ip_address": "10.17.11.90"},
        ]

    plan = changed(BASIC, edit)
    assert address(plan, "ergw-corp-0:gw") == ["10.17.11.68/27"]
    assert address(plan, "ergw-corp-1:gw") == ["10.17.11.90/27"]
    assert address(plan, "msee1/private:vnet-corp") == ["10.17.11.69/27"]
    assert address(plan, "msee2/private:vnet-corp") == ["10.17.11.70/27"]


def test_the_same_offset_holds_in_ipv6():
    plan = compiled("dual-stack")
    assert address(plan, "ergw-six-1:gw") == ["10.20.255.13/27", "fd00:20:0:ff::d/64"]
    assert address(plan, "msee2/private:vnet-six") == ["10.20.255.5/27", "fd00:20:0:ff::5/64"]


def with_addresses(first, second):
    def edit(data):
        data["virtual_network_gateways"][0]["ip_configurations"] = [
            {"name": "a", "private_ip_address": first},
            {"name": "b", "private_ip_address": second},
        ]

    return edit


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("10.17.11.70", "10.17.11.70", "ergw-corp-1: 10.17.11.70 is taken by ergw-corp-0"),
        ("10.17.12.4", "10.17.11.70", "ergw-corp-0: 10.17.12.4 is not in the GatewaySubnet of vnet-corp"),
        ("10.17.11.65", "10.17.11.70", "ergw-corp-0: 10.17.11.65 is reserved"),
        ("10.17.11.95", "10.17.11.70", "ergw-corp-0: 10.17.11.95 is reserved"),
    ],
)
def test_a_seat_that_is_not_free_is_an_error(first, second, message):
    with pytest.raises(PlanError) as raised:
        changed(BASIC, with_addresses(first, second))
    assert raised.value.message.startswith(message)
    assert raised.value.hint


def test_a_gateway_subnet_may_be_too_small():
    def edit(data):
        data["virtual_networks"][0]["subnets"][1]["address_prefixes"] = ["10.17.11.64/29"]

    with pytest.raises(PlanError, match="no address left") as raised:
        changed(BASIC, edit)
    assert raised.value.hint == "make it /27 or larger"


def test_a_gateway_needs_its_subnet():
    def edit(data):
        del data["virtual_networks"][0]["subnets"][1]

    with pytest.raises(PlanError, match="vnet-corp has a gateway but no GatewaySubnet"):
        changed(BASIC, edit)


def test_a_connection_needs_private_peering():
    def edit(data):
        data["express_route_circuits"][0]["peerings"] = []
        data["on_premises"] = []

    with pytest.raises(PlanError, match="conn-corp links circuit er-seattle, which has no private peering"):
        changed(BASIC, edit)


def test_a_network_drops_what_is_in_its_space_and_in_no_subnet():
    assert routes(compiled(VPN), "vnet-secure") == {"10.2.0.0/24": ()}


def test_a_space_that_is_a_subnet_needs_no_route_of_its_own():
    def edit(data):
        vnet = data["virtual_networks"][0]
        vnet["address_space"]["address_prefixes"] = ["10.17.1.0/24", "10.17.11.64/27"]

    plan = changed(BASIC, edit)
    assert routes(plan, "vnet-corp") == {}
    assert routes(plan, "ergw-corp-0") == {"10.17.1.0/24": ("10.17.11.65",)}


def test_gateways_hand_their_networks_spaces_to_its_router():
    plan = compiled("hub-spoke")
    hub = ("10.10.255.1",)
    spaces = [f"10.{number}.0.0/16" for number in (10, 111, *range(11, 21))]
    assert routes(plan, "ergw-hub-1") == dict.fromkeys(spaces, hub)


def test_peered_networks_know_each_others_spaces_over_a_link_of_their_own():
    plan = compiled("hub-spoke")
    assert address(plan, "vnet-hub:vnet-data") == ["100.64.128.2/31"]
    assert address(plan, "vnet-data:vnet-hub") == ["100.64.128.3/31"]
    assert routes(plan, "vnet-data")["10.10.0.0/16"] == ("100.64.128.2",)
    assert routes(plan, "vnet-hub")["10.12.0.0/16"] == ("100.64.128.3",)


@pytest.mark.parametrize(
    ("hub_allows", "spoke_uses", "spaces"),
    [(True, True, 2), (True, False, 1), (False, True, 1), (False, False, 1)],
)
@pytest.mark.parametrize("hub_first", [True, False])
def test_a_gateway_serves_a_spoke_when_both_halves_say_so(hub_allows, spoke_uses, spaces, hub_first):
    def edit(data):
        hub, *_, spoke = data["virtual_networks"]
        hub["virtual_network_peerings"] = [
            {"name": "x", "remote_virtual_network": "vnet-sandbox", "allow_gateway_transit": hub_allows}
        ]
        spoke["virtual_network_peerings"][0]["use_remote_gateways"] = spoke_uses
        data["virtual_networks"].sort(key=lambda vnet: vnet is hub, reverse=hub_first)

    plan = changed("hub-spoke", edit)
    assert len(plan.speaker("ergw-hub-0").config.originations) == spaces
    assert len(routes(plan, "ergw-hub-0")) == spaces


def test_half_a_peering_connects_nothing():
    def edit(data):
        del data["virtual_networks"][1]["virtual_network_peerings"]

    whole, half = (
        {wire.name for wire in plan.wires} for plan in (compiled("hub-spoke"), changed("hub-spoke", edit))
    )
    assert whole - half == {"vnet-hub--vnet-app"}


def test_a_vpn_gateway_has_a_public_side_that_nothing_is_forwarded_from():
    plan = compiled(VPN)
    assert address(plan, "vpngw-secure-0:outside") == ["52.175.253.112/32"]
    assert routes(plan, "vpngw-secure-0") == {
        "10.2.0.0/24": ("10.2.0.225",),
        "0.0.0.0/0": ("100.64.64.1",),
        "203.0.113.110/32": ("100.64.64.1",),
        **dict.fromkeys(("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"), ()),
    }
    into, out = packet_filter(plan, "vpngw-secure-0").rules
    assert into.action is out.action is FilterAction.DROP
    assert (into.in_interfaces, into.out_interfaces) == (("outside",), ("gw", "vpn1"))
    assert (out.in_interfaces, out.out_interfaces) == (("gw", "vpn1"), ("outside",))
    (onlink,) = (
        one for one in plan.static_routes if one.namespace == "msnet" and one.ifname == "vpngw-secure-0"
    )
    assert (str(onlink.prefix), onlink.onlink) == ("52.175.253.112/32", True)


def test_a_public_address_left_out_comes_from_the_networks_region():
    def edit(data):
        for configuration in data["virtual_network_gateways"][1]["ip_configurations"]:
            del configuration["public_ip_address"]
        data["microsoft_network"]["regions"][0]["service_addresses"] = ["13.66.128.1"]
        data["microsoft_network"]["regions"][0]["name"] = "westus2"  # the same region, as ARM writes it

    plan = changed(VPN, edit)
    assert address(plan, "vpngw-secure-0:outside") == ["13.66.128.2/32"]
    assert address(plan, "vpngw-secure-1:outside") == ["13.66.128.3/32"]


def test_the_standby_instance_of_an_active_standby_gateway_has_no_public_side():
    def edit(data):
        gateway = data["virtual_network_gateways"][1]
        gateway["active_active"] = False
        del gateway["ip_configurations"][1]

    plan = changed(VPN, edit)
    assert address(plan, "vpngw-secure-0:outside") == ["52.175.253.112/32"]
    assert address(plan, "vpngw-secure-1:outside") == []


def test_a_public_address_needs_a_region_to_come_from():
    def edit(data):
        data["virtual_network_gateways"][1]["ip_configurations"] = []
        data["microsoft_network"]["regions"] = []

    with pytest.raises(PlanError, match="VPN gateway vpngw-secure has no public address"):
        changed(VPN, edit)


def test_microsofts_edge_answers_for_services_and_drops_the_rest_of_its_prefixes():
    plan = compiled(VPN)
    assert address(plan, "msnet:lo") == ["52.183.0.10/32", "52.168.0.10/32"]
    assert routes(plan, "msnet")["52.183.0.0/17"] == ()
    assert address(plan, "msee1/microsoft:msnet") == ["100.64.0.0/31"]
    assert address(plan, "msnet:msee2") == ["100.64.0.3/31"]


def test_a_region_nobody_knows_is_an_error():
    def edit(data):
        data["microsoft_network"]["regions"][0]["name"] = "Atlantis"

    with pytest.raises(PlanError, match="'Atlantis' is no Azure region"):
        changed(VPN, edit)


def test_packets_do_not_pass_a_circuit_from_one_network_to_another():
    (rule,) = packet_filter(compiled(VPN), "msee1/private").rules
    assert (rule.action, rule.in_interfaces, rule.out_interfaces) == (
        FilterAction.DROP,
        ("vnet-corp",),
        ("vnet-corp",),
    )


def test_microsoft_peering_lets_in_advertised_public_prefixes_only():
    found = packet_filter(compiled(VPN), "msee2/microsoft")
    assert found.default is FilterAction.ACCEPT
    allowed, dropped = found.rules
    assert (allowed.action, list(map(str, allowed.sources))) == (FilterAction.ACCEPT, ["203.0.113.108/30"])
    assert (dropped.action, dropped.in_interfaces, dropped.sources) == (FilterAction.DROP, ("er200",), ())
