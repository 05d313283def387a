"""Which tunnels have no way outside: by routes, by packet filters and across translated addresses."""

from __future__ import annotations

import pytest
from plan_builders import changed

VPN, NVA = "expressroute-vpn", "nva-termination"
BOTH = ("conn-secure-0", "conn-secure-1")


def dmz(data):
    """What the edge routers have on Microsoft peering."""
    for edge in data["on_premises"][0]["edge_routers"]:
        yield next(one for one in edge["attachments"] if one["peering_type"] == "MicrosoftPeering")


def permitted(*protocols):
    def edit(data):
        for attachment in dmz(data):
            attachment["permitted_protocols"] = list(protocols)

    return edit


def only_the_first_gateway(data):
    for attachment in dmz(data):
        attachment["permitted_remote_prefixes"] = ["52.175.253.112/32"]


@pytest.mark.parametrize(
    ("edit", "down"),
    [
        (permitted("ike", "icmp"), ()),
        (permitted("esp", "icmp"), BOTH),
        (only_the_first_gateway, BOTH[1:]),
    ],
)
def test_a_filter_that_drops_ike_keeps_tunnels_down(edit, down):
    assert changed(VPN, edit).tunnels_down == down


def test_a_filter_on_one_of_two_paths_does_not():
    def edit(data):
        next(dmz(data))["permitted_protocols"] = ["icmp"]

    assert changed(VPN, edit).tunnels_down == ()


def test_a_source_that_is_not_declared_keeps_tunnels_down():
    """The prefix is announced, and Microsoft drops what comes from it."""

    def edit(data):
        peering = data["express_route_circuits"][0]["peerings"][1]
        peering["microsoft_peering_config"]["advertised_public_prefixes"] = ["203.0.113.104/30"]

    assert changed(VPN, edit).tunnels_down == BOTH


def test_what_only_one_end_may_begin_is_judged_from_there():
    def edit(data, mode="InitiatorOnly"):
        data["connections"][1]["connection_mode"] = mode
        override = {"connection": "conn-secure", "connection_mode": "ResponderOnly"}
        data["on_premises"][0]["vpn_devices"][0]["tunnels"] = [override]

    assert changed(VPN, edit).tunnels_down == ()


def another_region(data):
    data["route_filters"][0]["rules"][0]["communities"] = ["12076:51004"]


def nothing_declared_of_the_device(data):
    peering = data["express_route_circuits"][0]["peerings"][0]
    peering["microsoft_peering_config"]["advertised_public_prefixes"] = ["203.0.113.104/30"]


def only_nva1(data):
    for attachment in dmz(data):
        attachment["permitted_remote_prefixes"] = ["52.175.253.112/32"]


@pytest.mark.parametrize(
    ("edit", "down"),
    [
        (lambda data: None, ()),
        (another_region, ("nva1-seattle-0", "nva2-seattle-0")),
        (nothing_declared_of_the_device, ("nva1-seattle-0", "nva2-seattle-0")),
        (only_nva1, ("nva2-seattle-0",)),
    ],
)
def test_the_way_to_an_appliance_is_followed_through_the_translation(edit, down):
    assert changed(NVA, edit).tunnels_down == down
